"""What sealing and opening a body costs beside copying it, by one core and by two threads.

Pieces are as long as those of a body on its way. `python -m benchmarks.sealing` runs it alone.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from proxy.backends.values import PIECE_BYTES
from proxy.crypto.footers import Footer, footer_bytes
from proxy.crypto.frames import Opener, Sealer, frame_bytes_for, new_body_id, new_data_key

MIB = 1024 * 1024
_ROUNDS = 5
_BODIES = {"4 KiB": 4096, "1 MiB": MIB, "64 MiB": 64 * MIB}


def _pieces(size: int) -> list[bytes]:
    body = os.urandom(min(size, PIECE_BYTES))
    return [body] * max(1, size // PIECE_BYTES)


def _copied(pieces: list[bytes]) -> None:
    for piece in pieces:
        bytearray(piece)


def _sealed(pieces: list[bytes], data_key: bytes, body_id: bytes) -> Iterator[bytes]:
    size = sum(map(len, pieces))
    sealer = Sealer(data_key, body_id, frame_bytes_for(size))
    yield sealer.header()
    for piece in pieces:
        yield from sealer.add(piece)
    yield sealer.end(footer_bytes(Footer(size, "0" * 32)))


def _drained(pieces: Iterable[bytes]) -> None:
    for _ in pieces:
        pass


def _opened(stored: list[bytes], size: int, data_key: bytes, body_id: bytes) -> Iterator[bytes]:
    return Opener(data_key, body_id, size, sum(map(len, stored))).open(stored, 0, size)


def _seconds(work: Callable[[], object], threads: int) -> float:
    """The least mean time of a call; of several at once, that of all divided by their number."""
    least = float("inf")
    with ThreadPoolExecutor(threads) as pool:
        for _ in range(_ROUNDS):
            times, began = 0, time.perf_counter()
            while time.perf_counter() - began < 0.2 or not times:
                list(pool.map(lambda _: work(), range(threads))) if threads > 1 else work()
                times += threads
            least = min(least, (time.perf_counter() - began) / times)
    return least


def table() -> list[str]:
    """Markdown: MiB/s, and the time of one body."""
    data_key, body_id = new_data_key(), new_body_id()
    lines = ["| sealing | copy | seal | open | seal, 2 threads |", "|---|---|---|---|---|"]
    for label, size in _BODIES.items():
        pieces = _pieces(size)
        stored = _regrouped(b"".join(_sealed(pieces, data_key, body_id)))
        seal = partial(lambda pieces: _drained(_sealed(pieces, data_key, body_id)), pieces)
        opening = partial(lambda *body: _drained(_opened(*body, data_key, body_id)), stored, size)
        copy = partial(_copied, pieces)
        found = [_seconds(work, threads) for work, threads in ((copy, 1), (seal, 1), (opening, 1), (seal, 2))]
        cells = [f"{size / MIB / seconds:,.0f} MiB/s ({seconds * 1e6:,.0f} us)" for seconds in found]
        lines.append(f"| {label} | {' | '.join(cells)} |")
    return lines


def _regrouped(stored: bytes) -> list[bytes]:
    """In pieces as a backend reads them."""
    return [stored[at : at + PIECE_BYTES] for at in range(0, len(stored), PIECE_BYTES)]


if __name__ == "__main__":
    print(*table(), sep="\n")
