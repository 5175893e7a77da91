"""Buckets in the host: bucket.domain/key."""

from __future__ import annotations

import socket
from typing import Any
from urllib.parse import urlsplit
from urllib.request import Request, urlopen
from xml.etree import ElementTree

import pytest
from botocore.config import Config

from tests.s3 import raw
from tests.s3.forms import post
from tests.s3.raw import Answer
from tests.s3.server import DOMAIN, ONE_TRY, Server

KEYS = [
    "a",
    "/leading",
    "a//b",
    ".",
    "..",
    "a/../b",
    "%2F",
    "a b+c&d=e",
    "_/login/",
    "api/",
    "ünï/🚰",
    "?#",
    "\x7f",
    "e\u0301",
]
KEYS += ["\u2028", "\U00010348", "\U0002070e", "\U000e0001", "\U000f0000", "\U0010fffd", "k" * 1024]


@pytest.fixture
def resolved(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every name below the domain is this machine."""
    ask = socket.getaddrinfo

    def answer(host: Any, *arguments: Any, **more: Any) -> Any:
        ours = isinstance(host, str) and (host == DOMAIN or host.endswith("." + DOMAIN))
        return ask("127.0.0.1" if ours else host, *arguments, **more)

    monkeypatch.setattr(socket, "getaddrinfo", answer)


def virtual_client(server: Server, version: str) -> Any:
    """A client that puts buckets into the host, with signatures of that version."""
    config = ONE_TRY.merge(Config(s3={"addressing_style": "virtual"}, signature_version=version))
    return server.client(config, endpoint_url=f"http://{DOMAIN}:{server.port}")


@pytest.fixture
def virtual(s3_server: Server, resolved: None) -> Any:
    return virtual_client(s3_server, "s3v4")


def ask(server: Server, host: str, method: str, target: str, **headers: str) -> Answer:
    """A signed request to a host of one's choice."""
    return raw.ask(server, method, target, {"host": f"{host}:{server.port}", **headers})


@pytest.mark.parametrize("name", ["in-host", "in.dotted.host"])
def test_objects_are_the_same_however_their_bucket_is_named(virtual: Any, s3: Any, name: str) -> None:
    virtual.create_bucket(Bucket=name)
    for key in KEYS:
        virtual.put_object(Bucket=name, Key=key, Body=key.encode())
        assert s3.get_object(Bucket=name, Key=key)["Body"].read() == key.encode()
        assert virtual.head_object(Bucket=name, Key=key)["ContentLength"] == len(key.encode())
    listed = [one["Key"] for one in virtual.list_objects_v2(Bucket=name)["Contents"]]
    assert sorted(listed) == sorted(KEYS)
    virtual.delete_objects(Bucket=name, Delete={"Objects": [{"Key": key} for key in KEYS]})
    virtual.delete_bucket(Bucket=name)
    assert name not in [one["Name"] for one in virtual.list_buckets()["Buckets"]]


@pytest.mark.parametrize("version", ["s3v4", "s3"])
def test_a_presigned_url_names_the_bucket_in_its_host(
    s3_server: Server, virtual: Any, bucket: str, version: str
) -> None:
    virtual.put_object(Bucket=bucket, Key="a/ü b", Body=b"x")
    url = virtual_client(s3_server, version).generate_presigned_url(
        "get_object", {"Bucket": bucket, "Key": "a/ü b"}
    )
    assert urlsplit(url).hostname == f"{bucket}.{DOMAIN}"
    with urlopen(Request(url)) as answer:
        assert answer.read() == b"x"


def test_a_completed_upload_says_where_it_is(virtual: Any, s3_server: Server, bucket: str) -> None:
    upload = virtual.create_multipart_upload(Bucket=bucket, Key="a b")["UploadId"]
    part = virtual.upload_part(Bucket=bucket, Key="a b", UploadId=upload, PartNumber=1, Body=b"x")
    parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    done = virtual.complete_multipart_upload(Bucket=bucket, Key="a b", UploadId=upload, MultipartUpload=parts)
    assert done["Location"] == f"http://{bucket}.{DOMAIN}:{s3_server.port}/a%20b"


def test_the_host_may_be_written_in_capitals(s3_server: Server, s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    assert ask(s3_server, f"{bucket}.{DOMAIN}".upper(), "GET", "/k").body == b"x"


@pytest.mark.parametrize("path", ["/_/", "/_/login/", "/_/health", "/api/v1/", "/static/x", "/v1/"])
def test_a_bucket_in_the_host_never_reaches_the_console(
    s3_server: Server, s3: Any, bucket: str, path: str
) -> None:
    answer = ask(s3_server, f"{bucket}.{DOMAIN}", "GET", path)
    assert (answer.status, answer.code) == (404, "NoSuchKey")
    assert ElementTree.fromstring(answer.body).findtext("Key") in (None, path[1:])
    s3.put_object(Bucket=bucket, Key=path[1:], Body=b"mine")
    assert ask(s3_server, f"{bucket}.{DOMAIN}", "GET", path).body == b"mine"
    browser = f"GET / HTTP/1.1\r\nHost: {bucket}.{DOMAIN}\r\nAccept: text/html\r\n\r\n"
    assert raw.ask_unsigned(s3_server, browser.encode()).status == 403


@pytest.mark.parametrize("host", [DOMAIN, "localhost", "other.test", "127.0.0.1"])
def test_other_hosts_name_the_bucket_in_the_path(s3_server: Server, s3: Any, bucket: str, host: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    assert ask(s3_server, host, "GET", f"/{bucket}/k").body == b"x"
    console = f"GET /_/health HTTP/1.1\r\nHost: {host}\r\n\r\n"
    assert raw.ask_unsigned(s3_server, console.encode()).status == 200


def test_a_form_goes_to_the_host_of_its_bucket(s3_server: Server, virtual: Any, bucket: str) -> None:
    made = virtual.generate_presigned_post(
        bucket, "k", {"success_action_status": "201"}, [["starts-with", "$success_action_status", ""]]
    )
    assert urlsplit(made["url"]).hostname == f"{bucket}.{DOMAIN}"
    answer = post(s3_server, "", made["fields"], b"x", headers={"Host": f"{bucket}.{DOMAIN}"})
    assert ElementTree.fromstring(answer.body).findtext("Location") == f"http://{bucket}.{DOMAIN}/k"
