"""S3's own lifecycle configuration, set with the stock AWS command line, at work in a whole service."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from tests.jobsite.service import ROOT, Service, until
from tests.needs import needs

CONFIG = """\
storage:
  backends: [{name: local, type: filesystem, path: here}]
  default_backend: local
  lifecycle: {enabled: true}
"""
RULES = {
    "Rules": [
        {
            "ID": "old ones",
            "Status": "Enabled",
            "Filter": {"Prefix": "old/"},
            "Expiration": {"Date": "2020-01-01T00:00:00Z"},
        },
        {"ID": "off", "Status": "Disabled", "Filter": {}, "Expiration": {"Date": "2020-01-01T00:00:00Z"}},
    ]
}
JOB = "lifecycle:bucket:photos"
WAIT_SECONDS = 60.0

pytestmark = [pytest.mark.timeout(300), pytest.mark.crash]


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    file = tmp_path / "sluicegate.yaml"
    file.write_text(CONFIG)
    running = Service(tmp_path, SLUICEGATE_CONFIG=str(file))
    try:
        running.start()
        yield running
    finally:
        running.kill()


def client(service: Service) -> Any:
    """A client of the service."""
    return boto3.client(
        "s3",
        endpoint_url=service.url,
        region_name="us-east-1",
        aws_access_key_id=service.access_key,
        aws_secret_access_key=service.secret_key,
    )


def aws(service: Service, *words: str) -> None:
    """The stock command line, against the service."""
    keys = {"AWS_ACCESS_KEY_ID": service.access_key, "AWS_SECRET_ACCESS_KEY": service.secret_key}
    environ = {
        **keys, "PATH": os.environ["PATH"], "HOME": str(service.home), "AWS_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": service.url,
    }  # fmt: skip
    done = subprocess.run(["aws", *words], env=environ, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def job(service: Service) -> dict[str, Any]:
    """The job's row; empty while there is none."""
    command = service.command("jobs", "show", JOB, "--json")
    done = subprocess.run(command, cwd=ROOT, env=service.environ, capture_output=True, text=True)
    found: dict[str, Any] = json.loads(done.stdout) if done.returncode == 0 else {}
    return dict(found.get("job", found))


@needs("aws", "drives the stock AWS command line")
def test_a_lifecycle_configuration_shows_up_as_a_job_and_is_applied(service: Service) -> None:
    s3 = client(service)
    s3.create_bucket(Bucket="photos")
    for key in ("old/1", "old/2", "new/1"):
        s3.put_object(Bucket="photos", Key=key, Body=b"body")
    aws(
        service, "s3api", "put-bucket-lifecycle-configuration", "--bucket", "photos",
        "--lifecycle-configuration", json.dumps(RULES),
    )  # fmt: skip

    def left() -> list[str]:
        return [each["Key"] for each in s3.list_objects_v2(Bucket="photos")["Contents"]]

    until(lambda: left() == ["new/1"], WAIT_SECONDS, "nothing was deleted")
    row: dict[str, Any] = until(
        lambda: (found := job(service)).get("status") == "succeeded" and found, WAIT_SECONDS, "no such job"
    )
    assert (row["kind"], row["scope"]["bucket"], row["trigger"]) == ("lifecycle", "photos", "scheduled")
    s3.delete_bucket_lifecycle(Bucket="photos")
    until(lambda: job(service).get("enabled") is False, WAIT_SECONDS, "the rule did not go")
