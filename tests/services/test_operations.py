"""What clients see of a gateway over a service: the same black-box tests as over a directory.

Each chapter runs over services that can do what it is about. SeaweedFS keeps neither keys with empty
segments nor the order of version ids within a second; moto neither, and it knows few conditions.
"""

from __future__ import annotations

from importlib import import_module

import pytest

CHAPTERS = {
    "put_object": ["seaweedfs", "sluicegate"],
    "get_object": ["moto", "sluicegate"],
    "head_object": ["seaweedfs"],
    "delete_object": ["seaweedfs"],
    "delete_objects": ["sluicegate"],
    "list_objects": ["sluicegate"],
    "copy_object": ["sluicegate"],
    "multipart_upload": ["seaweedfs"],
    "list_parts": ["seaweedfs"],
    "list_multipart_uploads": ["moto"],
    "upload_part_copy": ["sluicegate"],
    "bucket_versioning": ["sluicegate"],
    "list_object_versions": ["sluicegate"],
    "tagging": ["sluicegate"],
    "checksums": ["seaweedfs"],
    "keys": ["sluicegate"],
}
UNLIKE_A_DIRECTORY = {
    "a_copy_takes_its_lock_and_class_from_the_request",  # no storage that gives version ids keeps locks
}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    chapter = metafunc.function.__module__.removeprefix("tests.s3.test_")
    metafunc.parametrize("s3_server", CHAPTERS[chapter], indirect=True, scope="session")


for chapter in CHAPTERS:
    for name, found in vars(import_module(f"tests.s3.test_{chapter}")).items():
        told = name.removeprefix("test_")
        if name.startswith("test_") and told not in UNLIKE_A_DIRECTORY:
            globals()[f"test_{chapter}_{told}"] = found
        elif type(found).__name__ == "FixtureFunctionDefinition":
            assert name not in globals(), f"two fixtures are called {name}"
            globals()[name] = found
