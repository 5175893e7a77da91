"""What clients see of a gateway over a service: the same black-box tests as over a directory."""

from __future__ import annotations

from importlib import import_module

CHAPTERS = (
    "put_object", "get_object", "head_object", "delete_object", "delete_objects", "list_objects",
    "copy_object", "multipart_upload", "list_parts", "list_multipart_uploads", "upload_part_copy",
    "bucket_versioning", "list_object_versions", "tagging", "checksums", "keys", "object_properties",
)  # fmt: skip

for chapter in CHAPTERS:
    for name, test in vars(import_module(f"tests.s3.test_{chapter}")).items():
        if name.startswith("test_"):
            globals()[f"test_{chapter}_{name.removeprefix('test_')}"] = test
