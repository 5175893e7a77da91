"""CreateMultipartUpload, UploadPart, CompleteMultipartUpload, AbortMultipartUpload."""

from __future__ import annotations

import base64
import hashlib
import zlib
from typing import Any

import pytest

from tests.s3.errors import refused

MIB = 1024 * 1024
BODIES = [b"a" * (5 * MIB), b"b" * (5 * MIB + 1), b"tail"]


class Upload:
    """One upload and the parts that were sent to it."""

    def __init__(self, s3: Any, bucket: str, key: str = "k", **options: Any) -> None:
        self.s3 = s3
        self.where = {"Bucket": bucket, "Key": key}
        self.id = s3.create_multipart_upload(**self.where, **options)["UploadId"]
        self.parts: dict[int, dict[str, Any]] = {}

    def put(self, number: int, body: bytes, **options: Any) -> dict[str, Any]:
        answer = self.s3.upload_part(**self.where, UploadId=self.id, PartNumber=number, Body=body, **options)
        named = {name: value for name, value in answer.items() if name.startswith("Checksum")}
        named.pop("ChecksumType", None)
        self.parts[number] = {"PartNumber": number, "ETag": answer["ETag"], **named}
        return answer

    def complete(self, parts: list[dict[str, Any]] | None = None, **options: Any) -> dict[str, Any]:
        wanted = [self.parts[n] for n in sorted(self.parts)] if parts is None else parts
        return self.s3.complete_multipart_upload(
            **self.where, UploadId=self.id, MultipartUpload={"Parts": wanted}, **options
        )


def etag_of(bodies: list[bytes]) -> str:
    digests = b"".join(hashlib.md5(body).digest() for body in bodies)
    return f'"{hashlib.md5(digests).hexdigest()}-{len(bodies)}"'


def test_parts_become_one_object(s3: Any, bucket: str) -> None:
    upload = Upload(s3, bucket, ContentType="text/plain", Metadata={"a": "b"}, Tagging="t=1")
    for number, body in enumerate(BODIES, 1):
        upload.put(number, body)
    done = upload.complete()
    assert done["ETag"] == etag_of(BODIES)
    got = s3.get_object(**upload.where)
    assert got["Body"].read() == b"".join(BODIES)
    assert (got["ETag"], got["ContentType"], got["Metadata"]) == (done["ETag"], "text/plain", {"a": "b"})
    assert got["TagCount"] == 1
    assert s3.get_object(**upload.where, Range=f"bytes={5 * MIB - 1}-{5 * MIB}")["Body"].read() == b"ab"


def test_nothing_shows_before_it_is_complete(s3: Any, bucket: str) -> None:
    upload = Upload(s3, bucket)
    upload.put(1, BODIES[0])
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket)
    with refused("404"):
        s3.head_object(**upload.where)


def test_a_repeated_complete_answers_the_same(s3: Any, bucket: str) -> None:
    upload = Upload(s3, bucket)
    upload.put(1, b"only")
    assert upload.complete()["ETag"] == upload.complete()["ETag"]


def test_a_part_below_5_mib_that_is_not_the_last(s3: Any, bucket: str) -> None:
    upload = Upload(s3, bucket)
    upload.put(1, b"small")
    upload.put(2, b"tail")
    with refused("EntityTooSmall", 400):
        upload.complete()
    with refused("404"):
        s3.head_object(**upload.where)


def test_parts_must_be_there_with_their_etag_and_in_order(s3: Any, bucket: str) -> None:
    upload = Upload(s3, bucket)
    upload.put(1, BODIES[0])
    upload.put(2, b"tail")
    with refused("InvalidPart", 400):
        upload.complete([upload.parts[1], {"PartNumber": 3, "ETag": '"0"'}])
    with refused("InvalidPart", 400):
        upload.complete([{**upload.parts[1], "ETag": upload.parts[2]["ETag"]}])
    with refused("InvalidPartOrder", 400):
        upload.complete([upload.parts[2], upload.parts[1]])
    upload.complete()


def test_a_part_that_is_sent_again_replaces_the_first(s3: Any, bucket: str) -> None:
    upload = Upload(s3, bucket)
    upload.put(1, b"first")
    upload.put(1, b"second")
    upload.complete()
    assert s3.get_object(**upload.where)["Body"].read() == b"second"


