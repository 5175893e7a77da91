"""TLS, with a certificate that is named in the settings."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from botocore.exceptions import SSLError

from tests.s3.server import Server


def test_objects_travel_over_tls(new_server: Callable[..., Server], certificate: tuple[Path, Path]) -> None:
    cert, key = map(str, certificate)
    server = new_server(SLUICEGATE_TLS_CERT=cert, SLUICEGATE_TLS_KEY=key)
    s3 = server.client(verify=cert)
    s3.create_bucket(Bucket="secret")
    for size in (100, 5_000_000):
        s3.put_object(Bucket="secret", Key="k", Body=b"x" * size)
        assert len(s3.get_object(Bucket="secret", Key="k")["Body"].read()) == size
    with pytest.raises(SSLError):
        server.client().list_buckets()
