"""What a list of jobs is narrowed to, as a condition on their rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet

from jobs.actions.showing import shown_jobs
from jobs.errors import BadRequest
from jobs.kinds import KINDS
from jobs.models import Failure
from jobs.presentation.rows import CONTINUOUS, EVENTS, ONE_OFF, SCHEDULED, TRIGGERS
from jobs.states import Status

LONGEST_QUERY = 200
FLAGS = {"true": True, "false": False}


@dataclass(frozen=True, slots=True)
class Filters:
    """What a list is narrowed to; empty means any.

    `bucket` is where it works or where it takes things to; `q` looks into names, ids, errors and codes.
    """

    kind: str = ""
    status: str = ""
    bucket: str = ""
    q: str = ""
    trigger: str = ""
    paused: str = ""


ANY = Filters()


def filtered(filters: Filters) -> QuerySet[Any, Any]:
    """The jobs that match, as `shown_jobs`. Raises BadRequest."""
    rows = shown_jobs()
    for name, condition in _CONDITIONS.items():
        if value := getattr(filters, name):
            rows = rows.filter(condition(value))
    return rows


def _status(text: str) -> Q:
    if text not in set(Status):
        raise BadRequest(f"status must be one of {', '.join(Status)}, not {text[:40]!r}.")
    return Q(shown=text)


def _kind(text: str) -> Q:
    if text not in KINDS:
        raise BadRequest(f"kind must be one of {', '.join(KINDS)}, not {text[:40]!r}.")
    return Q(kind=text)


def _bucket(name: str) -> Q:
    target = Q(spec__destination__bucket=name) | Q(spec__rules__0__destination__bucket=name)
    return Q(bucket_name=name) | (~Q(rule="") & target)


_TRIGGERED = {
    ONE_OFF: Q(rule=""),
    CONTINUOUS: ~Q(rule="") & Q(spec__trigger=EVENTS),
    SCHEDULED: ~Q(rule="") & (Q(spec__trigger__isnull=True) | ~Q(spec__trigger=EVENTS)),
}


def _trigger(text: str) -> Q:
    if text not in _TRIGGERED:
        raise BadRequest(f"trigger must be one of {', '.join(TRIGGERS)}, not {text[:40]!r}.")
    return _TRIGGERED[text]


def _paused(text: str) -> Q:
    if text not in FLAGS:
        raise BadRequest(f"paused must be true or false, not {text[:40]!r}.")
    return Q(paused=FLAGS[text])


def _matches(text: str) -> Q:
    if len(text) > LONGEST_QUERY:
        raise BadRequest(f"q may be {LONGEST_QUERY} characters long.")
    if "\x00" in text:
        raise BadRequest("q may not contain a NUL character.")
    about = Q(name__icontains=text) | Q(bucket_name__icontains=text) | Q(last_error__icontains=text)
    about |= Q(created_by__icontains=text) | Q(rule__icontains=text)
    about |= Q(
        Exists(Failure.objects.filter(Q(code__iexact=text) | Q(key__contains=text), job=OuterRef("pk")))
    )
    return about | _named(text)


def _named(text: str) -> Q:
    """`42`, `maintenance:42`, `lifecycle:expire-dumps`."""
    subsystem, _, key = text.partition(":")
    number = key if key else subsystem
    whose = {"subsystem": subsystem} if key else {}
    named = Q(rule=key, subsystem=subsystem) if key else Q(pk__in=[])
    if number.isascii() and number.isdigit() and len(number) < 19:
        named |= Q(pk=int(number), rule="", **whose)
    return named


_CONDITIONS: Mapping[str, Callable[[str], Q]] = {
    "status": _status,
    "kind": _kind,
    "bucket": _bucket,
    "trigger": _trigger,
    "paused": _paused,
    "q": _matches,
}
