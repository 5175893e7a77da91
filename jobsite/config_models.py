"""What `sluicegate.yaml` may say: the types, their rules and, from them, the JSON Schema."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from jobsite.config_backends import AnyBackend, BucketName, Name, Strict
from jobsite.config_encryption import Loc, key_contradictions
from jobsite.config_rule_conflicts import rule_contradictions
from jobsite.config_rules import Lifecycle, Replication
from jobsite.config_services import alias_contradictions, service_contradictions


class BucketStorage(Strict):
    """Where one bucket is made, if not on the default backend, and what it is called there."""

    backend: Name
    alias: BucketName | None = Field(
        default=None, description="The real bucket's name on an S3 backend, if it is another one."
    )


class Storage(Strict):
    """Where bytes live."""

    backends: Annotated[list[AnyBackend], Field(min_length=1, max_length=100)]
    default_backend: Name = Field(description="Where new buckets are made.")
    buckets: dict[BucketName, BucketStorage] = Field(
        default_factory=dict, description="Exceptions to default_backend, by bucket name."
    )
    replication: Replication = Field(default=Replication(), description="Rules that keep copies.")
    lifecycle: Lifecycle = Field(default=Lifecycle(), description="Rules that delete and move.")


class Config(Strict):
    """Sluicegate's configuration: what is declared. What runs is in the database."""

    storage: Storage

    def plain(self, home: Path) -> dict[str, Any]:
        """`settings.STORAGE`: backends by name with absolute paths, the default, the exceptions."""
        return {
            "backends": {backend.name: backend.plain(home) for backend in self.storage.backends},
            "default_backend": self.storage.default_backend,
            "buckets": {name: bucket.model_dump() for name, bucket in self.storage.buckets.items()},
        }

    def rules(self) -> list[dict[str, Any]]:
        """Every rule as plain values, in its place in the file: `enabled` if its section is, too."""
        sections: list[tuple[str, Replication | Lifecycle]] = [
            ("replication", self.storage.replication),
            ("lifecycle", self.storage.lifecycle),
        ]
        return [
            {
                "kind": kind,
                "name": rule.name,
                "enabled": section.enabled and rule.enabled,
                "spec": rule.spec(),
            }
            for kind, section in sections
            for rule in section.rules
        ]


def contradictions(plain: Any, home: Path) -> Iterator[tuple[Loc, str]]:
    """What single values cannot show: names that are used twice or nowhere declared, nested paths, keys,
    what services are told, aliases, rules.

    Looks at the document as it was written, so that these are told together with the rest.
    """
    storage = plain.get("storage") if isinstance(plain, Mapping) else None
    if not isinstance(storage, Mapping):
        return
    written = storage.get("backends")
    backends = [
        (index, item)
        for index, item in enumerate(written if isinstance(written, list) else [])
        if isinstance(item, Mapping)
    ]
    yield from _names_used_twice(backends)
    yield from _nested_paths(backends, home)
    yield from key_contradictions(backends, home)
    yield from service_contradictions(backends, home)
    yield from alias_contradictions(storage.get("buckets"), [item for _, item in backends])
    yield from rule_contradictions(storage)
    names = {str(item.get("name")) for _, item in backends}
    if names:
        yield from _undeclared(storage, names)


def _names_used_twice(backends: list[tuple[int, Mapping[str, Any]]]) -> Iterator[tuple[Loc, str]]:
    seen: set[str] = set()
    for index, item in backends:
        name = item.get("name")
        if isinstance(name, str) and name in seen:
            yield ("storage", "backends", index, "name"), f"a second backend with the name '{name}'"
        seen.add(str(name))


def _nested_paths(backends: list[tuple[int, Mapping[str, Any]]], home: Path) -> Iterator[tuple[Loc, str]]:
    paths = [
        (index, item.get("name"), home / item["path"])
        for index, item in backends
        if isinstance(item.get("path"), str)
    ]
    for index, _, path in paths:
        for other, name, outer in paths:
            if other != index and path != outer and path.is_relative_to(outer):
                yield ("storage", "backends", index, "path"), f"is inside the path of backend '{name}'"


def _undeclared(storage: Mapping[str, Any], names: set[str]) -> Iterator[tuple[Loc, str]]:
    known = ", ".join(sorted(names))
    default = storage.get("default_backend")
    if isinstance(default, str) and default not in names:
        yield ("storage", "default_backend"), f"no backend is named '{default}'; there are: {known}"
    buckets = storage.get("buckets")
    for bucket, item in (buckets if isinstance(buckets, Mapping) else {}).items():
        backend = item.get("backend") if isinstance(item, Mapping) else None
        if isinstance(backend, str) and backend not in names:
            yield (
                ("storage", "buckets", bucket, "backend"),
                f"no backend is named '{backend}'; there are: {known}",
            )
