"""What must be done to a version so that it is encrypted as it should be. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from proxy.backends.encrypted import SEALING
from proxy.backends.seals import Encryption, SealEntry
from proxy.backends.values import UploadInfo
from proxy.crypto.wraps import CUSTOMER, WrapName, kind_and_key, name_of

SEALED = SEALING
PLAIN = "none"
BY_CUSTOMER = "customer"
"""Modes of a version as it is: those of the configuration, and the client's own key (SSE-C)."""

REWRAP, REWRITE = "rewrap", "rewrite"
MODES = (REWRAP, REWRITE)
"""What may be asked for; nothing: as little as the configuration wants."""

_BY_SERVICE = {"AES256": "sse-s3", "aws:kms": "sse-kms", "aws:kms:dsse": "sse-kms"}


class Way(StrEnum):
    """What is done to one version."""

    RIGHT = "right"  # nothing: it is as it should be
    REWRAP = "rewrap"  # its data key gets another wrap, its body stays
    REWRITE = "rewrite"  # its body is read and written again
    CUSTOMER = "customer"  # nothing can be: only the client has the key
    FIXED = "fixed"  # nothing can be: its service lets nobody replace a version
    OTHER = "other"  # nothing: its body would have to be written, and only wraps were asked for


@dataclass(frozen=True, slots=True)
class Aim:
    """How a bucket's versions are to be encrypted.

    `mode` and `kms_key` are the configuration's, `asked` is one of MODES or "". `fresh` is the id of the
    bucket key that was made for this job: what it seals is done. With `assigns_versions` a write makes
    a new version, so that older and locked ones stay as they are; and where the bucket is `versioned`, so
    do all wraps, for each would be a write.
    """

    mode: str
    kms_key: str = ""
    asked: str = ""
    fresh: str = ""
    assigns_versions: bool = False
    versioned: bool = False


def mode_of(wrap: str, encryption: Encryption) -> str:
    """The mode in which a body is encrypted now. Raises WrongWrap for what is no wrap."""
    if wrap:
        return BY_CUSTOMER if _sealed_by(kind_and_key(wrap)).kind == CUSTOMER else SEALED
    return _BY_SERVICE.get(encryption.mode, PLAIN)


def way(entry: SealEntry, aim: Aim) -> Way:
    """What must be done to a version. Raises WrongWrap for a wrap that is none."""
    found = _way(entry.wrap, entry.encryption, aim)
    if found not in (Way.REWRAP, Way.REWRITE) or not aim.assigns_versions:
        return found
    stays = entry.locked or not entry.latest or (found is Way.REWRAP and aim.versioned)
    return Way.FIXED if stays else found


def upload_way(upload: UploadInfo, aim: Aim) -> Way:
    """What must be done to an open upload. No sealed part is sealed anew: its data key is wrapped anew."""
    found = _way(upload.seal.wrap if upload.seal else "", upload.encryption, aim)
    stays_sealed = found is Way.REWRITE and upload.seal is not None and aim.mode == SEALED
    return Way.REWRAP if stays_sealed else found


def _way(wrap: str, encryption: Encryption, aim: Aim) -> Way:
    now = mode_of(wrap, encryption)
    if now == BY_CUSTOMER:
        return Way.CUSTOMER
    if now == SEALED:
        return _way_of_sealed(_sealed_by(kind_and_key(wrap)).key_id, aim)
    if _serves(now, encryption, aim):
        return Way.RIGHT
    return Way.OTHER if aim.asked == REWRAP else Way.REWRITE


@lru_cache(maxsize=1024)
def _sealed_by(name: str) -> WrapName:
    """A million versions have a handful of keys."""
    return name_of(name)


def _way_of_sealed(key_id: str, aim: Aim) -> Way:
    if aim.asked == REWRAP:
        return Way.RIGHT if key_id == aim.fresh else Way.REWRAP
    if aim.mode != SEALED:
        return Way.REWRITE
    return Way.RIGHT if not aim.asked or key_id == aim.fresh else Way.REWRITE


def _serves(now: str, encryption: Encryption, aim: Aim) -> bool:
    """Whether a body that we did not seal is as the configuration wants it.

    In mode none the service may do what it likes. A KMS key is told by its ARN, and may be configured by
    its id; an alias cannot be compared.
    """
    if aim.mode == PLAIN:
        return True
    if now != aim.mode:
        return False
    named = aim.kms_key if now == "sse-kms" else ""
    return not named or "alias/" in named or encryption.key.rpartition("/")[2] == named.rpartition("/")[2]
