"""What answers of a service have shown, and what it is good for."""

from __future__ import annotations

import pytest

from proxy.backends.s3.habits import Habits
from proxy.errors import BackendUnavailable

ONE, OTHER = "1" * 32, "2" * 32


def test_other_bytes_than_were_sent_are_noticed_where_etags_tell() -> None:
    habits = Habits()
    habits.confirm("b", ONE, OTHER)  # nothing is known yet
    habits.learn("b", True)
    habits.confirm("b", ONE, ONE)
    habits.confirm("b", ONE, f"{OTHER}-2")
    habits.confirm("c", ONE, OTHER)
    with pytest.raises(BackendUnavailable):
        habits.confirm("b", ONE, OTHER)
    habits.learn("b", False)  # a key of the service's KMS seals from now on
    habits.confirm("b", ONE, OTHER)
