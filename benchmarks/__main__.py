"""`python -m benchmarks`: everything beside the peers that are installed, in one run.

Without a server: `listing` is what a page costs at a million keys, `sealing` what encryption costs a
body, `control` what it costs the control database, `reencrypting` what a bucket costs whose keys are
rotated, `replicating` a first copy and a comparison beside `rclone sync` and `aws s3 sync`. `client` is
what a call to a service costs us; `sealed` are requests for sealed objects beside the same for plain ones;
`requests` are single requests of each kind; `memory` is what 32 uploads and downloads at once cost;
`pausing` is how long a migration lets writes wait, with and without precopy; `moving` is a migration
beside a copy inside a peer, `between` one from one S3 service to another beside `rclone copy` and
`s5cmd cp`. `--help` lists the options.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from contextlib import ExitStack

from benchmarks import (
    between,
    client,
    control,
    listing,
    memory,
    moving,
    pausing,
    reencrypting,
    replicating,
    requests,
    sealed,
    sealing,
)
from benchmarks.servers import PEERS, PROGRAMS, Server, program, sluicegate

Options = argparse.Namespace

ALONE: dict[str, Callable[[Options], list[str]]] = {
    "listing": lambda _: listing.table(1_000_000),
    "sealing": lambda _: sealing.table(),
    "reencrypting": lambda options: reencrypting.table(options.rewrap, large=8),
    "sealed": lambda options: sealed.table(seconds=options.seconds, repeat=options.repeat),
    "control": lambda options: control.table(3 * options.repeat),
    "replicating": lambda options: replicating.compare(first=options.first, pair=options.pair),
    "pausing": lambda options: pausing.compare(small=options.small, large=options.large),
    "between": lambda options: between.compare(small=options.between_small, large=options.between_large),
}
"""What needs no server, or starts its own."""

BESIDE: dict[str, Callable[[Options, Server, list[Server]], list[str]]] = {
    "client": lambda _, ours, peers: client.table(peers[0] if peers else ours),
    "requests": lambda options, ours, peers: _requests(options, ours, peers),
    "memory": lambda options, ours, _: memory.measure(ours, size=options.size * memory.MIB),
    "moving": lambda options, ours, peers: _moving(options, ours, peers),
}
"""What is measured on one of ours, beside the peers that are installed."""


def _arguments() -> Options:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--seconds", type=float, default=2.5, help="length of each timed phase")
    parser.add_argument("--repeat", type=int, default=3, help="rounds; the median counts")
    parser.add_argument("--list-keys", type=int, default=100_000, help="keys in the listed bucket")
    parser.add_argument("--size", type=int, default=1024, help="MiB of each of 32 objects (memory)")
    parser.add_argument("--small", type=int, default=20_000, help="4 KiB objects to migrate")
    parser.add_argument("--large", type=int, default=20, help="64 MiB objects to migrate")
    parser.add_argument("--rewrap", type=int, default=100_000, help="objects whose keys are wrapped anew")
    parser.add_argument("--between-small", type=int, default=5_000, help="4 KiB objects between services")
    parser.add_argument("--between-large", type=int, default=20, help="64 MiB objects between services")
    parser.add_argument("--first", type=int, default=5_000, help="4 KiB objects to replicate")
    parser.add_argument("--pair", type=int, default=50_000, help="keys in line to compare")
    parser.add_argument("--only", choices=(*ALONE, *BESIDE), help="one part alone")
    return parser.parse_args()


def _installed() -> list[str]:
    return [label for label in PEERS if program(PROGRAMS[label])]


def _requests(options: Options, ours: Server, peers: list[Server]) -> list[str]:
    if not requests.available():
        return ["requests: not run, ../shared/bench/s3bench.py is not there"]
    mine, *theirs = [
        requests.measure(server, seconds=options.seconds, repeat=options.repeat, list_keys=options.list_keys)
        for server in (ours, *peers)
    ]
    return requests.table(mine, {peer.label: found for peer, found in zip(peers, theirs, strict=True)})


def _moving(options: Options, ours: Server, peers: list[Server]) -> list[str]:
    by_label = {peer.label: peer for peer in peers}
    peer = by_label.get("seaweedfs") or peers[0]
    return moving.compare(ours, peer, small=options.small, large=options.large)


def main() -> None:
    options = _arguments()
    parts = (options.only,) if options.only else (*ALONE, *BESIDE)
    for part in filter(ALONE.__contains__, parts):
        print(*ALONE[part](options), sep="\n", flush=True)
    beside = [part for part in parts if part in BESIDE]
    if not beside:
        return
    with ExitStack() as stack:
        ours = stack.enter_context(sluicegate())
        peers = [stack.enter_context(PEERS[label]()) for label in _installed()]
        for part in beside:
            print(*BESIDE[part](options, ours, peers), sep="\n", flush=True)


if __name__ == "__main__":
    main()
