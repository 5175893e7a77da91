"""What jobs can do: one line per kind."""

from __future__ import annotations

from jobs.kinds.base import Kind
from jobs.kinds.lifecycle import Lifecycle
from jobs.kinds.migrate import Migrate
from jobs.kinds.reencrypt import Reencrypt
from jobs.kinds.replicate import Replicate

KINDS: dict[str, Kind] = {
    "lifecycle": Lifecycle(),
    "migrate": Migrate(),
    "reencrypt": Reencrypt(),
    "replication": Replicate(),
}
