"""docs/s3.md says of every operation what the table does."""

from pathlib import Path

import pytest
from django.conf import settings

from proxy.handlers.refusals import not_implemented
from proxy.operations import OPERATIONS, Operation

SUPPORTED, _, NOT_YET = (Path(settings.BASE_DIR) / "docs" / "s3.md").read_text().partition("## Not yet")


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_the_document_says_whether_an_operation_is_supported(operation: Operation) -> None:
    supported = operation.handler is not not_implemented
    assert (f"| {operation.name} |" in SUPPORTED) is supported
    assert (operation.name in NOT_YET.replace(",", "").replace(".", "").split()) is not supported
