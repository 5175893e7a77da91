"""Virtual-host addressing: which bucket and key a host and a path name together."""

from __future__ import annotations

import pytest

from proxy.errors import InvalidBucketName, KeyTooLongError
from proxy.wire import sigv2
from proxy.wire.hosts import bucket_of_host
from tests.proxy.wire.making import request

DOMAINS = ("s3.example.org", "example.org", "localhost")


@pytest.mark.parametrize(
    ("host", "bucket"),
    [
        ("photos.s3.example.org", "photos"),
        ("photos.s3.example.org:9000", "photos"),
        ("photos.s3.example.org.", "photos"),
        ("PHOTOS.S3.Example.ORG", "photos"),
        ("my.dotted.bucket.s3.example.org", "my.dotted.bucket"),
        ("photos.example.org", "photos"),
        ("_.localhost", "_"),
        ("s3.example.org", ""),
        ("s3.example.org:9000", ""),
        ("example.org", ""),
        ("notexample.org", ""),
        ("example.org.evil.test", ""),
        (".evil.test", ""),
        ("127.0.0.1:9000", ""),
        ("[::1]:9000", ""),
        ("", ""),
    ],
)
def test_a_host_below_a_domain_names_a_bucket(host: str, bucket: str) -> None:
    assert bucket_of_host(host, DOMAINS) == bucket


@pytest.mark.parametrize(
    ("path", "key"),
    [
        (b"/", ""),
        (b"/a/b", "a/b"),
        (b"//a", "/a"),
        (b"/_/login/", "_/login/"),
        (b"/api/v1", "api/v1"),
        (b"/%2F..%2f./", "/.././"),
        (b"/bucket.s3/x", "bucket.s3/x"),
    ],
)
def test_the_whole_path_is_the_key(path: bytes, key: str) -> None:
    found = request("GET", path, host="photos.localhost", domains=DOMAINS)
    assert (found.bucket, found.key, found.raw_path, found.in_host) == ("photos", key, path, True)


def test_without_a_bucket_in_the_host_the_path_names_it() -> None:
    for host, domains in (("localhost", DOMAINS), ("photos.localhost", ())):
        found = request("GET", b"/photos/a", host=host, domains=domains)
        assert (found.bucket, found.key, found.in_host) == ("photos", "a", False)


def test_a_url_is_addressed_as_the_request_was() -> None:
    found = request("GET", b"/a", host="photos.localhost:9000", domains=DOMAINS)
    assert found.url_of("ä b/c") == "http://photos.localhost:9000/%C3%A4%20b/c"
    found = request("GET", b"/photos/a", host="localhost:9000", domains=DOMAINS)
    assert found.url_of("a") == "http://localhost:9000/photos/a"


def test_a_host_that_no_bucket_can_have_is_refused() -> None:
    with pytest.raises(InvalidBucketName):
        request("GET", b"/", host="a b,c.localhost", domains=DOMAINS)


def test_keys_have_the_same_bound() -> None:
    with pytest.raises(KeyTooLongError):
        request("GET", b"/" + b"k" * 1025, host="photos.localhost", domains=DOMAINS)


def test_an_old_signature_covers_the_bucket_of_the_host() -> None:
    in_host = request("GET", b"/a", b"acl", host="photos.localhost", domains=DOMAINS)
    in_path = request("GET", b"/photos/a", b"acl", host="localhost", domains=DOMAINS)
    assert sigv2.string_to_sign(in_host, "1") == sigv2.string_to_sign(in_path, "1")
