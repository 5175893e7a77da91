"""Every checksum algorithm: in headers and trailers, of parts and of what they become."""

from __future__ import annotations

from typing import Any

import pytest

from proxy.wire.checksums import ALGORITHMS, combine, composite, compute
from tests.s3 import raw
from tests.s3.errors import refused
from tests.s3.server import Server
from tests.s3.test_multipart_upload import MIB, Upload

NAMES = sorted(ALGORITHMS)
BODIES = [b"a" * (5 * MIB), b"tail"]
KINDS = [(name, "COMPOSITE") for name in NAMES if ALGORITHMS[name].composite] + [
    (name, "FULL_OBJECT") for name in NAMES if ALGORITHMS[name].join
]


@pytest.mark.parametrize("name", NAMES)
def test_what_the_sdk_sends_is_kept_and_told(s3: Any, bucket: str, name: str) -> None:
    put = s3.put_object(Bucket=bucket, Key="k", Body=b"body", ChecksumAlgorithm=name.upper())
    field = f"Checksum{name.upper()}"
    assert (put[field], put["ChecksumType"]) == (compute(name, b"body"), "FULL_OBJECT")
    assert field not in s3.head_object(Bucket=bucket, Key="k")
    head = s3.head_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    assert head[field] == put[field]
    listed = s3.list_objects_v2(Bucket=bucket)["Contents"][0]
    assert listed["ChecksumAlgorithm"] == [name.upper()]


@pytest.mark.parametrize("name", NAMES)
def test_a_value_in_a_header_must_be_right(s3_server: Server, bucket: str, name: str) -> None:
    header = ALGORITHMS[name].header
    for value in (compute(name, b"other"), "bad"):
        answer = raw.ask(s3_server, "PUT", f"/{bucket}/k", {header: value}, b"body")
        assert (answer.status, answer.code) == (400, "BadDigest")
    answer = raw.ask(s3_server, "PUT", f"/{bucket}/k", {header: compute(name, b"body")}, b"body")
    assert answer.headers[header] == compute(name, b"body")


@pytest.mark.parametrize(("name", "kind"), KINDS)
def test_parts_give_the_value_of_the_whole(s3: Any, bucket: str, name: str, kind: str) -> None:
    upper = name.upper()
    upload = Upload(s3, bucket, ChecksumAlgorithm=upper, ChecksumType=kind)
    values = [
        upload.put(number, body, ChecksumAlgorithm=upper)[f"Checksum{upper}"]
        for number, body in enumerate(BODIES, 1)
    ]
    assert values == [compute(name, body) for body in BODIES]
    sizes = [len(body) for body in BODIES]
    whole = composite(name, values) if kind == "COMPOSITE" else combine(name, zip(values, sizes, strict=True))
    with refused("BadDigest", 400):
        upload.complete(**{f"Checksum{upper}": values[0]})
    done = upload.complete(ChecksumType=kind, **{f"Checksum{upper}": whole})
    assert (done[f"Checksum{upper}"], done["ChecksumType"]) == (whole, kind)
    part = s3.get_object(**upload.where, PartNumber=2)
    assert part["Body"].read() == BODIES[1]
    assert (part[f"Checksum{upper}"], part["ChecksumType"]) == (values[1], kind)
    found = s3.get_object_attributes(**upload.where, ObjectAttributes=["Checksum", "ObjectParts"])
    assert found["Checksum"] == {f"Checksum{upper}": whole, "ChecksumType": kind}
    assert [one[f"Checksum{upper}"] for one in found["ObjectParts"]["Parts"]] == values


def test_a_part_has_the_checksum_of_its_upload(s3: Any, bucket: str) -> None:
    upload = Upload(s3, bucket, ChecksumAlgorithm="SHA256")
    with refused("InvalidRequest", 400):
        upload.put(1, b"x", ChecksumAlgorithm="CRC32C")


def test_a_part_without_a_checksum_gets_one(s3_server: Server, s3: Any, bucket: str) -> None:
    upload = Upload(s3, bucket, ChecksumAlgorithm="SHA256")
    answer = raw.ask(s3_server, "PUT", f"/{bucket}/k?partNumber=1&uploadId={upload.id}", body=b"x")
    assert answer.headers["x-amz-checksum-sha256"] == compute("sha256", b"x")


def test_the_type_is_that_of_the_upload(s3: Any, bucket: str) -> None:
    upload = Upload(s3, bucket, ChecksumAlgorithm="CRC32", ChecksumType="FULL_OBJECT")
    upload.put(1, b"x", ChecksumAlgorithm="CRC32")
    with refused("InvalidRequest", 400):
        upload.complete(ChecksumType="COMPOSITE")
