"""A file that is set aside: what comes back, and what stands on the disk meanwhile."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from proxy.crypto.scratch import ScratchFile
from tests.bodies import noise
from tests.nameless import nameless_files


def test_what_was_written_in_any_pieces_is_read_from_anywhere(tmp_path: Path) -> None:
    data = noise(10_000)
    with ScratchFile(tmp_path) as scratch:
        for start, end in ((0, 5), (5, 16), (16, 33), (33, 9_000), (9_000, 10_000)):
            assert scratch.write(bytearray(data[start:end])) == end - start
        for at in (0, 1, 15, 16, 17, 4_097, 9_999, 10_000, 20_000):
            assert scratch.seek(at) == at
            assert scratch.read(100) == data[at : at + 100]
        assert scratch.seek(-3, io.SEEK_END) == 9_997 and scratch.read() == data[-3:]


def test_nothing_of_it_stands_on_the_disk(tmp_path: Path) -> None:
    with ScratchFile(tmp_path) as scratch, ScratchFile(tmp_path) as other:
        for each in (scratch, other):
            each.write(b"secret " * 1000)
        assert list(tmp_path.iterdir()) == [], "it has no name"
        one, two = nameless_files(tmp_path)
        assert len(one) == len(two) == 7000 and one != two
        assert b"secret" not in one + two
    assert nameless_files(tmp_path) == []


def test_what_was_written_is_not_written_over(tmp_path: Path) -> None:
    with ScratchFile(tmp_path) as scratch:
        scratch.write(b"first")
        scratch.seek(0)
        with pytest.raises(io.UnsupportedOperation):
            scratch.write(b"other")
        assert scratch.read() == b"first"
