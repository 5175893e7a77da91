"""What every backend says that makes all its places itself, without a service."""

from __future__ import annotations

from proxy.backends.services import Condition


class NoService:
    """See `proxy.backends.services.Serviced`."""

    def condition(self) -> Condition:
        return Condition()

    def find_out(self) -> None:
        """There is nothing to be found out."""

    def real_buckets(self) -> tuple[str, ...]:
        return ()
