"""Reading request bodies, with a bound on their size and depth."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from rest_framework.exceptions import APIException, ParseError
from rest_framework.parsers import BaseParser

LARGEST = 64 * 1024


class BodyTooLarge(APIException):
    """More than any request of this API needs."""

    status_code = 413
    default_detail = f"A request body may be {LARGEST} bytes long."


class BoundedJSON(BaseParser):
    """One JSON document of at most 64 KiB. Raises ParseError, BodyTooLarge. Source: RFC 8259."""

    media_type = "application/json"

    def parse(
        self, stream: Any, media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        text = stream.read(LARGEST + 1)
        if len(text) > LARGEST:
            raise BodyTooLarge
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            raise ParseError("The body is not a JSON document.") from None
