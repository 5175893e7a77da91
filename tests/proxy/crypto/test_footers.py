"""What footers say: size and ETag always, checksums as far as there is room."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.crypto.footers import CHECKSUMS, Footer, footer_bytes, read_footer
from proxy.crypto.frames import FOOTER_BYTES, DamagedBody

LENGTHS = {"crc64nvme": 12, "crc32c": 8, "crc32": 8, "sha256": 44, "sha1": 28}
TOP = 5 * 1024**4
ETAG = "0" * 32


@given(
    size=st.integers(0, TOP),
    part=st.integers(0, 10_000),
    algorithms=st.sets(st.sampled_from(CHECKSUMS)),
)
def test_a_footer_says_again_what_it_was_told(size: int, part: int, algorithms: set[str]) -> None:
    footer = Footer(size, ETAG, {name: "x" * LENGTHS[name] for name in algorithms}, part)
    written = footer_bytes(footer)
    assert len(written) <= FOOTER_BYTES
    read = read_footer(written.ljust(FOOTER_BYTES))
    assert (read.size, read.etag, read.part) == (size, ETAG, part)
    assert read.checksums.items() <= footer.checksums.items()
    assert len(algorithms) > 4 or read.checksums == footer.checksums


def test_checksums_that_do_not_fit_are_left_away_and_shorter_ones_after_them_are_kept() -> None:
    written = footer_bytes(Footer(TOP, ETAG, {"crc64nvme": "x" * 200, "sha1": "y" * 28}, 10_000))
    assert set(read_footer(written).checksums) == {"sha1"}


@pytest.mark.parametrize("facts", [b"", b"[]", b"{}", b"\xff", b'{"size":"x","etag":""}', b'{"size":1}'])
def test_what_is_no_footer_is_damage(facts: bytes) -> None:
    with pytest.raises(DamagedBody):
        read_footer(facts)
