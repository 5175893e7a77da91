"""Where a walk over a place is: what a cursor token holds.

A walk goes through all versions and delete markers, in key order and newest first within a key,
then through the multipart uploads (and, to verify, through those of the target for one too many),
then through the parts of the open ones. It can stop between two versions of a key, inside a large
one, or between two parts. A verification whose source counts no changes waits at first, and lists the
source again at its end (`unchanged.py`); the last thing is how the target keeps versions from now on.

A walk over a place that takes writes is followed by reading its change feed, and stands still while it
reads some of it in between (`fed`). What both sides have is proved in a walk of its own, and what only the
target has is removed in another.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

from jobs.errors import BadToken
from jobs.kinds.tokens import encode as encode
from jobs.kinds.tokens import read

OBJECTS, UPLOADS, EXTRAS, PARTS = "objects", "uploads", "extras", "parts"
QUIET, AGAIN, VERSIONING = "quiet", "again", "versioning"
FOLLOW, PROOF, PRUNE = "follow", "proof", "prune"
_SECTIONS = (QUIET, OBJECTS, UPLOADS, EXTRAS, PARTS, AGAIN, VERSIONING, FOLLOW, PROOF, PRUNE)


@dataclass(frozen=True, slots=True)
class Position:
    """`after` (and `after_id`: a version, an upload) is done; `inside`, if any, is done up to `offset`.

    In `objects`, `inside` and `inside_id` are key and id of a large version, `offset` counts its
    bytes, `etag` says which it was when its copy began, and `upload` is the upload that collects
    the copy. In `parts`, `inside` is the id of an upload and `offset` a part number. `fed` counts the
    pages of changes that were served since the walk came here.
    """

    section: str = OBJECTS
    after: str = ""
    after_id: str = ""
    inside: str = ""
    inside_id: str = ""
    upload: str = ""
    etag: str = ""
    offset: int = 0
    fed: int = 0

    def past(self, after: str, after_id: str = "") -> Position:
        """The same section, with one more thing done."""
        return Position(self.section, after, after_id)

    def enter(self, inside: str, inside_id: str = "", *, upload: str = "", etag: str = "") -> Position:
        """The beginning of one large thing."""
        return replace(self, inside=inside, inside_id=inside_id, upload=upload, etag=etag, offset=0, fed=0)

    def at(self, offset: int) -> Position:
        return replace(self, offset=offset, fed=0)

    def after_feeding(self) -> Position:
        """The walk did not move; one more page of changes was served."""
        return replace(self, fed=self.fed + 1)


START = Position()


def decode(token: str | None) -> Position:
    """The position of a token, the start for None. Raises BadToken."""
    if token is None:
        return START
    told = read(token, _TYPES)
    if any(told.get(name, 0) < 0 for name in _NUMBERS):
        raise BadToken("The token is not of this job's kind.")
    position = Position(**told)
    if position.section not in _SECTIONS:
        raise BadToken(f"The token names no section of a walk: {position.section!r}.")
    return position


_NUMBERS = ("offset", "fed")
_TYPES: dict[str, type] = {each.name: str for each in fields(Position)} | dict.fromkeys(_NUMBERS, int)