def test_part_numbers_have_bounds(s3: Any, bucket: str) -> None:
    upload = Upload(s3, bucket)
    for number in (0, 10_001):
        with refused("InvalidArgument", 400):
            upload.put(number, b"x")
    upload.put(10_000, b"x")
    upload.complete()


def test_an_aborted_upload_is_gone(s3: Any, bucket: str) -> None:
    upload = Upload(s3, bucket)
    upload.put(1, BODIES[0])
    s3.abort_multipart_upload(**upload.where, UploadId=upload.id)
    with refused("NoSuchUpload", 404):
        upload.put(2, b"x")
    with refused("NoSuchUpload", 404):
        upload.complete()
    with refused("NoSuchUpload", 404):
        s3.abort_multipart_upload(**upload.where, UploadId=upload.id)


def test_an_upload_belongs_to_its_key(s3: Any, bucket: str) -> None:
    upload = Upload(s3, bucket)
    with refused("NoSuchUpload", 404):
        s3.upload_part(Bucket=bucket, Key="other", UploadId=upload.id, PartNumber=1, Body=b"x")
    with refused("NoSuchUpload", 404):
        s3.upload_part(Bucket=bucket, Key="k", UploadId="nonsense", PartNumber=1, Body=b"x")


def test_conditions_hold_at_the_end(s3: Any, bucket: str) -> None:
    upload = Upload(s3, bucket)
    upload.put(1, b"multipart")
    s3.put_object(Bucket=bucket, Key="k", Body=b"came first")
    with refused("PreconditionFailed", 412):
        upload.complete(IfNoneMatch="*")
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"came first"
    upload.complete(IfMatch=s3.head_object(Bucket=bucket, Key="k")["ETag"])
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"multipart"


@pytest.mark.parametrize("algorithm", ["CRC32", "SHA256"])
def test_a_composite_checksum_is_made_of_the_parts(s3: Any, bucket: str, algorithm: str) -> None:
    upload = Upload(s3, bucket, ChecksumAlgorithm=algorithm)
    for number, body in enumerate(BODIES, 1):
        upload.put(number, body, ChecksumAlgorithm=algorithm)
    done = upload.complete()
    assert done[f"Checksum{algorithm}"].endswith("-3")
    head = s3.head_object(**upload.where, ChecksumMode="ENABLED")
    assert head[f"Checksum{algorithm}"] == done[f"Checksum{algorithm}"]
    assert head["ChecksumType"] == "COMPOSITE"


def test_a_full_object_checksum_is_that_of_all_bytes(s3: Any, bucket: str) -> None:
    whole = b"".join(BODIES)
    value = base64.b64encode(zlib.crc32(whole).to_bytes(4, "big")).decode()
    upload = Upload(s3, bucket, ChecksumAlgorithm="CRC32", ChecksumType="FULL_OBJECT")
    for number, body in enumerate(BODIES, 1):
        upload.put(number, body, ChecksumAlgorithm="CRC32")
    with refused("BadDigest", 400):
        upload.complete(ChecksumCRC32="AAAAAA==", ChecksumType="FULL_OBJECT")
    done = upload.complete(ChecksumCRC32=value, ChecksumType="FULL_OBJECT", MpuObjectSize=len(whole))
    assert (done["ChecksumCRC32"], done["ChecksumType"]) == (value, "FULL_OBJECT")
    got = s3.get_object(**upload.where, ChecksumMode="ENABLED")
    assert got["ChecksumCRC32"] == value
    assert got["Body"].read() == whole


def test_a_wrong_total_size_is_refused(s3: Any, bucket: str) -> None:
    upload = Upload(s3, bucket)
    upload.put(1, b"four")
    with refused("InvalidRequest", 400):
        upload.complete(MpuObjectSize=5)
    upload.complete(MpuObjectSize=4)


def test_checksum_types_that_do_not_go_together(s3: Any, bucket: str) -> None:
    with refused("InvalidRequest", 400):
        Upload(s3, bucket, ChecksumAlgorithm="SHA256", ChecksumType="FULL_OBJECT")
    with refused("InvalidRequest", 400):
        Upload(s3, bucket, ChecksumAlgorithm="CRC64NVME", ChecksumType="COMPOSITE")
