"""What `storage.backends[]` may say, by type."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from jobsite.config_encryption import Hidden, hidden_hex, read_key

ENDPOINT = r"^https?://[^/?#@\s\\]+/?$"
KEY_ID = r"^[A-Za-z0-9_-]{1,64}$"
Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$")]
BUCKET_NAME = r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$"
BucketName = Annotated[str, StringConstraints(pattern=BUCKET_NAME)]
Text = Annotated[str, StringConstraints(min_length=1)]


class Strict(BaseModel):
    """Unknown keys are mistakes, and text is never taken for a number or the other way round."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class RingKey(Strict):
    """One key of a KeyRing: 32 bytes as 64 hexadecimal digits or base64, here or in a file."""

    id: Annotated[str, StringConstraints(pattern=KEY_ID)] = Field(
        description="Its name for ever: what it has sealed refers to it."
    )
    key: Text | None = Field(default=None, repr=False, description="The key itself: ${env:NAME}.")
    key_file: Text | None = Field(
        default=None, description="A file of mode 0600 with it, relative to SLUICEGATE_HOME."
    )


class WithRing(Strict):
    """Keys that open what was sealed with them, whatever the mode is now."""

    keys: Annotated[list[RingKey], Field(max_length=100)] = Field(
        default_factory=list, description="The KeyRing, oldest first: the last key seals, any opens."
    )


class Encryption(WithRing):
    """How bodies are encrypted at rest."""

    mode: Literal["none", "aes256-gcm-proxy"] = Field(
        default="none", description="What new objects get; what is sealed already stays readable."
    )


class ServiceEncryption(WithRing):
    """How bodies are encrypted at rest, on a service that may do it itself."""

    mode: Literal["none", "aes256-gcm-proxy", "sse-s3", "sse-kms"] = "none"
    kms_key_id: Text | None = Field(default=None, description="For sse-kms: the key, else the bucket's own.")


def _plain_encryption(encryption: Encryption | ServiceEncryption, home: Path) -> dict[str, Any]:
    """Keys are handed on as what they are, so that their files are read at the start alone."""
    keys = [
        {"id": key.id, "key": hidden_hex(read_key(key.key, key.key_file, home))} for key in encryption.keys
    ]
    return {**encryption.model_dump(), "keys": keys}


class FilesystemBackend(Strict):
    """One directory on this host."""

    name: Name = Field(description="What buckets and migrations call it. Never change it once it is used.")
    type: Literal["filesystem"]
    path: Text = Field(description="The directory; a relative path is below SLUICEGATE_HOME.")
    encryption: Encryption = Encryption()

    def plain(self, home: Path) -> dict[str, Any]:
        """Its entry in `settings.STORAGE`, paths absolute."""
        return {
            "type": self.type,
            "path": str(home / self.path),
            "encryption": _plain_encryption(self.encryption, home),
        }


Seconds = Annotated[float, Field(strict=False, gt=0, le=3600)]


class S3Backend(Strict):
    """A service that speaks S3: AWS, MinIO, Ceph, SeaweedFS, another Sluicegate."""

    name: Name = Field(description="What buckets and migrations call it. Never change it once it is used.")
    type: Literal["s3"]
    endpoint: Annotated[str, StringConstraints(pattern=ENDPOINT)] | None = Field(
        default=None, description="Its URL, without a path; left away for AWS."
    )
    region: Text = Field(default="us-east-1", description="What requests are signed for.")
    access_key_id: Text | None = Field(default=None, description="Left away: the SDK's own chain.")
    secret_access_key: Text | None = Field(default=None, repr=False, description="${env:NAME}.")
    session_token: Text | None = Field(default=None, repr=False, description="With temporary credentials.")
    path_style: bool | None = Field(
        default=None, description="Bucket in the path and not in the host; left away: with an endpoint, yes."
    )
    ca_bundle: Text | None = Field(default=None, description="PEM file of the authorities to trust.")
    connect_timeout: Seconds = Field(default=5, description="Seconds until a connection must be there.")
    read_timeout: Seconds = Field(default=30, description="Seconds that the service may be silent.")
    retry_budget: Seconds = Field(default=10, description="Seconds within which a call is tried again.")
    connections: Annotated[int, Field(ge=1, le=1000)] = Field(
        default=64, description="Connections that one process keeps."
    )
    encryption: ServiceEncryption = ServiceEncryption()

    def plain(self, home: Path) -> dict[str, Any]:
        """Its entry in `settings.STORAGE`, paths absolute."""
        said = self.model_dump(exclude={"name", "encryption"})
        said["ca_bundle"] = self.ca_bundle and str(home / self.ca_bundle)
        for secret in ("secret_access_key", "session_token"):
            said[secret] = said[secret] and Hidden(said[secret])
        said["path_style"] = self.endpoint is not None if self.path_style is None else self.path_style
        return {**said, "encryption": _plain_encryption(self.encryption, home)}


AnyBackend = Annotated[FilesystemBackend | S3Backend, Field(discriminator="type")]
