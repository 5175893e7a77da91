"""Plain bodies that are sealed on their way in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from proxy.backends.base import Body, SealedBody
from proxy.backends.bodies import Running, refuse_other_bytes
from proxy.backends.sealing.keys import DataKey
from proxy.backends.seals import PlainFacts, Seal, SealedSegment
from proxy.backends.values import ObjectInfo
from proxy.crypto.footers import Footer, footer_bytes
from proxy.crypto.frames import Sealer, frame_bytes_for, new_body_id, sealed_size
from proxy.errors import IncompleteBody


class SealingBody(SealedBody):
    """Seals a plain body while it passes. Holds one frame.

    The last frame is handed out only once the plain body has ended by itself and is what was announced:
    so a digest that is wrong leaves nothing that could be taken for a whole body.
    """

    def __init__(
        self,
        body: Body,
        data_key: bytes,
        wrapped: DataKey | None,
        *,
        need: Iterable[str] = (),
        carried: tuple[int, str] | None = None,
        part: int = 0,
    ) -> None:
        """`wrapped` is None for a part, whose upload has the wrap; `part` is its number.

        `need`: checksums to compute. `carried`: size and ETag that it must have.
        """
        self._body = body
        self._data_key = data_key
        self._wrapped = wrapped
        self._need = tuple(need)
        self._carried = carried
        self._part = part
        self._frame_bytes = frame_bytes_for(body.length)
        self._plain: PlainFacts | None = None
        self._segments: tuple[SealedSegment, ...] = ()
        self.length = None if body.length is None else sealed_size(body.length, self._frame_bytes)

    def __iter__(self) -> Iterator[bytes]:
        """Raises what the body raises, IncompleteBody, BadDigest."""
        running = Running(self._need)
        body_id = new_body_id()  # for every pass: a source that gave other bytes then must not reuse a nonce
        sealer = Sealer(self._data_key, body_id, self._frame_bytes)
        yield sealer.header()
        for piece in self._body:
            running.add(piece)
            yield from sealer.add(piece)
        if self._body.length not in (None, running.size):
            raise IncompleteBody()
        plain = running.facts(self._body.checksums)
        if self._carried is not None:
            refuse_other_bytes(plain, *self._carried)
        self._plain = plain
        self._segments = (SealedSegment(body_id.hex(), sealer.size, sealer.stored),)
        yield sealer.end(footer_bytes(Footer(plain.size, plain.etag, plain.checksums, self._part)))

    @property
    def plain(self) -> PlainFacts:
        assert self._plain is not None, "the body has not been read to its end"
        return self._plain

    @property
    def segments(self) -> tuple[SealedSegment, ...]:
        assert self._segments, "the body has not been read to its end"
        return self._segments

    @property
    def wrap_ahead(self) -> str:
        return self._wrapped.ahead if self._wrapped else ""

    def seal(self, info: ObjectInfo) -> Seal:
        assert self._wrapped is not None, "a part has no seal of its own"
        return self._wrapped.seal(info, self.segments)
