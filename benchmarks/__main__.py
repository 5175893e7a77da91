"""`python -m benchmarks`: everything beside the peers that are installed, in one run.

`listing` is what a page costs at a million keys, `sealing` what encryption costs a body, `reencrypting`
what a bucket of sealed ones costs whose keys are rotated, all without a server; `requests` are single
requests of each kind; `memory` is what 32 uploads and downloads at once cost; `moving` is a migration
beside a copy inside a peer, `between` one from one S3 service to another beside `rclone copy` and
`s5cmd cp`. `--help` lists the options.
"""

from __future__ import annotations

import argparse
from contextlib import ExitStack

from benchmarks import between, listing, memory, moving, reencrypting, requests, sealing
from benchmarks.servers import PEERS, PROGRAMS, Server, program, sluicegate

PARTS = ("listing", "sealing", "reencrypting", "requests", "memory", "moving", "between")


def _arguments() -> argparse.Namespace:
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
    parser.add_argument("--only", choices=PARTS, help="one part alone")
    return parser.parse_args()


def _installed() -> list[str]:
    return [label for label in PEERS if program(PROGRAMS[label])]


def _requests(options: argparse.Namespace, ours: Server, peers: list[Server]) -> list[str]:
    if not requests.available():
        return ["requests: not run, ../shared/bench/s3bench.py is not there"]
    mine, *theirs = [
        requests.measure(server, seconds=options.seconds, repeat=options.repeat, list_keys=options.list_keys)
        for server in (ours, *peers)
    ]
    return requests.table(mine, {peer.label: found for peer, found in zip(peers, theirs, strict=True)})


def main() -> None:
    options = _arguments()
    parts = (options.only,) if options.only else PARTS
    if "listing" in parts:
        print(*listing.table(1_000_000), sep="\n", flush=True)
    if "sealing" in parts:
        print(*sealing.table(), sep="\n", flush=True)
    if "reencrypting" in parts:
        print(*reencrypting.table(options.rewrap, large=8), sep="\n", flush=True)
    if options.only in ("listing", "sealing", "reencrypting"):
        return
    if "between" in parts:
        print(
            *between.compare(small=options.between_small, large=options.between_large), sep="\n", flush=True
        )
    if options.only == "between":
        return
    with ExitStack() as stack:
        ours = stack.enter_context(sluicegate())
        peers = [stack.enter_context(PEERS[label]()) for label in _installed()]
        if "requests" in parts:
            print(*_requests(options, ours, peers), sep="\n", flush=True)
        if "memory" in parts:
            print(*memory.measure(ours, size=options.size * memory.MIB), sep="\n", flush=True)
        if "moving" in parts:
            by_label = {peer.label: peer for peer in peers}
            peer = by_label.get("seaweedfs") or peers[0]
            print(*moving.compare(ours, peer, small=options.small, large=options.large), sep="\n", flush=True)


if __name__ == "__main__":
    main()
