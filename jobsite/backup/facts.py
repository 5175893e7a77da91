"""What a control database says about buckets, places and migrations, over whatever connection."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from jobsite.backup.manifest import RouteRow

Ask = Callable[[str], list[tuple[Any, ...]]]
"""Runs a query and returns its rows."""

_ROUTES = "SELECT name, id, backend, real_bucket, incarnation FROM proxy_bucket ORDER BY name"
_PLACES = "SELECT backend, place_id FROM proxy_knownplace ORDER BY backend"
_MIGRATIONS = "SELECT app, name FROM django_migrations ORDER BY app, name"


def of_file(connection: Any) -> Ask:
    """Over a connection to a SQLite file."""
    return lambda query: list(connection.execute(query).fetchall())


def of_django(connection: Any) -> Ask:
    """Over Django's connection."""

    def ask(query: str) -> list[tuple[Any, ...]]:
        with connection.cursor() as cursor:
            cursor.execute(query)
            return list(cursor.fetchall())

    return ask


def routes(ask: Ask) -> list[RouteRow]:
    """Every bucket with its route, by name."""
    return [RouteRow(*row) for row in ask(_ROUTES)]


def places(ask: Ask) -> dict[str, str]:
    """backend -> the id of its physical place."""
    return dict(ask(_PLACES))


def migrations(ask: Ask) -> list[str]:
    """Those that were applied, as `app.name`."""
    return [f"{app}.{name}" for app, name in ask(_MIGRATIONS)]
