"""Adoption: real buckets that exist on a backend become buckets of ours, their objects untouched.

The marker is written before the row that makes it a bucket, so that a crash leaves a place that
nothing refers to: the next adoption of that real bucket goes on with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from django.conf import settings

from proxy import routes
from proxy.backends.values import Place
from proxy.bucket_settings import BucketSettings
from proxy.errors import BucketAlreadyExists, NoSuchBucket, S3Error
from proxy.models import Bucket, S3Place, new_bucket_id
from proxy.records import find_bucket


class Became(StrEnum):
    """What became of one real bucket."""

    ADOPTED = "adopted"
    WOULD_BE = "would be adopted"
    THERE = "there already"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Adoption:
    """One real bucket, the name under which clients find it, and why it was refused if it was."""

    real_bucket: str
    name: str
    became: Became
    why: str = ""
    versioning: str = ""


def real_buckets(backend_name: str) -> tuple[str, ...]:
    """Every real bucket that the backend's credentials see. Raises BackendUnavailable, NotImplementedByUs."""
    return routes.backend(backend_name).real_buckets()


def name_for(backend_name: str, real_bucket: str) -> str:
    """Under which name the configuration knows a real bucket; its own if it is not mentioned."""
    mentioned: Mapping[str, Mapping[str, str]] = settings.STORAGE["buckets"]
    for name, said in mentioned.items():
        if said.get("alias") == real_bucket and routes.default_backend_for(name) == backend_name:
            return name
    return real_bucket


def adopt(
    backend_name: str, real_bucket: str, name: str, owner_id: str, now_ms: int, *, preview: bool = False
) -> Adoption:
    """Make a real bucket ours, or say why not; repeated it changes nothing.

    Raises BackendUnavailable, NotImplementedByUs: nothing can be adopted there now.
    """
    backend = routes.backend(backend_name)
    shown = next(iter(backend.places(real_bucket)), None)
    try:
        there = _served(backend_name, real_bucket)
        if there is not None:
            return Adoption(real_bucket, there, Became.THERE)
        if real_bucket not in backend.real_buckets():
            raise NoSuchBucket(f"{backend_name} shows no bucket {real_bucket} to these credentials.")
        place = _place(backend_name, real_bucket, shown)
        _refuse_name(name)
        if preview:
            return Adoption(real_bucket, name, Became.WOULD_BE)
        versioning = backend.adopt(place)
        routes.enter_bucket(
            name, owner_id, now_ms, backend_name, place, BucketSettings(versioning=versioning)
        )
    except S3Error as error:
        if error.status >= 500:
            raise
        return Adoption(real_bucket, name, Became.REFUSED, error.message)
    return Adoption(real_bucket, name, Became.ADOPTED, versioning=versioning)


def _served(backend_name: str, real_bucket: str) -> str | None:
    """The name of the bucket that is served from there, by whatever name of the backend."""
    place_id = routes.place_id(backend_name)
    found = Bucket.objects.filter(place_id=place_id, real_bucket=real_bucket)
    return found.values_list("name", flat=True).first()


def _place(backend_name: str, real_bucket: str, shown: Place | None) -> Place:
    """The place to be: a new one, or that of an adoption that a crash cut short.

    Raises BucketAlreadyExists if the real bucket shows a marker that nobody here knows how to read.
    """
    if shown is None or not shown.incarnation:
        return Place(new_bucket_id(), real_bucket, routes.new_incarnation())
    began = S3Place.objects.filter(
        backend=backend_name, bucket_id=shown.bucket_id, incarnation=shown.incarnation, adopted=True
    ).exists()
    former = Bucket.objects.filter(pk=shown.bucket_id).first()
    if former is not None:
        raise BucketAlreadyExists(
            f"It is a former place of the bucket {former.name}, which is on {former.backend} now."
        )
    if not began:
        raise BucketAlreadyExists("It belongs to another Sluicegate: its marker is not one of ours.")
    return shown


def _refuse_name(name: str) -> None:
    """Raises InvalidBucketName, BucketAlreadyExists."""
    routes.check_new_name(name)
    try:
        taken = find_bucket(name)
    except NoSuchBucket:
        return
    raise BucketAlreadyExists(f"A bucket named {name} exists already; it is on {taken.route.backend}.")
