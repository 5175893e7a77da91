"""The gateway's tables: users with keys, groups and policies, known physical places, and buckets.

A Bucket row holds what runs: its Route (which backend, which place on it) and its Gate
(who holds it closed). Data requests read these through `proxy.records`, never by the ORM.
"""

from __future__ import annotations

import secrets
import uuid

from django.conf import settings
from django.db import models


def new_bucket_id() -> str:
    """An immutable id; every fact about a bucket refers to it, never to the name."""
    return uuid.uuid4().hex


def new_owner_id() -> str:
    """64 hex digits, as S3's canonical user ids are."""
    return secrets.token_hex(32)


class User(models.Model):
    """Somebody with access keys, policies and buckets. `login` is how the user signs in to the console.

    `root` may do everything in every bucket. `creates_buckets` may make buckets of its own.
    """

    name = models.CharField(max_length=64, unique=True)
    owner_id = models.CharField(max_length=64, unique=True, default=new_owner_id, editable=False)
    enabled = models.BooleanField(default=True)
    root = models.BooleanField(default=False)
    creates_buckets = models.BooleanField(default=True)
    login = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="s3_user"
    )
    created = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.name


class AccessKey(models.Model):
    """Who signs requests. The secret is sealed with the master key (`proxy.crypto`).

    A key without `expires` is for ever. `last_used` is right to the minute.
    """

    access_key = models.CharField(max_length=128, primary_key=True)
    sealed_secret = models.BinaryField()
    user = models.ForeignKey(User, models.CASCADE, related_name="keys")
    enabled = models.BooleanField(default=True)
    created = models.DateTimeField(auto_now_add=True)
    expires = models.DateTimeField(null=True, blank=True)
    last_used = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return self.access_key


class Group(models.Model):
    """Users who share policies."""

    name = models.CharField(max_length=64, unique=True)
    members = models.ManyToManyField(User, related_name="groups", blank=True)
    created = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.name


class Policy(models.Model):
    """What a user, or everybody in a group, may do: `text` is JSON in the grammar of AWS."""

    name = models.CharField(max_length=128)
    text = models.TextField()
    user = models.ForeignKey(User, models.CASCADE, null=True, blank=True, related_name="policies")
    group = models.ForeignKey(Group, models.CASCADE, null=True, blank=True, related_name="policies")
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name_plural = "policies"
        constraints = [
            models.UniqueConstraint(fields=["user", "name"], name="one_policy_of_a_name_per_user"),
            models.UniqueConstraint(fields=["group", "name"], name="one_policy_of_a_name_per_group"),
            models.CheckConstraint(
                condition=models.Q(user__isnull=True) ^ models.Q(group__isnull=True),
                name="a_policy_is_of_a_user_or_of_a_group",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class IdentityEpoch(models.Model):
    """One row with a number that differs after every change of who is who (`proxy.epoch`)."""

    id = models.PositiveSmallIntegerField(primary_key=True)
    value = models.BigIntegerField()

    def __str__(self) -> str:
        return str(self.value)


class FailedSignIn(models.Model):
    """How many wrong signatures were lately seen from one address for one key (`proxy.guesses`)."""

    id = models.CharField(max_length=256, primary_key=True)
    failures = models.FloatField()
    at = models.FloatField(db_index=True)

    def __str__(self) -> str:
        return self.id


class KnownPlace(models.Model):
    """Which physical place a configured backend name meant when it was first prepared."""

    backend = models.CharField(max_length=64, primary_key=True)
    place_id = models.CharField(max_length=64)
    created = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"{self.backend} = {self.place_id}"


class Bucket(models.Model):
    """A bucket as clients know it, its Route and its Gate."""

    id = models.CharField(max_length=32, primary_key=True, default=new_bucket_id, editable=False)
    name = models.CharField(max_length=63, unique=True)
    owner_id = models.CharField(max_length=64)
    created_ms = models.BigIntegerField()

    backend = models.CharField(max_length=64)
    place_id = models.CharField(max_length=64)
    real_bucket = models.CharField(max_length=63)
    incarnation = models.CharField(max_length=32)

    gate_holder = models.CharField(max_length=64, null=True, blank=True)
    gate_generation = models.BigIntegerField(default=0)

    settings = models.JSONField(default=dict)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["place_id", "real_bucket", "incarnation"], name="one_bucket_per_place"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class RingKey(models.Model):
    """A key of a backend's KeyRing as it was first seen: one id never means two keys.

    `fingerprint` tells keys apart and gives nothing away. A retired key seals and opens nothing.
    """

    backend = models.CharField(max_length=64)
    key_id = models.CharField(max_length=64)
    fingerprint = models.CharField(max_length=64)
    first_seen_ms = models.BigIntegerField()
    retired_ms = models.BigIntegerField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["backend", "key_id"], name="one_ring_key_of_an_id_per_backend"),
        ]

    def __str__(self) -> str:
        return f"{self.backend}: {self.key_id}"


