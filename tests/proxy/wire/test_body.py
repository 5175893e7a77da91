"""Bodies arrive whole, of the announced length and with the announced digests, or not at all."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.errors import (
    BadDigest,
    EntityTooLarge,
    IncompleteBody,
    InvalidArgument,
    InvalidDigest,
    InvalidRequest,
    MaxMessageLengthExceeded,
    MissingContentLength,
    SlowDown,
    XAmzContentSHA256Mismatch,
)
from proxy.wire import checksums
from proxy.wire.body import open_body, read_all, resized
from tests.proxy.wire.making import cut, request

KIB = 1024


def plain(data: bytes, headers: Mapping[str, str] | None = None, method: str = "PUT", query: bytes = b""):
    """An unsigned request that announces `data`."""
    return request(method, b"/bucket/key", query, {"content-length": str(len(data))} | dict(headers or {}))


def md5(data: bytes) -> str:
    return base64.b64encode(hashlib.md5(data).digest()).decode()


# -- lengths --------------------------------------------------------------------------------


@pytest.mark.parametrize("data", [b"", b"x", b"x" * (3 * 1024 * KIB)], ids=["empty", "byte", "3 MiB"])
def test_a_body_of_the_announced_length_arrives(data):
    body = open_body(plain(data), None, cut(data, 100_000))
    assert body.length == len(data)
    assert b"".join(body) == data
    assert body.checksums == {}


@pytest.mark.parametrize("sent", [0, 5, 9, 11])
def test_a_body_of_another_length_is_incomplete(sent):
    body = open_body(plain(b"x" * 10), None, [b"x" * sent])
    with pytest.raises(IncompleteBody) as caught:
        b"".join(body)
    assert caught.value.fields == {"NumberBytesExpected": "10", "NumberBytesProvided": str(sent)}


@pytest.mark.parametrize("method", ["PUT", "POST"])
def test_a_write_must_announce_its_length(method):
    with pytest.raises(MissingContentLength):
        open_body(request(method, b"/bucket/key"), None, [])


def test_other_methods_have_no_body_unless_they_announce_one():
    assert list(open_body(request("DELETE", b"/bucket/key"), None, [])) == []


def test_a_chunked_transfer_need_not_announce_its_length():
    sent = request("PUT", b"/bucket/key", headers={"transfer-encoding": "chunked"})
    body = open_body(sent, None, [b"ab", b"cd"])
    assert body.length is None
    assert b"".join(body) == b"abcd"


def test_a_chunked_transfer_may_announce_what_it_decodes_to():
    headers = {"transfer-encoding": "chunked", "x-amz-decoded-content-length": "5"}
    with pytest.raises(IncompleteBody):
        b"".join(open_body(request("PUT", b"/bucket/key", headers=headers), None, [b"abcd"]))


def test_a_body_above_the_limit_is_refused_before_it_is_read():
    def never() -> Iterator[bytes]:
        raise AssertionError("read")
        yield b""

    with pytest.raises(EntityTooLarge) as caught:
        open_body(plain(b"", {"content-length": str(5 * 1024**3 + 1)}), None, never())
    assert caught.value.fields["MaxSizeAllowed"] == str(5 * 1024**3)


def test_a_body_that_did_not_announce_its_length_ends_at_the_limit():
    sent = request("PUT", b"/bucket/key", headers={"transfer-encoding": "chunked"})
    with pytest.raises(EntityTooLarge):
        b"".join(open_body(sent, None, iter([b"x" * 50] * 3), limit=100))


@pytest.mark.parametrize("text", ["-1", "1e3", "", "²", "1" * 19, "5,5"])
def test_a_length_that_is_no_number_is_refused(text):
    with pytest.raises(InvalidRequest):
        plain(b"", {"content-length": text})


def test_a_body_can_be_read_only_once():
    body = open_body(plain(b"x"), None, [b"x"])
    list(body)
    with pytest.raises(RuntimeError):
        list(body)


# -- pieces ---------------------------------------------------------------------------------


@settings(max_examples=100)
@given(
    st.lists(
        st.sampled_from([0, 1, 100, 64 * KIB - 1, 64 * KIB, 300 * KIB, 1024 * KIB, 2500 * KIB]), max_size=8
    )
)
def test_pieces_leave_between_64_kib_and_1_mib(sizes):
    pieces = [bytes([number % 251]) * size for number, size in enumerate(sizes)]
    out = list(resized(pieces))
    assert b"".join(out) == b"".join(pieces)
    assert all(64 * KIB <= len(piece) <= 1024 * KIB for piece in out[:-1])
    assert all(out)


def test_pieces_that_fit_pass_without_a_copy():
    pieces = [b"a" * 64 * KIB, b"b" * 1024 * KIB]
    assert all(one is other for one, other in zip(resized(pieces), pieces, strict=True))


def test_the_pulse_is_felt_with_every_piece_that_arrives():
    beats = []
    list(open_body(plain(b"x" * 10), None, cut(b"x" * 10, 1), pulse=lambda: beats.append(1)))
    assert len(beats) == 10


def test_a_pulse_that_raises_ends_the_body():
    def stop() -> None:
        raise SlowDown()

    with pytest.raises(SlowDown):
        list(open_body(plain(b"x"), None, [b"x"], pulse=stop))


# -- digests --------------------------------------------------------------------------------


def test_the_right_content_md5_passes():
    assert b"".join(open_body(plain(b"data", {"content-md5": md5(b"data")}), None, [b"data"])) == b"data"


def test_a_wrong_content_md5_is_a_bad_digest():
    body = open_body(plain(b"data", {"content-md5": md5(b"other")}), None, [b"data"])
    with pytest.raises(BadDigest) as caught:
        list(body)
    assert caught.value.fields == {"ExpectedDigest": md5(b"other"), "CalculatedDigest": md5(b"data")}


@pytest.mark.parametrize("text", ["", "abc", "????", md5(b"data")[:-2], base64.b64encode(b"x" * 20).decode()])
def test_a_malformed_content_md5_is_an_invalid_digest(text):
    with pytest.raises(InvalidDigest):
        open_body(plain(b"data", {"content-md5": text}), None, [b"data"])


def test_the_payload_hash_is_compared():
    right = hashlib.sha256(b"data").hexdigest()
    assert list(open_body(plain(b"data", {"x-amz-content-sha256": right}), None, [b"data"])) == [b"data"]
    assert list(open_body(plain(b"data", {"x-amz-content-sha256": right.upper()}), None, [b"data"]))
    with pytest.raises(XAmzContentSHA256Mismatch) as caught:
        list(open_body(plain(b"Data", {"x-amz-content-sha256": right}), None, [b"Data"]))
    assert caught.value.fields["ClientComputedContentSHA256"] == right


def test_a_payload_hash_of_no_known_form_is_refused():
    with pytest.raises(InvalidArgument):
        open_body(plain(b"", {"x-amz-content-sha256": "x"}), None, [])


@pytest.mark.parametrize("name", checksums.ALGORITHMS)
def test_a_checksum_in_a_header_is_compared_and_kept(name):
    value = checksums.compute(name, b"data")
    body = open_body(plain(b"data", {f"x-amz-checksum-{name}": value}), None, [b"data"])
    assert b"".join(body) == b"data"
    assert body.checksums == {name: value}


@pytest.mark.parametrize("name", checksums.ALGORITHMS)
def test_a_wrong_checksum_is_a_bad_digest_and_is_not_kept(name):
    value = checksums.compute(name, b"other")
    body = open_body(plain(b"data", {f"x-amz-checksum-{name}": value}), None, [b"data"])
    with pytest.raises(BadDigest, match=name.upper()):
        list(body)
    assert body.checksums == {}


def test_the_payload_hash_and_a_sha256_checksum_are_both_compared():
    right = hashlib.sha256(b"data")
    value = base64.b64encode(right.digest()).decode()
    headers = {"x-amz-content-sha256": right.hexdigest(), "x-amz-checksum-sha256": value}
    body = open_body(plain(b"data", headers), None, [b"data"])
    list(body)
    assert body.checksums == {"sha256": value}
    with pytest.raises(XAmzContentSHA256Mismatch):
        list(open_body(plain(b"data", headers | {"x-amz-content-sha256": "0" * 64}), None, [b"data"]))


@pytest.mark.parametrize("algorithm", ["CRC32", "crc32c", "CRC64NVME", "SHA1", "SHA256"])
def test_the_algorithm_alone_asks_for_a_checksum(algorithm):
    body = open_body(plain(b"data", {"x-amz-sdk-checksum-algorithm": algorithm}), None, [b"data"])
    list(body)
    name = algorithm.lower()
    assert body.checksums == {name: checksums.compute(name, b"data")}


@pytest.mark.parametrize(
    "headers",
    [
        {"x-amz-checksum-crc32": "AAAAAA==", "x-amz-checksum-sha1": "x"},
        {"x-amz-checksum-md4": "AAAAAA=="},
        {"x-amz-sdk-checksum-algorithm": "MD5"},
        {"x-amz-sdk-checksum-algorithm": "SHA1", "x-amz-checksum-crc32": "AAAAAA=="},
        {"x-amz-trailer": "x-amz-checksum-crc32"},
    ],
)
def test_checksum_headers_that_contradict_are_refused_before_the_body(headers):
    with pytest.raises(InvalidRequest):
        open_body(plain(b"data", headers), None, [])


@pytest.mark.parametrize("value", ["AAAA", "not base64"])
def test_a_checksum_header_that_is_no_digest_is_refused_before_the_body(value):
    with pytest.raises(BadDigest):
        open_body(plain(b"data", {"x-amz-checksum-crc32": value}), None, [])


def test_a_checksum_that_only_we_want_is_computed_beside_the_senders():
    right = checksums.compute("crc32", b"data")
    body = open_body(plain(b"data", {"x-amz-checksum-crc32": right}), None, [b"data"], also="sha256")
    list(body)
    assert body.checksums == {"crc32": right, "sha256": checksums.compute("sha256", b"data")}


def test_headers_that_only_speak_about_checksums_are_not_taken_for_one():
    headers = {
        "x-amz-checksum-mode": "ENABLED",
        "x-amz-checksum-type": "COMPOSITE",
        "x-amz-checksum-algorithm": "x",
    }
    list(open_body(plain(b"data", headers), None, [b"data"]))


def test_completing_an_upload_sends_the_objects_checksum_not_its_documents():
    headers = {"x-amz-checksum-crc32": "AAAAAA=="}
    body = open_body(plain(b"<xml/>", headers, "POST", b"uploadId=1"), None, [b"<xml/>"])
    assert b"".join(body) == b"<xml/>"
    assert body.checksums == {}


# -- documents ------------------------------------------------------------------------------


def test_a_document_is_read_whole_up_to_its_limit():
    assert read_all(open_body(plain(b"x" * 100), None, [b"x" * 100]), 100) == b"x" * 100
    with pytest.raises(MaxMessageLengthExceeded):
        read_all(open_body(plain(b"x" * 101), None, []), 100)
    unannounced = request("PUT", b"/bucket/key", headers={"transfer-encoding": "chunked"})
    with pytest.raises(MaxMessageLengthExceeded):
        read_all(open_body(unannounced, None, [b"x" * 300_000]), 100)
