"""What a service answers, as values. Times are milliseconds since the epoch; ETags carry no quotes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from proxy.wire.dates import parse_http_date
from proxy.wire.xml.reading import unquoted

_METADATA = "x-amz-meta-"


@dataclass(frozen=True)
class Facts:
    """The head of a good answer. `headers` have lower-case names."""

    status: int
    headers: Mapping[str, str]

    @property
    def etag(self) -> str:
        return unquoted(self.headers.get("etag", ""))

    @property
    def version_id(self) -> str:
        """ "" where the bucket keeps no versions; `null` for the null version."""
        return self.headers.get("x-amz-version-id", "")

    @property
    def marker(self) -> bool:
        """Whether it is about a delete marker."""
        return self.headers.get("x-amz-delete-marker", "") == "true"

    @property
    def size(self) -> int:
        """Content-Length; of the part that was asked for, if it was one."""
        text = self.headers.get("content-length", "")
        return int(text) if text.isascii() and text.isdigit() else 0

    @property
    def whole_size(self) -> int:
        """Of the whole object, also if the answer is a range of it."""
        total = self.headers.get("content-range", "").rpartition("/")[2]
        return int(total) if total.isascii() and total.isdigit() else self.size

    @property
    def last_modified(self) -> int:
        return _seconds(self.headers.get("last-modified")) * 1000

    @property
    def date(self) -> int:
        """The service's own clock; 0 if it does not tell."""
        return _seconds(self.headers.get("date")) * 1000

    @cached_property
    def metadata(self) -> Mapping[str, str]:
        """The user's metadata, without its prefix."""
        return {
            name[len(_METADATA) :]: value
            for name, value in self.headers.items()
            if name.startswith(_METADATA)
        }

    @property
    def checksums(self) -> Mapping[str, str]:
        """base64 by lower-case algorithm."""
        start = "x-amz-checksum-"
        return {
            name[len(start) :]: value
            for name, value in self.headers.items()
            if name.startswith(start) and name != "x-amz-checksum-type"
        }


@dataclass(frozen=True, slots=True)
class Made:
    """What a copy or a completion answers: the facts of its head and what its document says."""

    facts: Facts
    etag: str
    last_modified: int
    checksums: Mapping[str, str] = field(default_factory=dict)

    @property
    def version_id(self) -> str:
        return self.facts.version_id


@dataclass(frozen=True, slots=True)
class Listed:
    """One row of a listing of objects or versions. `version_id` is "" in a listing of objects."""

    key: str
    size: int
    etag: str
    last_modified: int
    storage_class: str = ""
    version_id: str = ""
    latest: bool = True
    marker: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """One page of objects. `token` is where the next one starts, "" at the end."""

    objects: tuple[Listed, ...]
    prefixes: tuple[str, ...]
    token: str


@dataclass(frozen=True, slots=True)
class VersionPage:
    """One page of versions and markers, as the service orders them; `after` is None at the end."""

    versions: tuple[Listed, ...]
    prefixes: tuple[str, ...]
    after: tuple[str, str] | None


@dataclass(frozen=True, slots=True)
class Part:
    """One uploaded part."""

    number: int
    size: int
    etag: str
    last_modified: int
    checksums: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PartPage:
    """One page of parts; `after` is the number to go on from, 0 at the end."""

    parts: tuple[Part, ...]
    after: int


@dataclass(frozen=True, slots=True)
class OpenUpload:
    """One open multipart upload."""

    key: str
    upload_id: str
    initiated: int


@dataclass(frozen=True, slots=True)
class UploadPage:
    """One page of open uploads; `after` is None at the end."""

    uploads: tuple[OpenUpload, ...]
    after: tuple[str, str] | None


@dataclass(frozen=True, slots=True)
class Removed:
    """What DeleteObjects says of one key: a code if it stays, else what became of it."""

    key: str
    version_id: str = ""
    marker: bool = False
    marker_version_id: str = ""
    code: str = ""
    message: str = ""


def _seconds(text: str | None) -> int:
    return (parse_http_date(text) or 0) if text else 0
