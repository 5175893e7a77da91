"""No SQLite connection crosses a fork.

A child that used, or only closed, a connection of its parent would act on locks that it does
not have. So the child sets them aside unclosed, for as long as it lives, and connects anew.
Source: SQLite, "How To Corrupt An SQLite Database File", section 2.6.
"""

from __future__ import annotations

import os
import threading
import weakref

from django.db.backends.base.base import BaseDatabaseWrapper

_wrappers: weakref.WeakSet[BaseDatabaseWrapper] = weakref.WeakSet()
_lock = threading.Lock()
_kept: list[object] = []


def watch(wrapper: BaseDatabaseWrapper) -> None:
    """See to it that this wrapper connects anew in a child."""
    with _lock:
        _wrappers.add(wrapper)


def _hold() -> None:
    # The child frees what belonged to the parent's other threads before any code of ours runs
    # there; what is held here it does not.
    _lock.acquire()
    _kept.append([(wrapper, wrapper.connection) for wrapper in _wrappers])


def _let_go() -> None:
    _kept.pop()
    _lock.release()


def _set_aside() -> None:
    for wrapper in _wrappers:
        wrapper.connection = None
    _lock.release()


os.register_at_fork(before=_hold, after_in_parent=_let_go, after_in_child=_set_aside)
