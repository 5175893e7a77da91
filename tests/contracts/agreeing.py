"""What two looks at an object have in common, whatever the backend."""

from __future__ import annotations

from dataclasses import replace

from proxy.backends.base import Backend
from proxy.backends.values import ObjectInfo


def seen(backend: Backend, info: ObjectInfo | None) -> ObjectInfo | None:
    """The facts that never differ. (A service tells the time of a write a second later or earlier.)"""
    if info is None or backend.counts_changes:
        return info
    return replace(info, seq=0, ordinal=0)


def agree(backend: Backend, *infos: ObjectInfo | None) -> bool:
    """Whether they are about the same version and say the same of it."""
    first, *others = [seen(backend, info) for info in infos]
    return all(other == first for other in others)
