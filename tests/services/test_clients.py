"""The stock clients through a gateway over a service, with parts, folders and odd names."""

from __future__ import annotations

from tests.s3.test_clients import (  # noqa: F401
    name,
    test_aws_sync_in_and_out,
    test_rclone_in_and_out,
    test_s5cmd_in_and_out,
    tree,
)
