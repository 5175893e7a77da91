"""What the AWS SDK does for us: finding credentials. The only importer of boto3 and botocore.

It costs about a third of a second to import, so that happens only where it is needed.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from proxy.backends.s3.errors import Refused
from proxy.backends.s3.options import Credentials


def from_chain(backend: str) -> Callable[[], Credentials]:
    """Credentials from the SDK's chain: environment, shared files, containers, instance metadata.

    The SDK keeps them and renews temporary ones before they end. Raises Refused if there are none.
    """
    lock = threading.Lock()
    found: list[object] = []

    def now() -> Credentials:
        with lock:
            if not found:
                found.append(_resolve(backend))
        frozen = found[0].get_frozen_credentials()  # type: ignore[attr-defined]
        return Credentials(frozen.access_key, frozen.secret_key, frozen.token or "")

    return now


def _resolve(backend: str) -> object:
    import boto3

    credentials = boto3.Session().get_credentials()
    if credentials is None:
        raise Refused(
            f"There are no credentials for the storage {backend!r}: neither in its configuration nor where"
            " the SDK looks for them.",
            "NoCredentials",
        )
    return credentials
