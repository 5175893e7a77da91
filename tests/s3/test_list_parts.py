from __future__ import annotations

from typing import Any

from tests.s3.errors import refused
from tests.s3.test_multipart_upload import Upload


def test_parts_come_in_order_page_by_page(s3: Any, bucket: str) -> None:
    upload = Upload(s3, bucket)
    for number in (7, 1, 10_000, 3):
        upload.put(number, b"x" * number)
    where = {**upload.where, "UploadId": upload.id}
    found = s3.list_parts(**where)
    assert [(one["PartNumber"], one["Size"]) for one in found["Parts"]] == [
        (number, number) for number in (1, 3, 7, 10_000)
    ]
    assert found["Parts"][0]["ETag"] == upload.parts[1]["ETag"]
    page = s3.list_parts(**where, MaxParts=3)
    assert page["IsTruncated"] and page["NextPartNumberMarker"] == 7
    rest = s3.list_parts(**where, PartNumberMarker=7)
    assert [one["PartNumber"] for one in rest["Parts"]] == [10_000]


def test_a_finished_upload_has_no_parts_to_list(s3: Any, bucket: str) -> None:
    upload = Upload(s3, bucket)
    upload.put(1, b"x")
    upload.complete()
    with refused("NoSuchUpload", 404):
        s3.list_parts(**upload.where, UploadId=upload.id)
