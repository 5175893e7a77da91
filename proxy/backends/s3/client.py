"""The S3 client: every call of `calls/` to one service, and how one is made from the configuration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from proxy.backends.s3.caller import Caller, CredentialSource
from proxy.backends.s3.calls.uploads import UploadCalls
from proxy.backends.s3.options import Credentials, Options


class Client(UploadCalls):
    """Calls to one service from this process; safe for any number of threads and over forks."""

    @property
    def name(self) -> str:
        """The backend's name."""
        return self.caller.backend

    def apart(self, retry_budget: float) -> Client:
        """Another client of the same service, without a breaker: for trying what may well fail."""
        own = self.caller
        options = replace(own.options, retry_budget=retry_budget)
        return type(self)(Caller(own.backend, options, own.credentials, watched=False))

    def close(self) -> None:
        """Close the connections that nobody uses."""
        self.caller.close()


def connect(name: str, written: Mapping[str, Any]) -> Client:
    """The client of one entry of `settings.STORAGE["backends"]`. Connects only when it is used."""
    options = Options.of(written)
    return Client(Caller(name, options, _source(name, options)))


def _source(name: str, options: Options) -> CredentialSource:
    fixed = options.credentials
    if fixed is None:
        from proxy.backends.s3.rare import from_chain

        return from_chain(name)

    def given() -> Credentials:
        return fixed

    return given
