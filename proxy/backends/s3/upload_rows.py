"""Multipart uploads and their parts in the control database: by the ids that clients know."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from proxy.backends.s3.notes import part_of, part_text, result_of, result_text, upload_of, upload_text
from proxy.backends.s3.tables import row, rows, run
from proxy.backends.values import ObjectInfo, PartInfo, Place, UploadInfo

_PAGE = 1000
_COLUMNS = "upload_id, key, backend_upload_id, initiated_ms, facts, finished_ms, result"

Position = tuple[bytes, int, str]
"""(key, initiation, upload id): the order of listings."""

BEFORE_ALL: Position = (b"", -1, "")


@dataclass(frozen=True, slots=True)
class UploadRow:
    """One upload. `planned` is what it was about to become when it was last told to be completed."""

    upload_id: str
    key: str
    backend_upload_id: str
    initiated: int
    text: str
    finished: int | None
    planned: ObjectInfo | None

    @property
    def info(self) -> UploadInfo:
        completed = self.planned if self.finished is not None else None
        return upload_of(self.upload_id, self.key, self.initiated, self.text, completed)

    @property
    def position(self) -> Position:
        return (self.key.encode(), self.initiated, self.upload_id)


def _upload(
    upload_id: str, key: bytes, theirs: str, initiated: int, text: str, finished: int | None, result: str
) -> UploadRow:
    name = bytes(key).decode()
    planned = result_of(name, result) if result else None
    return UploadRow(upload_id, name, theirs, initiated, text, finished, planned)


def find(place: Place, upload_id: str) -> UploadRow | None:
    found = row(
        f"SELECT {_COLUMNS} FROM proxy_s3upload WHERE incarnation = %s AND upload_id = %s",
        place.incarnation, upload_id,
    )  # fmt: skip
    return None if found is None else _upload(*found)


def enter(place: Place, upload: UploadInfo, backend_upload_id: str, finished: int | None) -> bool:
    """Whether the row is new."""
    result = result_text(upload.completed) if upload.completed else ""
    entered = run(
        f"INSERT INTO proxy_s3upload (bucket_id, incarnation, {_COLUMNS})"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT (incarnation, upload_id) DO NOTHING",
        place.bucket_id, place.incarnation, upload.upload_id, upload.key.encode(), backend_upload_id,
        upload.initiated, upload_text(upload), finished, result,
    )  # fmt: skip
    return bool(entered)


def plan(place: Place, upload_id: str, info: ObjectInfo) -> None:
    """Note what the upload is about to become, so that it is known again after a crash."""
    run(
        "UPDATE proxy_s3upload SET result = %s"
        " WHERE incarnation = %s AND upload_id = %s AND finished_ms IS NULL",
        result_text(info), place.incarnation, upload_id,
    )  # fmt: skip


def finish(place: Place, upload_id: str, info: ObjectInfo, now: int) -> None:
    """It has become an object; its parts are no more."""
    run(
        "UPDATE proxy_s3upload SET result = %s, finished_ms = %s"
        " WHERE incarnation = %s AND upload_id = %s AND finished_ms IS NULL",
        result_text(info), now, place.incarnation, upload_id,
    )  # fmt: skip
    _remove_parts(place, upload_id)


def remove(place: Place, upload_id: str) -> None:
    _remove_parts(place, upload_id)
    run("DELETE FROM proxy_s3upload WHERE incarnation = %s AND upload_id = %s", place.incarnation, upload_id)


def remove_expired(place: Place, before: int) -> None:
    """Forget uploads that were finished at that time or earlier."""
    run(
        "DELETE FROM proxy_s3upload WHERE id IN (SELECT id FROM proxy_s3upload"
        f" WHERE finished_ms <= %s AND incarnation = %s LIMIT {_PAGE})",
        before, place.incarnation,
    )  # fmt: skip


def remove_all(place: Place) -> None:
    for table in ("proxy_s3part", "proxy_s3upload"):
        some = f"(SELECT id FROM {table} WHERE incarnation = %s LIMIT {_PAGE})"
        while run(f"DELETE FROM {table} WHERE id IN {some}", place.incarnation):
            pass


def count_open(place: Place) -> int:
    found = row(
        "SELECT count(*) FROM proxy_s3upload WHERE incarnation = %s AND finished_ms IS NULL",
        place.incarnation,
    )
    return int(found[0]) if found else 0


def walk(place: Place, after: Position = BEFORE_ALL) -> Iterator[UploadRow]:
    """All after a position, in the order of listings."""
    at: Position = after
    while True:
        found = rows(
            f"SELECT {_COLUMNS} FROM proxy_s3upload WHERE incarnation = %s"
            " AND (key, initiated_ms, upload_id) > (%s, %s, %s)"
            f" ORDER BY key, initiated_ms, upload_id LIMIT {_PAGE}",
            place.incarnation, *at,
        )  # fmt: skip
        for each in found:
            yield _upload(*each)
        if len(found) < _PAGE:
            return
        at = (bytes(found[-1][1]), found[-1][3], found[-1][0])


# -- parts ---------------------------------------------------------------------------------


def put_part(place: Place, upload_id: str, part: PartInfo, backend_etag: str) -> None:
    run(
        "INSERT INTO proxy_s3part (incarnation, upload_id, number, backend_etag, facts)"
        " VALUES (%s, %s, %s, %s, %s) ON CONFLICT (incarnation, upload_id, number)"
        " DO UPDATE SET backend_etag = excluded.backend_etag, facts = excluded.facts",
        place.incarnation, upload_id, part.number, backend_etag, part_text(part),
    )  # fmt: skip


def parts(place: Place, upload_id: str, after: int = 0, limit: int = 10_000) -> list[tuple[PartInfo, str]]:
    """Parts after a number, in order, each with its ETag on the service."""
    found = rows(
        "SELECT number, backend_etag, facts FROM proxy_s3part"
        " WHERE incarnation = %s AND upload_id = %s AND number > %s ORDER BY number LIMIT %s",
        place.incarnation, upload_id, after, limit,
    )  # fmt: skip
    return [(part_of(number, text), etag) for number, etag, text in found]


def _remove_parts(place: Place, upload_id: str) -> None:
    run("DELETE FROM proxy_s3part WHERE incarnation = %s AND upload_id = %s", place.incarnation, upload_id)
