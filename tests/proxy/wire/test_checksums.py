"""Checksums against botocore, against known values, and against themselves when combined."""

from __future__ import annotations

import base64
import hashlib

import pytest
from botocore.httpchecksum import (
    CrtCrc32cChecksum,
    CrtCrc32Checksum,
    CrtCrc64NvmeChecksum,
    Sha1Checksum,
    Sha256Checksum,
)
from hypothesis import given
from hypothesis import strategies as st

from proxy.errors import BadDigest, InvalidRequest
from proxy.wire import checksums
from proxy.wire.summing import SummedBody

ORACLES = {
    "crc32": CrtCrc32Checksum,
    "crc32c": CrtCrc32cChecksum,
    "crc64nvme": CrtCrc64NvmeChecksum,
    "sha1": Sha1Checksum,
    "sha256": Sha256Checksum,
}
# The check values of the CRC catalogue, over "123456789".
CHECK_VALUES = {"crc32": 0xCBF43926, "crc32c": 0xE3069283, "crc64nvme": 0xAE8B14860A799888}


def test_every_algorithm_has_an_oracle():
    assert checksums.ALGORITHMS.keys() == ORACLES.keys()


@pytest.mark.parametrize("name", CHECK_VALUES)
def test_crcs_have_the_catalogues_check_value(name):
    value = base64.b64decode(checksums.compute(name, b"123456789"))
    assert int.from_bytes(value, "big") == CHECK_VALUES[name]


@given(name=st.sampled_from(sorted(ORACLES)), pieces=st.lists(st.binary(max_size=100), max_size=5))
def test_running_checksums_are_botocores(name, pieces):
    ours, theirs = checksums.algorithm(name.upper()).new(), ORACLES[name]()
    for piece in pieces:
        ours.update(piece)
        theirs.update(piece)
    assert checksums.value_of(ours.digest()) == theirs.b64digest()


@given(name=st.sampled_from(sorted(CHECK_VALUES)), parts=st.lists(st.binary(max_size=100), max_size=6))
def test_combined_parts_have_the_whole_objects_crc(name, parts):
    values = [(checksums.compute(name, part), len(part)) for part in parts]
    assert checksums.combine(name, values) == checksums.compute(name, b"".join(parts))


def test_combining_takes_lengths_beyond_32_bits():
    zero = checksums.compute("crc64nvme", b"")
    assert checksums.combine("crc64nvme", [(checksums.compute("crc64nvme", b"a"), 1), (zero, 5 * 2**40)])


@pytest.mark.parametrize("name", ["sha1", "sha256"])
def test_digests_cannot_be_combined(name):
    with pytest.raises(InvalidRequest, match="FULL_OBJECT"):
        checksums.combine(name, [])


def test_a_composite_value_is_the_checksum_of_the_parts_checksums():
    parts = [b"one", b"two"]
    digest = hashlib.sha256(b"".join(hashlib.sha256(part).digest() for part in parts)).digest()
    values = [checksums.compute("sha256", part) for part in parts]
    assert checksums.composite("sha256", values) == base64.b64encode(digest).decode() + "-2"
    assert checksums.composite("crc32c", [checksums.compute("crc32c", b"x")]).endswith("-1")


def test_crc64nvme_has_no_composite_value():
    with pytest.raises(InvalidRequest, match="COMPOSITE"):
        checksums.composite("crc64nvme", [])


@pytest.mark.parametrize("name", ["", "md5", "CRC", "crc32 "])
def test_unknown_algorithms_are_refused(name):
    with pytest.raises(InvalidRequest, match="unsupported"):
        checksums.algorithm(name)


@given(name=st.sampled_from(sorted(ORACLES)), value=st.text(max_size=60))
def test_a_value_is_a_digest_of_the_right_size_or_refused(name, value):
    try:
        assert len(checksums.digest_of(name, value)) == checksums.ALGORITHMS[name].size
    except BadDigest:
        pass


def test_the_announced_checksum_is_found_among_other_headers():
    headers = {"x-amz-checksum-type": "FULL_OBJECT", "x-amz-checksum-crc32": "value", "x-amz-meta-a": "b"}
    assert checksums.announced(headers) == ("crc32", "value")
    assert checksums.announced({}) is None


@pytest.mark.parametrize(
    ("headers", "name"),
    [
        ({}, ""),
        ({"x-amz-checksum-sha1": "x", "x-amz-checksum-type": "FULL_OBJECT"}, "sha1"),
        ({"x-amz-trailer": "X-Amz-Checksum-CRC32C"}, "crc32c"),
        ({"x-amz-trailer": "x-amz-meta-a"}, ""),
        ({"x-amz-sdk-checksum-algorithm": "CRC64NVME"}, "crc64nvme"),
    ],
)
def test_the_algorithm_of_a_body_is_named(headers, name):
    assert checksums.named(headers) == name


def test_a_summed_body_has_the_same_bytes_and_that_checksum_alone():
    body = SummedBody(Pieces([b"ab", b"c"]), "sha256")
    assert (body.length, body.checksums) == (3, {})
    assert list(body) == [b"ab", b"c"]
    assert body.checksums == {"sha256": checksums.compute("sha256", b"abc")}


class Pieces(list):
    length = 3
