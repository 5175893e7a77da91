"""What the tests of the windows make: users, jobs in any state, and a site with two backends."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from django.contrib.auth.models import Permission, User
from django.test import Client

from jobs.models import Failure, Job, Run
from jobs.states import TERMINAL, Status
from proxy import routes
from proxy.backends.values import NewObject
from proxy.records import BucketRecord
from proxy.store import Store
from tests.jobs.kinds.world import Bytes

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
PASSWORD = "correct horse battery"
ADMIN = "/_/api/admin"


def two_backends(settings: Any, root: Path) -> None:
    """`local`, the default, and `archive`."""
    names = ("local", "archive")
    settings.HOME = root
    settings.STORAGE = {
        "backends": {name: {"type": "filesystem", "path": str(root / name)} for name in names},
        "default_backend": "local",
        "buckets": {},
    }
    routes.prepare_backends()


def make_bucket(name: str = "photos", objects: int = 0) -> BucketRecord:
    """On the default backend, with that many objects of ten bytes."""
    bucket = routes.create_bucket(name, "a" * 64, 1_750_000_000_000)
    for number in range(objects):
        Store.of(bucket).put(NewObject(key=f"k{number}", owner_id="a" * 64), Bytes(b"0123456789"))
    return bucket


def make_job(status: str = "queued", *, open_run: bool = False, **columns: Any) -> Job:
    """A row as the engine might have left it; nothing has a gate."""
    bucket = columns.pop("bucket_name", "photos")
    facts = {
        "kind": "migrate",
        "subsystem": "maintenance",
        "name": f"migrate {bucket}: local -> archive",
        "bucket_id": f"id-{bucket}",
        "bucket_name": bucket,
        "spec": {
            "target_backend": "archive",
            "delete_source": False,
            "replace_target": False,
            "source_backend": "local",
        },
        "created_by": "admin",
        "status": status,
    }
    if status in TERMINAL:
        facts |= {"started_at": NOW, "finished_at": NOW + timedelta(minutes=1)}
    job = Job.objects.create(**(facts | columns))
    if open_run or status in (Status.RUNNING, Status.CANCELLING):
        Run.objects.create(job=job, triggered_by="api", started_at=NOW)
    return job


def make_failure(job: Job, code: str = "AccessDenied", key: str = "k") -> Failure:
    return Failure.objects.create(
        job=job, occurred_at=NOW, phase="copy", bucket=job.bucket_name, key=key, code=code, message="no"
    )


def make_user(name: str = "admin", *, staff: bool = True, operates: bool = True) -> User:
    """A console user; without `operates` one who may only look."""
    user = User.objects.create_user(name, password=PASSWORD, is_staff=staff)
    if operates:
        user.user_permissions.add(Permission.objects.get(codename="change_job"))
    return User.objects.get(pk=user.pk)


def logged_in(user: User, **options: Any) -> Client:
    """A browser with that user's session."""
    client = Client(**options)
    client.force_login(user)
    return client


def read(client: Client, path: str) -> bytes:
    """The body of a 200, of a file too, which is closed."""
    answer = client.get(path)
    assert answer.status_code == 200, path
    body = b"".join(answer.streaming_content) if answer.streaming else answer.content  # type: ignore[attr-defined]
    answer.close()
    return body
