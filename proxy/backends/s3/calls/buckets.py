"""Calls about a bucket as a whole, its listings among them. The errors are those of `Caller.send`."""

from __future__ import annotations

from collections.abc import Mapping

from proxy.backends.s3 import reading
from proxy.backends.s3.answers import Facts, Page, VersionPage
from proxy.backends.s3.calls.documents import Calls, given, with_digest
from proxy.backends.s3.errors import missing, unreadable
from proxy.backends.s3.requests import Request
from proxy.errors import NoSuchKey
from proxy.wire.xml.document import document, element

_HOME_REGION = "us-east-1"
_VERSIONING = ("VersioningConfiguration", "GetBucketVersioningResponse")
"""What services call the document."""


class BucketCalls(Calls):
    """CreateBucket, HeadBucket, DeleteBucket, ListBuckets, versioning, ListObjectsV2, ListObjectVersions."""

    def buckets(self) -> tuple[str, ...]:
        """The names of all that these credentials own."""
        return self._read(Request("GET"), reading.bucket_names)

    def create_bucket(self, bucket: str, headers: Mapping[str, str] | None = None) -> Facts:
        """Raises BucketAlreadyOwnedByYou, BucketAlreadyExists."""
        region = self.caller.options.region
        if region == _HOME_REGION:
            return self._facts(Request("PUT", bucket, headers=headers or {}, repeatable=False))
        body = document("CreateBucketConfiguration", element("LocationConstraint", region))
        headers = with_digest(body, headers)
        return self._facts(Request("PUT", bucket, headers=headers, payload=body, repeatable=False))

    def head_bucket(self, bucket: str) -> Facts:
        """Raises BucketMissing."""
        try:
            return self._facts(Request("HEAD", bucket))
        except NoSuchKey:  # (a 404 without a document)
            raise missing(self.caller.backend, bucket) from None

    def delete_bucket(self, bucket: str) -> Facts:
        """Raises BucketMissing, BucketNotEmpty."""
        return self._facts(Request("DELETE", bucket))

    def versioning(self, bucket: str) -> str:
        """`Enabled`, `Suspended`, or "" where it never was."""
        return self._read(
            Request("GET", bucket, query={"versioning": ""}),
            lambda body: reading.texts(body, *_VERSIONING).get("Status", ""),
        )

    def put_versioning(self, bucket: str, status: str) -> Facts:
        """`status` is Enabled or Suspended."""
        body = document("VersioningConfiguration", element("Status", status))
        return self._put_document(bucket, "", {"versioning": ""}, body)

    def list(
        self,
        bucket: str,
        *,
        prefix: str = "",
        delimiter: str = "",
        after: str = "",
        token: str = "",
        limit: int = 1000,
    ) -> Page:
        """ListObjectsV2, from after a key (`after`) or from where a page ended (its `token`)."""
        query = {
            "list-type": "2",
            "encoding-type": "url",
            **given(prefix=prefix, delimiter=delimiter, start_after=after, max_keys=limit),
            **given(continuation_token=token),
        }
        found = self._read(Request("GET", bucket, query=query), reading.page)
        if token and found.token == token:  # it would never end
            raise unreadable(self.caller.backend)
        return found

    def list_versions(
        self,
        bucket: str,
        *,
        prefix: str = "",
        delimiter: str = "",
        after: tuple[str, str] = ("", ""),
        limit: int = 1000,
    ) -> VersionPage:
        """ListObjectVersions, from after a key (all of it) or after one version of a key."""
        query = {
            "versions": "",
            "encoding-type": "url",
            **given(prefix=prefix, delimiter=delimiter, key_marker=after[0], max_keys=limit),
            **given(version_id_marker=after[1]),
        }
        found = self._read(Request("GET", bucket, query=query), reading.version_page)
        if found.after == after:  # it would never end
            raise unreadable(self.caller.backend)
        return found
