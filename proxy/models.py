"""The gateway's tables: access keys, known physical places, and buckets.

A Bucket row holds what runs: its Route (which backend, which place on it) and its Gate
(who holds it closed). Data requests read these through `proxy.records`, never by the ORM.
"""

from __future__ import annotations

import secrets
import uuid

from django.db import models


def new_bucket_id() -> str:
    """An immutable id; every fact about a bucket refers to it, never to the name."""
    return uuid.uuid4().hex


def new_owner_id() -> str:
    """64 hex digits, as S3's canonical user ids are."""
    return secrets.token_hex(32)


class AccessKey(models.Model):
    """Who signs requests. The secret is sealed with the master key (`proxy.crypto`)."""

    access_key = models.CharField(max_length=128, primary_key=True)
    sealed_secret = models.BinaryField()
    owner_id = models.CharField(max_length=64, default=new_owner_id)
    display_name = models.CharField(max_length=128, blank=True)
    root = models.BooleanField(default=False)
    enabled = models.BooleanField(default=True)
    created = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.access_key


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
