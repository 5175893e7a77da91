"""Whatever a request says, the front desk answers it: no request is an internal error."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from proxy import gateway
from proxy.caller import Caller
from proxy.door.pipe import Whole
from proxy.gateway import Admitted
from proxy.operations import OPERATIONS
from proxy.wire.request import S3Request

pytestmark = pytest.mark.django_db

ROOT = Caller("a" * 64, "root", root=True)
MARKERS = sorted({marker for operation in OPERATIONS for marker in operation.markers if marker})
PARAMETERS = (
    "versionId", "partNumber", "uploadId", "max-keys", "max-parts", "marker", "prefix", "delimiter",
    "encoding-type", "continuation-token", "start-after", "key-marker", "version-id-marker", "list-type",
    "response-content-type", "x-id", "upload-id-marker", "part-number-marker", "fetch-owner",
)  # fmt: skip
HEADERS = (
    "range", "if-match", "if-none-match", "if-modified-since", "content-type", "content-md5", "expect",
    "x-amz-copy-source", "x-amz-copy-source-range", "x-amz-copy-source-if-match", "x-amz-metadata-directive",
    "x-amz-tagging-directive", "x-amz-tagging", "x-amz-acl", "x-amz-grant-read", "x-amz-meta-a",
    "x-amz-meta-",
    "x-amz-checksum-crc32", "x-amz-checksum-sha256", "x-amz-checksum-mode", "x-amz-sdk-checksum-algorithm",
    "x-amz-checksum-algorithm", "x-amz-checksum-type", "x-amz-trailer", "x-amz-decoded-content-length",
    "x-amz-content-sha256", "content-length", "transfer-encoding", "x-amz-storage-class",
    "x-amz-object-lock-mode", "x-amz-object-lock-retain-until-date", "x-amz-object-lock-legal-hold",
    "x-amz-bypass-governance-retention", "x-amz-object-attributes", "x-amz-max-parts", "x-amz-mfa",
    "x-amz-expected-bucket-owner", "x-amz-server-side-encryption", "x-amz-website-redirect-location",
    "origin",
    "x-amz-write-offset-bytes", "x-amz-mp-object-size", "x-amz-bucket-object-lock-enabled", "host",
    "if-range",
    "access-control-request-method", "x-amz-object-ownership", "x-amz-part-number-marker",
)  # fmt: skip
WORDS = (
    "0", "1", "-1", "5", "10001", "9" * 30, "null", "true", "url", "bytes=0-1", "bytes=-1", "bytes=5-1",
    '"a"', "*",
    "b/k", "/b/k?versionId=null", "a=b&c=d", "a=b&a=c", "private", "id=x", "CRC32", "SHA256", "AAAAAA==",
    "COPY", "REPLACE", "GOVERNANCE", "2030-01-01T00:00:00Z", "ON", "ETag,Checksum", "STANDARD",
    "UNSIGNED-PAYLOAD",
    "Sun, 22 Nov 2026 06:36:53 GMT", "chunked", "100-continue", "x-amz-checksum-crc32", "AES256", "POST",
    "STREAMING-UNSIGNED-PAYLOAD-TRAILER", "\x00", "\xff", "%zz", "%ff", "",
)  # fmt: skip
BODIES = (
    b"", b"x", b"<", b"<Tagging/>", b"<Delete><Object><Key>k</Key></Object></Delete>", b"0\r\n\r\n",
    b"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>", b"{}", b'{"Version":1}',

       b"<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>a</ETag></Part></CompleteMultipartUpload>",
    b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>',
)  # fmt: skip

word = st.one_of(st.sampled_from(WORDS), st.text(st.characters(max_codepoint=255), max_size=6))
queries = st.dictionaries(st.sampled_from((*MARKERS, *PARAMETERS)), word, max_size=3)
headers = st.dictionaries(st.sampled_from(HEADERS), word, max_size=4)
paths = st.sampled_from(
    [b"/", b"/bkt", b"/bkt/", b"/bkt/k", b"/bkt/k", b"/bkt/new", b"/nosuch/k", b"/bkt//", b"/bkt/%zz",
     b"/bkt/..", b"/%2f/k",
     b"/bkt/%F0%9F%98%80%00", b"*", b"http://h/bkt/k"]
)  # fmt: skip


@pytest.fixture
def known(home: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A bucket with one object, and everybody is root."""
    settings.STORAGE = {
        "default_backend": "m",
        "backends": {"m": {"type": "filesystem", "path": str(home / "data"), "keep": False}},
        "buckets": {},
    }

    def be_root(admitted: Admitted, request: S3Request) -> None:
        admitted.caller = ROOT

    monkeypatch.setattr(gateway, "_authenticate", be_root)
    assert serve("PUT", b"/bkt", {}, {}, b"").status == 200
    assert serve("PUT", b"/bkt/k", {}, {}, b"content").status == 200
    yield


def serve(method: str, path: bytes, query: dict[str, str], fields: dict[str, str], body: bytes) -> Any:
    given = {"host": "h", "content-length": str(len(body)), **fields}
    scope = {
        "type": "http",
        "method": method,
        "scheme": "http",
        "path": path.decode("latin-1"),
        "raw_path": path,
        "query_string": "&".join(
            f"{name}={value}" if value else name for name, value in query.items()
        ).encode("latin-1"),
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in given.items()],
        "client": ("192.0.2.7", 40000),
    }
    response = gateway.serve(scope, "0123456789ABCDEF", Whole(body))
    response.close()
    return response


@hypothesis_settings(
    max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.sampled_from(["GET", "HEAD", "PUT", "POST", "DELETE", "OPTIONS", "PATCH"]),
    paths, queries, headers, st.sampled_from(BODIES),
)  # fmt: skip
def test_no_request_is_an_internal_error(
    known: None, method: str, path: bytes, query: dict[str, str], fields: dict[str, str], body: bytes
) -> None:
    response = serve(method, path, query, fields, body)
    assert response.code != "InternalError", (response.status, response.body)
    assert 200 <= response.status < 600
