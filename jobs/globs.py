"""Globs over keys: what a rule takes in and what it leaves out. Pure.

`*` and `?` stay within a segment (between two `/`), `**` goes across, `**/` is any number of whole
segments or none, `[abc]`, `[a-z]` and `[!a-z]` are one character but `/`. A key is gone through once,
whatever the globs are: all of them are one automaton, of which each state is found out when it is met.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

MOST_GLOBS = 100
MOST_CHARACTERS = 200
_MOST_REMEMBERED = 20_000
"""Steps of an automaton that are kept."""

Fits = Callable[[str], bool]


class BadGlob(ValueError):
    """A glob that means nothing; the message says why."""


@dataclass(frozen=True, slots=True)
class _Token:
    """One piece of a glob: a character that `fits`; with `loops` any number of them.

    With `closes` it has to end with a `/`, or to be left out.
    """

    fits: Fits
    loops: bool = False
    closes: bool = False


def _any(sign: str) -> bool:
    return True


def _within(sign: str) -> bool:
    return sign != "/"


class Globs:
    """Whether a key is one of those that any of some globs match, whole."""

    def __init__(self, globs: Sequence[str]) -> None:
        """Raises BadGlob."""
        if len(globs) > MOST_GLOBS:
            raise BadGlob(f"There are {len(globs)} globs; at most {MOST_GLOBS} are taken.")
        self._tokens: list[_Token | None] = []
        self._ends = self._begins = 0
        for glob in globs:
            first = len(self._tokens)
            self._tokens += [*_tokens(glob), None]
            self._begins |= self._arrive(first)
            self._ends |= 1 << (len(self._tokens) - 1)
        self._steps: dict[tuple[int, str], int] = {}

    def __bool__(self) -> bool:
        return bool(self._tokens)

    def match(self, key: str) -> bool:
        """Whether any of the globs matches all of the key."""
        at, steps = self._begins, self._steps
        for sign in key:
            following = steps.get((at, sign))
            at = self._step(at, sign) if following is None else following
            if not at:
                return False
        return bool(at & self._ends)

    def _step(self, at: int, sign: str) -> int:
        following = 0
        for index in _bits(at):
            following |= self._after(index, sign)
        if len(self._steps) >= _MOST_REMEMBERED:
            self._steps.clear()
        self._steps[at, sign] = following
        return following

    def _after(self, index: int, sign: str) -> int:
        """Where a character leads from one place."""
        token = self._tokens[index]
        if token is None or not token.fits(sign):
            return 0
        if token.closes:
            return 1 << index | (self._arrive(index + 1) if sign == "/" else 0)
        return self._arrive(index) if token.loops else self._arrive(index + 1)

    def _arrive(self, index: int) -> int:
        """A place, and those behind it that need no character."""
        reached = 1 << index
        while (token := self._tokens[index]) is not None and token.loops:
            index += 1
            reached |= 1 << index
        return reached


@dataclass(frozen=True, slots=True)
class Selection:
    """Which keys a rule is about: those that are included (all, without globs) and not excluded."""

    include: Globs
    exclude: Globs

    @classmethod
    def of(cls, include: Sequence[str], exclude: Sequence[str]) -> Selection:
        """Raises BadGlob."""
        return cls(Globs(include), Globs(exclude))

    def takes(self, key: str) -> bool:
        """`key` is relative to the rule's prefix."""
        if self.include and not self.include.match(key):
            return False
        return not (self.exclude and self.exclude.match(key))


def _tokens(glob: str) -> Iterator[_Token]:
    """Raises BadGlob."""
    if not glob:
        raise BadGlob("A glob is not empty.")
    if len(glob) > MOST_CHARACTERS:
        raise BadGlob(f"{glob[:20]}... has {len(glob)} characters; at most {MOST_CHARACTERS} are taken.")
    at = 0
    while at < len(glob):
        begins = at
        if glob.startswith("**", at):
            at = len(glob) - len(glob[at:].lstrip("*"))
            whole = glob[at : at + 1] == "/" and (begins == 0 or glob[begins - 1] == "/")
            at += whole
            yield _Token(_any, loops=True, closes=whole)
        elif glob[at] == "[":
            at, fits = _class(glob, at)
            yield _Token(fits)
        else:
            at += 1
            yield _SIGNS.get(glob[begins]) or _Token(glob[begins].__eq__)


_SIGNS = {"*": _Token(_within, loops=True), "?": _Token(_within)}


def _class(glob: str, at: int) -> tuple[int, Fits]:
    """A character class, and where it ends. Raises BadGlob."""
    begins = at + 2 if glob[at + 1 : at + 2] in ("!", "^") else at + 1
    ends = glob.find("]", begins + 1)
    if ends < 0:
        raise BadGlob(f"{glob}: the [ has no ].")
    ranges = list(_ranges(glob, glob[begins:ends]))
    wanted = begins == at + 1

    def fits(sign: str) -> bool:
        return sign != "/" and any(low <= sign <= high for low, high in ranges) is wanted

    return ends + 1, fits


def _ranges(glob: str, inside: str) -> Iterator[tuple[str, str]]:
    at = 0
    while at < len(inside):
        if inside[at + 1 : at + 2] == "-" and at + 2 < len(inside):
            low, high, at = inside[at], inside[at + 2], at + 3
            if low > high:
                raise BadGlob(f"{glob}: {low}-{high} is no range.")
            yield low, high
        else:
            yield inside[at], inside[at]
            at += 1


def _bits(mask: int) -> Iterator[int]:
    while mask:
        low = mask & -mask
        yield low.bit_length() - 1
        mask ^= low
