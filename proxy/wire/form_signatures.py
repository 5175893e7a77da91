"""Who signed an upload form: the policy's text is what is signed, in version 4 or 2. Pure.

Sources: Amazon S3 API Reference, "Authenticating Requests in Browser-Based Uploads Using POST";
Amazon S3 User Guide, "Signing and authenticating REST requests (AWS signature version 2)".
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable, Mapping

from proxy.errors import InvalidArgument, SignatureDoesNotMatch
from proxy.wire import signing
from proxy.wire.claims import UNSIGNED, Claim, malformed
from proxy.wire.dates import parse_amz_date
from proxy.wire.sigv4 import find_secret

_V4 = ("x-amz-algorithm", "x-amz-credential", "x-amz-date", "x-amz-signature")
_V2 = ("awsaccesskeyid", "signature")
_NAMES = {
    "awsaccesskeyid": "AWSAccessKeyId",
    "x-amz-algorithm": "X-Amz-Algorithm",
    "x-amz-credential": "X-Amz-Credential",
    "x-amz-date": "X-Amz-Date",
    "x-amz-signature": "X-Amz-Signature",
}

Fields = Mapping[str, str]


def is_signed(fields: Fields) -> bool:
    """Whether a form says anything of a signature; a policy alone is half of one."""
    return any(name in fields for name in (*_V4, *_V2, "policy"))


def verify(fields: Fields, secret_for: Callable[[str], str | None], *, region: str) -> None:
    """Verify the signature of a form's policy.

    `secret_for` gives the secret of an access key, or None. Raises InvalidArgument (a field is missing),
    AuthorizationQueryParametersError, InvalidAccessKeyId, SignatureDoesNotMatch.
    """
    newer = any(name in fields for name in _V4)
    for name in (*(_V4 if newer else _V2), "policy"):
        if not fields.get(name):
            shown = _NAMES.get(name, name)
            raise InvalidArgument(
                f"Bucket POST must contain a field named '{shown}'.  If it is specified, please check the "
                "order of the fields.",
                fields={"ArgumentName": shown, "ArgumentValue": ""},
            )
    (_verify_v4 if newer else _verify_v2)(fields, secret_for, region)


def _verify_v4(fields: Fields, secret_for: Callable[[str], str | None], region: str) -> None:
    if fields["x-amz-algorithm"] != signing.ALGORITHM:
        raise InvalidArgument(
            f"X-Amz-Algorithm only supports {signing.ALGORITHM}",
            fields={"ArgumentName": "X-Amz-Algorithm", "ArgumentValue": fields["x-amz-algorithm"]},
        )
    timestamp = fields["x-amz-date"]
    if parse_amz_date(timestamp) is None:
        raise InvalidArgument(
            "X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\"",
            fields={"ArgumentName": "X-Amz-Date", "ArgumentValue": timestamp},
        )
    access_key, *scope = fields["x-amz-credential"].rsplit("/", 4)
    if len(scope) != 4 or not access_key:
        raise malformed(True, "it is not KEY/YYYYMMDD/REGION/SERVICE/aws4_request.")
    date, named_region, service, terminator = scope
    claim = Claim(
        access_key,
        date,
        named_region,
        service,
        terminator,
        (),
        fields["x-amz-signature"],
        timestamp,
        UNSIGNED,
        presigned=True,
    )
    claim.check_scope(region)
    secret = find_secret(access_key, secret_for)
    key = signing.signing_key(secret, date, named_region, service)
    computed = hmac.digest(key, fields["policy"].encode(), "sha256").hex()
    if not signing.same(claim.signature, computed):
        raise _mismatch(access_key, fields["policy"], claim.signature)


def _verify_v2(fields: Fields, secret_for: Callable[[str], str | None], region: str) -> None:
    access_key, signature = fields["awsaccesskeyid"], fields["signature"]
    secret = find_secret(access_key, secret_for)
    digest = hmac.new(secret.encode(), fields["policy"].encode(), hashlib.sha1).digest()
    if not signing.same(signature, base64.b64encode(digest).decode("ascii")):
        raise _mismatch(access_key, fields["policy"], signature)


def _mismatch(access_key: str, policy: str, signature: str) -> SignatureDoesNotMatch:
    return SignatureDoesNotMatch(
        fields={"AWSAccessKeyId": access_key, "StringToSign": policy, "SignatureProvided": signature}
    )
