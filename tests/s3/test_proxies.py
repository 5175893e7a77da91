"""Behind a proxy of ours: what it says of the client counts, and of the nearest one only."""

from __future__ import annotations

import json
import time
from typing import Any

from tests.s3 import raw
from tests.s3.forms import post
from tests.s3.people import Person, allow, policy
from tests.s3.server import Server


def test_the_access_log_names_the_client(s3_server: Server, bucket: str) -> None:
    lines = "Host: x\r\nX-Forwarded-For: 198.51.100.9, 192.0.2.7"
    answer = raw.ask_unsigned(s3_server, f"GET /{bucket}?marked HTTP/1.1\r\n{lines}\r\n\r\n".encode())
    request_id = answer.headers["x-amz-request-id"]
    deadline = time.monotonic() + 10  # lines are written a few times a second
    while request_id not in (text := s3_server.log.read_text()) and time.monotonic() < deadline:
        time.sleep(0.05)
    (logged,) = [one for one in text.splitlines() if request_id in one]
    assert json.loads(logged)["client"] == "192.0.2.7"


def test_policies_look_at_the_client_and_its_scheme(s3_server: Server, alice: Person, own: str) -> None:
    alice.s3.put_object(Bucket=own, Key="k", Body=b"x")
    near = {"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}, "Bool": {"aws:SecureTransport": "true"}}
    alice.s3.put_bucket_policy(Bucket=own, Policy=policy(allow(own, "s3:GetObject", Condition=near)))

    def status(client: str, scheme: str) -> int:
        lines = f"Host: x\r\nX-Forwarded-For: {client}\r\nX-Forwarded-Proto: {scheme}"
        return raw.ask_unsigned(s3_server, f"GET /{own}/k HTTP/1.1\r\n{lines}\r\n\r\n".encode()).status

    assert status("192.0.2.7", "https") == 200
    assert status("192.0.2.7", "http") == 403
    assert status("198.51.100.9", "https") == 403
    assert status("192.0.2.7, 198.51.100.9", "https") == 403


def test_urls_have_the_scheme_that_the_client_used(s3_server: Server, s3: Any, bucket: str) -> None:
    s3.put_bucket_acl(Bucket=bucket, ACL="public-read-write")
    answer = post(s3_server, bucket, {"key": "k"}, b"x", headers={"X-Forwarded-Proto": "https"})
    assert answer.headers["Location"].startswith("https://")