class BucketKey(models.Model):
    """What wraps the data keys of a bucket's objects on one backend; wrapped itself by a KeyRing key.

    A bucket has any number of them; the newest seals.
    """

    id = models.CharField(max_length=32, primary_key=True)
    bucket_id = models.CharField(max_length=32)
    backend = models.CharField(max_length=64)
    ring_key_id = models.CharField(max_length=64)
    wrapped = models.TextField()
    created_ms = models.BigIntegerField()
    newest = models.BooleanField(default=True)

    class Meta:
        indexes = [models.Index(fields=["bucket_id", "backend"], name="bucket_keys_of_a_bucket")]
        constraints = [
            models.UniqueConstraint(
                fields=["bucket_id", "backend"],
                condition=models.Q(newest=True),
                name="one_newest_bucket_key",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.id} of bucket {self.bucket_id}"


class S3Service(models.Model):
    """What a service was found to be able to do when it was last probed; `capabilities` is JSON."""

    service = models.CharField(max_length=64, primary_key=True)
    capabilities = models.TextField()
    probed_ms = models.BigIntegerField()

    def __str__(self) -> str:
        return self.service


class S3Place(models.Model):
    """A real bucket of an S3 backend that is one of our places.

    `stamped`: its objects may say in reserved metadata what the service cannot tell, so that listings
    look for their facts. `versioning` is what the service was last told. `adopted`: its objects are older
    than the place; `made`: the gateway made the real bucket.
    """

    backend = models.CharField(max_length=64)
    bucket_id = models.CharField(max_length=32)
    incarnation = models.CharField(max_length=32)
    real_bucket = models.CharField(max_length=63)
    adopted = models.BooleanField(default=False)
    made = models.BooleanField(default=True)
    stamped = models.BooleanField(default=False)
    versioning = models.CharField(max_length=16, blank=True, default="")
    created_ms = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["backend", "bucket_id", "incarnation"], name="one_row_per_s3_place"
            ),
            models.UniqueConstraint(fields=["backend", "real_bucket"], name="one_s3_place_per_real_bucket"),
        ]

    def __str__(self) -> str:
        return f"{self.real_bucket} on {self.backend}"


class ObjectFacts(models.Model):
    """What a version on an S3 backend says of itself in reserved metadata: a cache, by its ETag there.

    `written_ms` is the service's time of the write; `ordinal` is the version's place in line.
    """

    bucket_id = models.CharField(max_length=32)
    incarnation = models.CharField(max_length=32)
    key = models.BinaryField(max_length=1024)
    version_id = models.CharField(max_length=256)
    backend_etag = models.CharField(max_length=128)
    facts = models.TextField()
    written_ms = models.BigIntegerField()
    ordinal = models.BigIntegerField(default=0)

    class Meta:
        verbose_name_plural = "object facts"
        constraints = [
            models.UniqueConstraint(
                fields=["incarnation", "key", "version_id"], name="one_row_of_facts_per_version"
            ),
        ]

    def __str__(self) -> str:
        return f"{bytes(self.key)!r} {self.version_id}"


class S3Upload(models.Model):
    """A multipart upload on an S3 backend, by the id that clients know; `result` once it is finished."""

    upload_id = models.CharField(max_length=256)
    bucket_id = models.CharField(max_length=32)
    incarnation = models.CharField(max_length=32)
    key = models.BinaryField(max_length=1024)
    backend_upload_id = models.CharField(max_length=1024)
    initiated_ms = models.BigIntegerField()
    facts = models.TextField()
    finished_ms = models.BigIntegerField(null=True, blank=True)
    result = models.TextField(blank=True, default="")

    class Meta:
        indexes = [
            models.Index(fields=["incarnation", "key", "initiated_ms"], name="s3_uploads_by_key"),
            models.Index(fields=["finished_ms"], name="s3_uploads_by_age"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["incarnation", "upload_id"], name="one_row_per_s3_upload"),
        ]

    def __str__(self) -> str:
        return self.upload_id


class S3Part(models.Model):
    """What is known of one uploaded part beside what the service tells."""

    incarnation = models.CharField(max_length=32)
    upload_id = models.CharField(max_length=256)
    number = models.PositiveIntegerField()
    backend_etag = models.CharField(max_length=128)
    facts = models.TextField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["incarnation", "upload_id", "number"], name="one_row_per_s3_part"
            ),
        ]

    def __str__(self) -> str:
        return f"part {self.number} of {self.upload_id}"
