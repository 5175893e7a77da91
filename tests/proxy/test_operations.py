"""The table of operations: which request is which row."""

from __future__ import annotations

import pytest

from proxy.errors import InvalidArgument, MethodNotAllowed, NotImplementedByUs
from proxy.operations import OPERATIONS, Access, match
from proxy.unsupported import refuse_unsupported
from proxy.wire.request import S3Request

COPY = {"x-amz-copy-source": "b/k"}

MATCHES = [
    ("GET", "/", {}, "ListBuckets"),
    ("GET", "/b", {}, "ListObjects"),
    ("GET", "/b/", {}, "ListObjects"),
    ("GET", "/b?list-type=2", {}, "ListObjectsV2"),
    ("GET", "/b?list-type=1", {}, "ListObjects"),
    ("GET", "/b?prefix=x&unknown=1", {}, "ListObjects"),
    ("GET", "/b?uploads", {}, "ListMultipartUploads"),
    ("GET", "/b?versions", {}, "ListObjectVersions"),
    ("PUT", "/b", {}, "CreateBucket"),
    ("PUT", "/b?versioning", {}, "PutBucketVersioning"),
    ("POST", "/b?delete", {}, "DeleteObjects"),
    ("POST", "/b", {}, "PostObject"),
    ("PUT", "/b/k", {}, "PutObject"),
    ("PUT", "/b/k?x-id=PutObject", {}, "PutObject"),
    ("PUT", "/b/k", COPY, "CopyObject"),
    ("PUT", "/b/k?partNumber=1&uploadId=u", {}, "UploadPart"),
    ("PUT", "/b/k?partNumber=1&uploadId=u", COPY, "UploadPartCopy"),
    ("PUT", "/b/k?uploadId=u", {}, "UploadPart"),
    ("PUT", "/b/k?tagging", {}, "PutObjectTagging"),
    ("GET", "/b/k?uploadId=u", {}, "ListParts"),
    ("GET", "/b/k?partNumber=1", {}, "GetObject"),
    ("HEAD", "/b/k?versionId=null", {}, "HeadObject"),
    ("POST", "/b/k?uploads", {}, "CreateMultipartUpload"),
    ("POST", "/b/k?uploadId=u", {}, "CompleteMultipartUpload"),
    ("DELETE", "/b/k?uploadId=u", {}, "AbortMultipartUpload"),
    ("DELETE", "/b/k", {}, "DeleteObject"),
    ("POST", "/b/k?select&select-type=2", {}, "SelectObjectContent"),
]


def request_of(method: str, target: str, headers: dict[str, str] | None = None) -> S3Request:
    path, _, query = target.partition("?")
    return S3Request.from_scope(
        {
            "method": method,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "headers": [(name.encode(), value.encode()) for name, value in (headers or {}).items()],
        },
        "0" * 16,
    )


@pytest.mark.parametrize(("method", "target", "headers", "name"), MATCHES)
def test_a_request_is_the_operation_that_it_names(
    method: str, target: str, headers: dict[str, str], name: str
) -> None:
    assert match(request_of(method, target, headers)).name == name


@pytest.mark.parametrize(("method", "target"), [("PATCH", "/b/k"), ("POST", "/b/k"), ("DELETE", "/")])
def test_what_is_no_operation_is_not_allowed(method: str, target: str) -> None:
    with pytest.raises(MethodNotAllowed) as error:
        match(request_of(method, target))
    assert "GET" in error.value.headers["Allow"]


def test_every_row_has_a_name_and_a_right() -> None:
    names = [one.name for one in OPERATIONS]
    assert len(names) == len(set(names))
    assert all(one.right.startswith(("s3:", "s3express:")) for one in OPERATIONS)


def test_whatever_writes_passes_the_gate() -> None:
    reads = {one.name for one in OPERATIONS if one.access is Access.READ}
    by_method = {one.name for one in OPERATIONS if one.method in ("GET", "HEAD", "OPTIONS")}
    assert reads == by_method | {"SelectObjectContent"}


@pytest.mark.parametrize(
    "headers",
    [
        {"x-amz-server-side-encryption-of-tomorrow": "yes"},
        {"x-amz-mfa": "device 123456"},
        {"x-amz-if-match-initiated-time": "Wed, 21 Oct 2015 07:28:00 GMT"},
        {"x-amz-write-offset-bytes": "0"},
    ],
    ids=lambda headers: next(iter(headers)),
)
def test_headers_that_change_the_meaning_are_refused(headers: dict[str, str]) -> None:
    with pytest.raises(NotImplementedByUs):
        refuse_unsupported(request_of("PUT", "/b/k", headers), "PutObject")


def test_headers_that_ask_for_what_is_so_are_taken() -> None:
    refuse_unsupported(
        request_of(
            "PUT",
            "/b/k?versionId=null",
            {"x-amz-acl": "public-read", "x-amz-request-payer": "requester", "x-amz-meta-acl": "public-read"},
        ),
        "PutObject",
    )


def test_headers_of_encryption_are_for_the_operations_that_take_them() -> None:
    request = request_of("GET", "/b/k", {"x-amz-server-side-encryption": "AES256"})
    refuse_unsupported(request, "PutObject")
    with pytest.raises(InvalidArgument):
        refuse_unsupported(request, "GetObject")
