"""Headers and query parameters that change what a request means, and that it cannot mean here.

They are refused for every operation: an answer that ignored them would be a wrong success.
Harmless ones (request payer, the SDKs' own markers) are not listed and are passed over.
"""

from __future__ import annotations

from proxy.errors import NotImplementedByUs
from proxy.wire.encryption import check_taken
from proxy.wire.request import S3Request

_OF_ENCRYPTION = ("x-amz-server-side-encryption", "x-amz-copy-source-server-side-encryption")
_ALLOWED: dict[str, frozenset[str]] = {
    "x-amz-write-offset-bytes": frozenset(),
    "x-amz-if-match-initiated-time": frozenset(),
    "x-amz-rename-source": frozenset(),
    "x-amz-mfa": frozenset(),
}
"""Header -> the values under which it asks for nothing that we do not do."""


def refuse_unsupported(request: S3Request, operation: str) -> None:
    """Raise NotImplemented if a header or parameter asks for what we do not have.

    Raises InvalidArgument for a header about encryption that the operation does not take.
    """
    for name, value in request.headers.items():
        if not name.startswith("x-amz-"):
            continue
        if name.startswith(_OF_ENCRYPTION):
            check_taken(name, operation)
        elif value not in _ALLOWED.get(name, (value,)):
            raise NotImplementedByUs(fields={"Header": name})
