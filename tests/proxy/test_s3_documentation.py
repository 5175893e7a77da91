"""docs/s3.md says of every operation what the table does."""

import re
from pathlib import Path

import pytest
from django.conf import settings

from proxy.handlers.refusals import not_implemented
from proxy.operations import OPERATIONS, Operation

TEXT = (Path(settings.BASE_DIR) / "docs" / "s3.md").read_text()
ROWS = dict(re.findall(r"^\| (\w+) \| (yes|partly|no) \|", TEXT, re.MULTILINE))


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_the_document_says_whether_an_operation_is_supported(operation: Operation) -> None:
    assert (ROWS[operation.name] != "no") is (operation.handler is not not_implemented)


def test_the_document_knows_no_other_operations() -> None:
    assert ROWS.keys() == {operation.name for operation in OPERATIONS}
