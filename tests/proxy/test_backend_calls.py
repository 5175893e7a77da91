"""What calls to services leave in the metrics, in processes of their own so that each has a fresh home."""

from __future__ import annotations

import subprocess
import sys

from tests.s3.server import free_port
from tests.sites import GATEWAY_ALONE, ROOT, Site

_CODE = """
import django; django.setup()
from proxy import metrics
from proxy.backends.s3.client import connect
from proxy.errors import S3Error
options = {{"access_key_id": "a", "secret_access_key": "b", "retry_budget": 0.01}}
client = connect("gone", {{**options, "endpoint": "http://127.0.0.1:{port}"}})
other = connect("idle", {{**options, "endpoint": "http://127.0.0.1:{port}"}})
for _ in range(20):
    try:
        client.head("b", "k")
    except S3Error:
        pass
print(metrics.render().decode())
"""


def test_calls_and_services_that_are_left_alone_are_told(sqlite_site: Site) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _CODE.format(port=free_port())],
        cwd=ROOT,
        env={**sqlite_site.env, **GATEWAY_ALONE},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "backend gone failed again and again and is left alone for a while" in done.stderr
    lines = (line.rsplit(" ", 1) for line in done.stdout.splitlines() if line and line[0] != "#")
    found = {name: float(value) for name, value in lines}
    assert found['sluicegate_backend_left_alone{backend="gone"}'] == 1
    assert found['sluicegate_backend_left_alone{backend="idle"}'] == 0
    calls = found['sluicegate_backend_calls_total{backend="gone",code="ServiceUnavailable"}']
    assert calls == found['sluicegate_backend_call_seconds_count{backend="gone"}'] == 5
