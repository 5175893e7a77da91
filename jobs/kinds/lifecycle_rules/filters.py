"""Which objects a rule is about. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from jobs.globs import Selection
from jobs.kinds.lifecycle_rules.spec import Rule
from proxy.backends.values import ObjectInfo


def named(rule: Rule, key: str) -> bool:
    """Whether the rule is about things of that key: its prefix and its globs."""
    if not key.startswith(rule.prefix):
        return False
    return _selection(rule.include_globs, rule.exclude_globs).takes(key[len(rule.prefix) :])


@lru_cache(maxsize=256)
def _selection(include: tuple[str, ...], exclude: tuple[str, ...]) -> Selection:
    return Selection.of(include, exclude)


def fits(rule: Rule, info: ObjectInfo) -> bool:
    """Whether it is about that version, as far as a listing tells: all but the tags.

    A delete marker has no size and no tags: a rule that asks for some is not about it.
    """
    if info.marker and (rule.tags or rule.min_size is not None or rule.max_size is not None):
        return False
    if rule.min_size is not None and info.size <= rule.min_size:
        return False
    if rule.max_size is not None and info.size >= rule.max_size:
        return False
    return named(rule, info.key)


def tagged(rule: Rule, tags: Mapping[str, str]) -> bool:
    """Whether all tags that the rule asks for are there."""
    return all(tags.get(name) == value for name, value in rule.tags.items())


def is_folder(info: ObjectInfo) -> bool:
    """Whether it stands for a directory, as tools make them: nothing in sight is ever taken from those."""
    return info.key.endswith("/") and info.size == 0 and not info.marker
