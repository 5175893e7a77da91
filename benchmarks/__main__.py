"""`python -m benchmarks`: everything beside a peer, in one run. `--help` lists the options."""

from __future__ import annotations

import argparse

from benchmarks import listing, moving, requests
from benchmarks.servers import seaweedfs, sluicegate


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--seconds", type=float, default=2.5, help="length of each timed phase")
    parser.add_argument("--repeat", type=int, default=3, help="rounds; the median counts")
    parser.add_argument("--list-keys", type=int, default=100_000, help="keys in the listed bucket")
    parser.add_argument("--small", type=int, default=20_000, help="4 KiB objects to migrate")
    parser.add_argument("--large", type=int, default=20, help="64 MiB objects to migrate")
    parser.add_argument("--only", choices=("requests", "moving", "listing"), help="one part alone")
    return parser.parse_args()


def main() -> None:
    options = _arguments()
    if options.only in (None, "listing"):
        print(*listing.table(1_000_000), sep="\n", flush=True)
    if options.only == "listing":
        return
    with sluicegate() as ours, seaweedfs() as peer:
        if options.only != "moving":
            if requests.available():
                measured = [
                    requests.measure(
                        server, seconds=options.seconds, repeat=options.repeat, list_keys=options.list_keys
                    )
                    for server in (ours, peer)
                ]
                print(*requests.table(*measured, peer.label), sep="\n", flush=True)
            else:
                print("requests: not run, ../shared/bench/s3bench.py is not there")
        if options.only != "requests":
            print(*moving.compare(ours, peer, small=options.small, large=options.large), sep="\n", flush=True)


if __name__ == "__main__":
    main()
