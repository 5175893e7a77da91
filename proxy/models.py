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
