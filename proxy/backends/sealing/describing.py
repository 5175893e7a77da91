"""What a sealed body says of its plaintext by itself, when what was noted of it is lost."""

from __future__ import annotations

from proxy.backends.base import Description, ReadStored
from proxy.backends.multipart import multipart_etag
from proxy.backends.sealing.keys import BucketKeys, bound_upload, is_customers, unwrapped
from proxy.backends.seals import PlainFacts, SealedSegment
from proxy.backends.values import PartInfo, Place
from proxy.crypto.footers import Footer, read_footer
from proxy.crypto.frames import FOOTER_STORED, TAIL_BYTES, DamagedBody, Opener, read_tail


def described(
    keys: BucketKeys, place: Place, key: str, wrap: str, stored: int, read: ReadStored
) -> Description:
    """See `proxy.backends.base.Describe`; for wraps that were made ahead. Raises DamagedBody, MissingKey.

    A body is read from its end, segment by segment. Without the customer's key only sizes are told.
    """
    data_key = None
    if not is_customers(wrap):
        data_key = unwrapped(keys, place, wrap, bound_upload(place, key, ""))
    segments: list[SealedSegment] = []
    footers: list[Footer] = []
    while stored > 0:
        end = read(max(stored - FOOTER_STORED - TAIL_BYTES, 0), stored)
        tail = read_tail(end[-TAIL_BYTES:])
        if tail.stored > stored:
            raise DamagedBody("its beginning is cut off")
        segments.insert(0, SealedSegment(tail.body_id.hex(), tail.size, tail.stored))
        if data_key is not None:
            opener = Opener(data_key, tail.body_id, tail.size, tail.stored)
            footers.insert(0, read_footer(opener.open_footer(end)))
        stored -= tail.stored
    return _description(segments, footers)


def _description(segments: list[SealedSegment], footers: list[Footer]) -> Description:
    size = sum(segment.size for segment in segments)
    if not footers:
        return Description(PlainFacts(size, ""), tuple(segments))
    if len(footers) == 1 and not footers[0].part:
        return Description(PlainFacts(size, footers[0].etag, footers[0].checksums), tuple(segments))
    parts = tuple(
        PartInfo(number, footer.size, footer.etag, 0, footer.checksums)
        for number, footer in enumerate(footers, 1)
    )
    return Description(PlainFacts(size, multipart_etag(parts)), tuple(segments), parts)
