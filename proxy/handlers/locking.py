"""Object lock: the configuration of a bucket, retention and legal hold of a version.

Source: Amazon S3 User Guide, "Locking objects with Object Lock".
"""

from __future__ import annotations

from dataclasses import replace

from proxy.absences import NoSuchObjectLockConfiguration, ObjectLockConfigurationNotFoundError
from proxy.backends.values import UNLOCKED, Amendment, Lock
from proxy.bucket_settings import ENABLED
from proxy.errors import InvalidArgument, InvalidBucketState, InvalidRequest, NotImplementedByUs
from proxy.handlers.call import Answer, Call, document
from proxy.handlers.parameters import wrong
from proxy.records import change_settings
from proxy.versioning import default_lock
from proxy.wire import xml
from proxy.wire.dates import iso_ms, parse_iso_ms
from proxy.wire.xml import DefaultRetention
from proxy.wire.xml.locking import MODES

_MODE, _UNTIL = "x-amz-object-lock-mode", "x-amz-object-lock-retain-until-date"
_HOLD = "x-amz-object-lock-legal-hold"
_BYPASS = "x-amz-bypass-governance-retention"
_HOLDS = {"ON": True, "OFF": False}
_PAST = "The retain until date must be in the future!"


# -- the bucket ------------------------------------------------------------------------------
def get_configuration(call: Call) -> Answer:
    """Raises ObjectLockConfigurationNotFoundError."""
    found = call.here.settings
    if not found.object_lock:
        raise ObjectLockConfigurationNotFoundError(fields={"BucketName": call.here.name})
    return document(
        xml.lock_configuration(DefaultRetention(found.lock_mode, found.lock_days, found.lock_years))
    )


def put_configuration(call: Call) -> Answer:
    """Once a bucket has object lock, it keeps it.

    Raises MalformedXML, InvalidRetentionPeriod, InvalidBucketState, and NotImplemented where the
    storage cannot lock.
    """
    default = xml.read_lock_configuration(call.document())
    if call.here.settings.versioning != ENABLED:
        raise InvalidBucketState("Versioning must be 'Enabled' on a bucket that is to have Object Lock.")
    if not call.store.backend.keeps_locks:
        raise NotImplementedByUs("The storage of this bucket cannot lock objects.")
    change_settings(
        call.here,
        object_lock=True,
        lock_mode=default.mode,
        lock_days=default.days,
        lock_years=default.years,
    )
    return Answer(200)


def _require_lock(call: Call) -> None:
    """Raises InvalidRequest."""
    if not call.here.settings.object_lock:
        raise InvalidRequest("Bucket is missing Object Lock Configuration")


# -- one version -----------------------------------------------------------------------------
def get_retention(call: Call) -> Answer:
    """Raises InvalidRequest, NoSuchObjectLockConfiguration, NoSuchKey, NoSuchVersion."""
    _require_lock(call)
    lock = call.head().lock
    if not lock.mode:
        raise NoSuchObjectLockConfiguration()
    return document(xml.retention(lock.mode, lock.until))


def put_retention(call: Call) -> Answer:
    """Raises InvalidRequest, MalformedXML, InvalidArgument (a date in the past), ObjectLocked."""
    _require_lock(call)
    mode, until = xml.read_retention(call.document())
    if mode and until <= call.now_ms:
        raise InvalidArgument(_PAST)
    _require_saying(call, {_MODE: mode, _UNTIL: iso_ms(until)} if mode else {})
    return _amended(call, Amendment(retention=(mode, until), bypass=bypasses(call, call.request.key)))


def get_legal_hold(call: Call) -> Answer:
    """Raises InvalidRequest, NoSuchKey, NoSuchVersion."""
    _require_lock(call)
    return document(xml.legal_hold(call.head().lock.hold))


def put_legal_hold(call: Call) -> Answer:
    """Raises InvalidRequest, MalformedXML, NoSuchKey, NoSuchVersion."""
    _require_lock(call)
    hold = xml.read_legal_hold(call.document())
    _require_saying(call, {_HOLD: "ON" if hold else "OFF"})
    return _amended(call, Amendment(hold=hold))


def _require_saying(call: Call, said: dict[str, str]) -> None:
    """Policies may look at what the document says as at the headers of an upload. Raises AccessDenied."""
    call.rights.saying(said).require(call.right, call.request.key)


def _amended(call: Call, change: Amendment) -> Answer:
    seen = call.head()
    call.store.amend(call.request.key, seen.version_id, change)
    return Answer(200)


def bypasses(call: Call, key: str) -> bool:
    """Whether the request lifts governance retention, and its caller may do that."""
    wanted = call.request.headers.get(_BYPASS, "").lower() == "true"
    return wanted and call.rights.allows("s3:BypassGovernanceRetention", key)


# -- what a new version asks for ---------------------------------------------------------------
def asked_lock(call: Call) -> Lock:
    """The lock of the version that a request writes: its headers, else the bucket's default.

    Raises InvalidRequest (the bucket has no object lock), InvalidArgument, AccessDenied.
    """
    given = call.request.headers
    settings = call.here.settings
    if not settings.object_lock:
        if any(name in given for name in (_MODE, _UNTIL, _HOLD)):
            _require_lock(call)
        return UNLOCKED
    hold = _asked_hold(call) if _HOLD in given else False
    lock = default_lock(settings, call.now_ms)
    if _MODE in given or _UNTIL in given:
        mode, until = _asked_retention(call)
        lock = Lock(mode, until)
    return replace(lock, hold=hold)


def _asked_hold(call: Call) -> bool:
    text = call.request.headers[_HOLD]
    if text not in _HOLDS:
        raise wrong(_HOLD, text, "Legal Hold must be either of 'ON' or 'OFF'")
    call.rights.require("s3:PutObjectLegalHold", call.request.key)
    return _HOLDS[text]


def _asked_retention(call: Call) -> tuple[str, int]:
    given = call.request.headers
    if _MODE not in given or _UNTIL not in given:
        missing = _UNTIL if _MODE in given else _MODE
        raise wrong(missing, "", f"{_UNTIL} and {_MODE} must both be supplied")
    mode = given[_MODE]
    if mode not in MODES:
        raise wrong(_MODE, mode, "Unknown wormMode directive.")
    until = parse_iso_ms(given[_UNTIL])
    if until is None:
        raise wrong(_UNTIL, given[_UNTIL], "The retain until date must be provided in ISO 8601 format")
    if until <= call.now_ms:
        raise wrong(_UNTIL, given[_UNTIL], _PAST)
    call.rights.require("s3:PutObjectRetention", call.request.key)
    return mode, until
