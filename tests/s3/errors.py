"""What a refused request is expected to say."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from botocore.exceptions import ClientError


class Caught:
    """The error that was caught; `answer` is boto3's parsed response."""

    answer: dict[str, Any]


@contextmanager
def refused(code: str, status: int | None = None) -> Iterator[Caught]:
    """The block raises boto3's ClientError with that code (and HTTP status), and a request id."""
    caught = Caught()
    with pytest.raises(ClientError) as error:
        yield caught
    caught.answer = error.value.response
    assert caught.answer["Error"]["Code"] == code, caught.answer
    if status is not None:
        assert caught.answer["ResponseMetadata"]["HTTPStatusCode"] == status
    assert len(caught.answer["ResponseMetadata"]["HTTPHeaders"]["x-amz-request-id"]) == 16
