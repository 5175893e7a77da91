from __future__ import annotations

from typing import Any

from tests.s3.test_multipart_upload import Upload


def test_open_uploads_come_by_key_page_by_page(s3: Any, bucket: str) -> None:
    made = [(key, Upload(s3, bucket, key).id) for key in ("a", "b", "b", "c/1", "c/2")]
    Upload(s3, bucket, "done").put(1, b"x")
    finished = Upload(s3, bucket, "finished")
    finished.put(1, b"x")
    finished.complete()
    found: list[tuple[str, str]] = []
    markers: dict[str, str] = {}
    while True:
        page = s3.list_multipart_uploads(Bucket=bucket, MaxUploads=2, **markers)
        found += [(one["Key"], one["UploadId"]) for one in page.get("Uploads", [])]
        if not page["IsTruncated"]:
            break
        markers = {"KeyMarker": page["NextKeyMarker"], "UploadIdMarker": page["NextUploadIdMarker"]}
    assert sorted(found[:5]) == sorted(made)
    assert [key for key, _ in found] == ["a", "b", "b", "c/1", "c/2", "done"]


def test_a_key_marker_alone_passes_over_that_key(s3: Any, bucket: str) -> None:
    for key in ("a", "b", "c"):
        Upload(s3, bucket, key)
    page = s3.list_multipart_uploads(Bucket=bucket, KeyMarker="b")
    assert [one["Key"] for one in page["Uploads"]] == ["c"]


def test_prefix_and_delimiter(s3: Any, bucket: str) -> None:
    for key in ("a", "b/1", "b/2"):
        Upload(s3, bucket, key)
    page = s3.list_multipart_uploads(Bucket=bucket, Delimiter="/")
    assert [one["Key"] for one in page["Uploads"]] == ["a"]
    assert [one["Prefix"] for one in page["CommonPrefixes"]] == ["b/"]
    page = s3.list_multipart_uploads(Bucket=bucket, Prefix="b/")
    assert [one["Key"] for one in page["Uploads"]] == ["b/1", "b/2"]
