"""What the AWS SDK does for us: finding credentials. The only importer of boto3 and botocore.

They are imported only where they are needed: that adds a tenth to the start of a process, and 13 MiB.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from proxy.backends.s3.errors import Refused
from proxy.backends.s3.options import Credentials


def from_chain(backend: str) -> Callable[[], Credentials]:
    """Credentials from the SDK's chain: environment, shared files, containers, instance metadata.

    To be asked before each request: the SDK keeps them, and renews temporary ones before they end.
    Raises Refused while there are none.
    """
    lock = threading.Lock()
    found: list[Any] = []

    def now() -> Credentials:
        from botocore.exceptions import BotoCoreError

        try:
            if not found:
                with lock:
                    found[:] = found or [_resolve(backend)]
            frozen = found[0].get_frozen_credentials()
        except (BotoCoreError, OSError) as error:
            raise _refused(backend, f"the SDK cannot get them ({type(error).__name__})") from None
        return Credentials(frozen.access_key, frozen.secret_key, frozen.token or "")

    return now


def _resolve(backend: str) -> Any:
    import boto3

    credentials = boto3.Session().get_credentials()
    if credentials is None:
        raise _refused(backend, "neither the configuration has any, nor any place where the SDK looks")
    return credentials


def _refused(backend: str, why: str) -> Refused:
    return Refused(f"There are no credentials for the storage {backend!r}: {why}.", "NoCredentials")
