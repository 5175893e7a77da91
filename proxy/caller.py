"""Who a request is from, as everything above the authentication sees it. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Caller:
    """A user, or nobody (`owner_id` is empty then).

    `owner_id` is the canonical id, 64 hex digits. `root` may do everything. `policies` are the
    JSON texts of the user's own policies and of those of the user's groups.
    """

    owner_id: str = ""
    name: str = ""
    access_key: str = ""
    root: bool = False
    creates_buckets: bool = True
    policies: tuple[str, ...] = ()

    @property
    def anonymous(self) -> bool:
        return not self.owner_id


NOBODY = Caller(creates_buckets=False)
