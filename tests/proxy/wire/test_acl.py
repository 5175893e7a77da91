"""Access lists as documents and as headers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.errors import InvalidArgument, MalformedACLError, S3Error, UnresolvableGrantByEmailAddress
from proxy.wire.acl import (
    ALL_USERS,
    FULL_CONTROL,
    HEADERS,
    MAX_GRANTS,
    READ,
    WRITE_ACP,
    Grant,
    read_headers,
    read_policy,
    write_policy,
)

OWNER, OTHER = "a" * 64, "b" * 64


def test_what_is_written_is_read_again() -> None:
    grants = (Grant(ALL_USERS, READ), Grant(OWNER, FULL_CONTROL), Grant(OTHER, WRITE_ACP))
    written = write_policy(OWNER, grants, {OWNER: "a & b"}.get)  # type: ignore[arg-type]
    assert read_policy(written) == (OWNER, grants)
    assert b"<DisplayName>a &amp; b</DisplayName>" in written
    assert written.count(b'xsi:type="CanonicalUser"') == 2
    assert written.count(b'xsi:type="Group"') == 1


def document(*grants: str, owner: str = f"<Owner><ID>{OWNER}</ID></Owner>") -> bytes:
    rows = f"<AccessControlList>{''.join(grants)}</AccessControlList>"
    return f"<AccessControlPolicy>{owner}{rows}</AccessControlPolicy>".encode()


def grant(grantee: str = f"<ID>{OTHER}</ID>", permission: str = READ) -> str:
    return f"<Grant><Grantee>{grantee}</Grantee><Permission>{permission}</Permission></Grant>"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<x/>",
        document(owner=""),
        document(owner="<Owner/>"),
        document("<Grant/>"),
        document("<Grand/>"),
        document(grant(permission="ALL")),
        document(grant("")),
        document(grant(f"<ID>{OTHER}</ID><URI>{ALL_USERS}</URI>")),
        document(*[grant()] * (MAX_GRANTS + 1)),
    ],
)
def test_what_the_schema_does_not_know_is_malformed(content: bytes) -> None:
    with pytest.raises(MalformedACLError):
        read_policy(content)


@pytest.mark.parametrize(
    ("grantee", "error"),
    [
        ("<URI>http://example.org/</URI>", InvalidArgument),
        ("<ID></ID>", InvalidArgument),
        ("<EmailAddress>a@b.example</EmailAddress>", UnresolvableGrantByEmailAddress),
    ],
)
def test_a_grantee_that_cannot_be_is_refused(grantee: str, error: type[S3Error]) -> None:
    with pytest.raises(error):
        read_policy(document(grant(grantee)))


@pytest.mark.parametrize(
    ("text", "grantees"),
    [
        (f"id={OTHER}", [OTHER]),
        (f'id="{OTHER}"', [OTHER]),
        (f'id="{OWNER}", uri="{ALL_USERS}"', [OWNER, ALL_USERS]),
        (f" ID = {OWNER} ,id={OTHER}", [OWNER, OTHER]),
        ("", []),
    ],
)
def test_headers_name_grantees(text: str, grantees: list[str]) -> None:
    assert read_headers({"x-amz-grant-read": text}) == tuple(Grant(one, READ) for one in grantees)


@pytest.mark.parametrize(
    "text", ["x", "id", "id=", 'id="x', f"id={OTHER} id={OWNER}", f'id="{OTHER}"x', "uri=x"]
)
def test_headers_of_another_form_are_refused(text: str) -> None:
    with pytest.raises(InvalidArgument):
        read_headers({"x-amz-grant-read": text})


def test_headers_cannot_have_too_many_grants() -> None:
    with pytest.raises(InvalidArgument):
        read_headers({"x-amz-grant-read": ",".join(["id=x"] * (MAX_GRANTS + 1))})


words = st.sampled_from(["id", "uri", "emailAddress", "=", '"', ",", " ", OTHER, ALL_USERS, "x"])


@given(st.dictionaries(st.sampled_from(sorted(HEADERS)), st.lists(words, max_size=12).map("".join)))
def test_any_headers_are_grants_or_refused(headers: dict[str, str]) -> None:
    try:
        found = read_headers(headers)
    except S3Error as error:
        assert error.status == 400
    else:
        assert len(found) <= MAX_GRANTS


pieces = st.sampled_from(
    [
        "<Owner>",
        "</Owner>",
        "<ID>",
        "</ID>",
        OTHER,
        grant(),
        "<AccessControlList>",
        "</AccessControlList>",
        "<x/>",
    ]
)


@given(st.lists(pieces, max_size=12).map("".join))
def test_any_document_is_a_list_or_refused(inside: str) -> None:
    try:
        owner, grants = read_policy(f"<AccessControlPolicy>{inside}</AccessControlPolicy>".encode())
    except S3Error as error:
        assert error.status == 400
    else:
        assert isinstance(owner, str)
        assert len(grants) <= MAX_GRANTS
