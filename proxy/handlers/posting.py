"""PostObject: an upload from an HTML form, which is a PutObject that the form's fields describe.

Source: Amazon S3 API Reference, "POST Object" and "Creating a POST policy".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from urllib.parse import quote, urlencode

from proxy.access import Access, Circumstances
from proxy.attempts import Attempt
from proxy.caller import NOBODY, Caller
from proxy.errors import InvalidArgument
from proxy.handlers.call import Answer, Call, Pulse
from proxy.handlers.objects import put_object
from proxy.handlers.parameters import wrong
from proxy.limits import MAX_FORM_BYTES, MAX_PUT_BYTES
from proxy.unsupported import refuse_unsupported
from proxy.wire.body import too_large
from proxy.wire.encryption import is_key
from proxy.wire.form_policy import FormPolicy, read_policy
from proxy.wire.form_signatures import is_signed, verify
from proxy.wire.forms import Form, FormReader
from proxy.wire.request import S3Request, check_key, read_headers
from proxy.wire.tags import checked_tags
from proxy.wire.xml.document import document, element, quoted_etag
from proxy.wire.xml.tagging import read_tagging

_FILENAME = "${filename}"
_URL = re.compile(r"https?://[!-~]+", re.ASCII)
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9a-z-]+", re.ASCII)
_VALUE = re.compile("[\t\x20-\x7e\x80-\xff]*")

_HEADERS = {
    **{name: name for name in ("content-type", "content-encoding", "content-language", "content-md5")},
    **{name: name for name in ("cache-control", "content-disposition", "expires")},
    **{name: name for name in ("x-amz-storage-class", "x-amz-website-redirect-location")},
    "acl": "x-amz-acl",
    "x-amz-acl": "x-amz-acl",
}
"""Field -> the header of PutObject that says the same."""
_HEADER_PREFIXES = (
    "x-amz-meta-",
    "x-amz-checksum-",
    "x-amz-grant-",
    "x-amz-object-lock-",
    "x-amz-server-side-encryption",
)
_KEPT = ("host", "referer", "user-agent")
"""Headers of the request itself that conditions of policies may look at."""


def post_object(call: Call) -> Answer:
    """Raises what the form, its policy and its signature can be refused with, and as PutObject does."""
    reader = FormReader(call.request.headers.get("content-type", ""), call.body(limit=MAX_FORM_BYTES))
    form = reader.head()
    fields = {**form.fields, "key": _key(form), "bucket": call.here.name}
    policy = None
    if is_signed(fields):
        call.caller = _signer(call, fields)
        policy = read_policy(fields["policy"])
        policy.check(fields, now=call.now_ms / 1000)
    put = _as_put(call, fields, _File(reader.file(), policy))
    put.rights.require("s3:PutObject", put.request.key)
    return _answer(put, fields, put_object(put))


class _File:
    """The file of a form as the body of an upload."""

    def __init__(self, pieces: Iterator[bytes], policy: FormPolicy | None) -> None:
        self.pulse: Pulse | None = None
        self._pieces = pieces
        self._policy = policy

    def __iter__(self) -> Iterator[bytes]:
        """Raises EntityTooLarge, EntityTooSmall, and what `FormReader.file` does."""
        size = 0
        for piece in self._pieces:
            size += len(piece)
            self._check(size, whole=False)
            yield piece
        self._check(size, whole=True)

    def _check(self, size: int, *, whole: bool) -> None:
        if size > MAX_PUT_BYTES:
            raise too_large(size, MAX_PUT_BYTES)
        if self._policy is not None:
            self._policy.check_size(size, whole=whole)


def _key(form: Form) -> str:
    """The key with the file's name filled in. Raises InvalidArgument, KeyTooLongError."""
    key = form.fields.get("key")
    if key is None:
        raise wrong(
            "key",
            "",
            "Bucket POST must contain a field named 'key'.  If it is specified, please check the order of "
            "the fields.",
        )
    key = key.replace(_FILENAME, re.split(r"[/\\]", form.filename)[-1])
    if not key:
        raise wrong("key", "", "User key must have a length greater than 0.")
    check_key(key)
    return key


def _signer(call: Call, fields: Mapping[str, str]) -> Caller:
    """Whoever signed the form's policy. Raises as `verify` does, and SlowDown after too many wrong ones."""
    with Attempt(call.request.client) as attempt:
        verify(fields, attempt.secret_for, region=call.region)
    return attempt.caller or NOBODY


def _as_put(call: Call, fields: Mapping[str, str], file: _File) -> Call:
    """The PutObject that a form describes.

    Raises InvalidArgument, InvalidTag, MalformedXML, NotImplemented, RequestHeaderSectionTooLarge.
    """
    headers = {name: call.request.headers[name] for name in _KEPT if name in call.request.headers}
    headers |= read_headers(_header_pairs(fields))
    headers["transfer-encoding"] = "chunked"  # the file's length is known at its end
    request = replace(
        call.request, key=fields["key"], query={}, raw_query=b"", headers=headers, content_length=None
    )
    refuse_unsupported(request, "PostObject")
    where = Circumstances.of(request, None, call.now_ms, call.region, form=is_signed(fields))
    rights = Access(call.caller, call.here, where)
    return replace(call, request=request, credentials=None, rights=rights, pieces=file)


def _header_pairs(fields: Mapping[str, str]) -> Iterable[tuple[bytes, bytes]]:
    for name, value in fields.items():
        header = _HEADERS.get(name) or (name if name.startswith(_HEADER_PREFIXES) else "")
        if header:
            yield _header(header, value)
    if "tagging" in fields:
        tags = checked_tags(read_tagging(fields["tagging"].encode()))
        yield b"x-amz-tagging", urlencode(tags, quote_via=quote).encode()


def _header(name: str, value: str) -> tuple[bytes, bytes]:
    """Raises InvalidArgument for what could not have come as a header."""
    raw = value.encode()
    if not _NAME.fullmatch(name) or not _VALUE.fullmatch(raw.decode("latin-1")):
        shown = "***" if is_key(name) else value
        raise InvalidArgument(
            "A field of the form cannot be a header.", fields={"ArgumentName": name, "ArgumentValue": shown}
        )
    return name.encode(), raw


def _answer(put: Call, fields: Mapping[str, str], done: Answer) -> Answer:
    """As the form wants it: a redirect, a document, or nothing."""
    request: S3Request = put.request
    etag = done.headers["ETag"]
    names = {"bucket": put.here.name, "key": request.key}
    redirect = fields.get("success_action_redirect") or fields.get("redirect") or ""
    if _URL.fullmatch(redirect):
        joint = "&" if "?" in redirect else "?"
        query = urlencode({**names, "etag": etag}, quote_via=quote)
        return Answer(303, {**done.headers, "Location": f"{redirect}{joint}{query}"})
    location = request.url_of(request.key)
    done.headers["Location"] = location
    if fields.get("success_action_status") == "201":
        rows = [element(name.capitalize(), value) for name, value in names.items()]
        content = document(
            "PostResponse", element("Location", location), *rows, quoted_etag(etag.strip('"')), namespace=None
        )
        return Answer(201, {**done.headers, "Content-Type": "application/xml"}, content)
    return Answer(200 if fields.get("success_action_status") == "200" else 204, done.headers)
