"""The documents of versioning, tags and object lock: read strictly, written as botocore reads them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.errors import (
    IllegalVersioningConfiguration,
    InvalidArgument,
    InvalidRetentionPeriod,
    MalformedXML,
    NotImplementedByUs,
    S3Error,
)
from proxy.wire import xml
from proxy.wire.xml import DefaultRetention, EncryptionRule
from tests.proxy.wire.test_xml_reading import NS, TREES
from tests.proxy.wire.test_xml_writing import MOMENT, WHEN, read

READERS = (
    xml.read_versioning,
    xml.read_tagging,
    xml.read_lock_configuration,
    xml.read_retention,
    xml.read_legal_hold,
    xml.read_bucket_encryption,
)


def versioning(inner: bytes) -> bytes:
    return b"<VersioningConfiguration" + NS + b">" + inner + b"</VersioningConfiguration>"


@pytest.mark.parametrize("status", ["Enabled", "Suspended"])
def test_the_state_of_versioning(status: str) -> None:
    assert xml.read_versioning(versioning(b"<Status>%s</Status>" % status.encode())) == status
    assert read("GetBucketVersioning", xml.versioning(status)) == {"Status": status}


@pytest.mark.parametrize(
    ("inner", "error"),
    [
        (b"", IllegalVersioningConfiguration),
        (b"<MfaDelete>Disabled</MfaDelete>", IllegalVersioningConfiguration),
        (b"<Status>enabled</Status>", MalformedXML),
        (b"<Status>Enabled</Status><Other/>", MalformedXML),
        (b"<Status>Enabled</Status><MfaDelete>x</MfaDelete>", MalformedXML),
        (b"<Status>Enabled</Status><MfaDelete>Enabled</MfaDelete>", NotImplementedByUs),
    ],
)
def test_other_states_of_versioning_are_refused(inner: bytes, error: type[S3Error]) -> None:
    with pytest.raises(error):
        xml.read_versioning(versioning(inner))


def test_versioning_without_mfa_delete() -> None:
    inner = b"<MfaDelete>Disabled</MfaDelete><Status>Enabled</Status>"
    assert xml.read_versioning(versioning(inner)) == "Enabled"


def test_tags_are_read_in_their_order_doubled_ones_too() -> None:
    rows = b"<Tag><Key>b</Key><Value>1</Value></Tag><Tag><Value/><Key>a</Key></Tag>" * 2
    content = b"<Tagging" + NS + b"><TagSet>" + rows + b"</TagSet></Tagging>"
    assert xml.read_tagging(content) == (("b", "1"), ("a", ""), ("b", "1"), ("a", ""))
    assert xml.read_tagging(b"<Tagging><TagSet/></Tagging>") == ()


@pytest.mark.parametrize(
    "inner",
    [
        b"",
        b"<TagSet/><TagSet/>",
        b"<TagSet><Label/></TagSet>",
        b"<TagSet><Tag><Key>a</Key></Tag></TagSet>",
        b"<TagSet><Tag><Key>a</Key><Value>b</Value><More/></Tag></TagSet>",
        b"<TagSet><Tag><Key>a</Key><Value><b/></Value></Tag></TagSet>",
        b"<TagSet>" + b"<Tag><Key>a</Key><Value/></Tag>" * 1001 + b"</TagSet>",
    ],
)
def test_tags_against_the_schema_are_refused(inner: bytes) -> None:
    with pytest.raises(MalformedXML):
        xml.read_tagging(b"<Tagging>" + inner + b"</Tagging>")


def configuration(inner: bytes, enabled: bytes = b"Enabled") -> bytes:
    return (
        b"<ObjectLockConfiguration%s><ObjectLockEnabled>%s</ObjectLockEnabled>%s</ObjectLockConfiguration>"
        % (NS, enabled, inner)
    )


def rule(inner: bytes) -> bytes:
    return b"<Rule><DefaultRetention>" + inner + b"</DefaultRetention></Rule>"


@pytest.mark.parametrize(
    ("inner", "default"),
    [
        (b"", DefaultRetention()),
        (rule(b"<Mode>GOVERNANCE</Mode><Days>1</Days>"), DefaultRetention("GOVERNANCE", days=1)),
        (rule(b"<Years> 100 </Years><Mode>COMPLIANCE</Mode>"), DefaultRetention("COMPLIANCE", years=100)),
    ],
)
def test_the_lock_of_a_bucket_is_read_and_written(inner: bytes, default: DefaultRetention) -> None:
    assert xml.read_lock_configuration(configuration(inner)) == default
    assert xml.read_lock_configuration(xml.lock_configuration(default)) == default


@pytest.mark.parametrize(
    ("inner", "error"),
    [
        (b"<Rule/>", MalformedXML),
        (rule(b""), MalformedXML),
        (rule(b"<Mode>GOVERNANCE</Mode>"), MalformedXML),
        (rule(b"<Mode>governance</Mode><Days>1</Days>"), MalformedXML),
        (rule(b"<Mode>GOVERNANCE</Mode><Days>1</Days><Years>1</Years>"), MalformedXML),
        (rule(b"<Mode>GOVERNANCE</Mode><Days>one</Days>"), MalformedXML),
        (rule(b"<Mode>GOVERNANCE</Mode><Days>0</Days>"), InvalidRetentionPeriod),
        (rule(b"<Mode>GOVERNANCE</Mode><Years>-1</Years>"), InvalidRetentionPeriod),
        (rule(b"<Mode>GOVERNANCE</Mode><Days>36501</Days>"), InvalidRetentionPeriod),
        (rule(b"<Mode>GOVERNANCE</Mode><Days>" + b"9" * 5000 + b"</Days>"), InvalidRetentionPeriod),
    ],
)
def test_locks_of_a_bucket_that_cannot_be_are_refused(inner: bytes, error: type[S3Error]) -> None:
    with pytest.raises(error):
        xml.read_lock_configuration(configuration(inner))


def test_a_lock_is_enabled_or_it_is_none() -> None:
    with pytest.raises(MalformedXML):
        xml.read_lock_configuration(configuration(b"", enabled=b"Disabled"))


def retention(inner: bytes) -> bytes:
    return b"<Retention" + NS + b">" + inner + b"</Retention>"


@pytest.mark.parametrize("moment", [b"2023-11-14T22:13:20.123Z", b"2023-11-14T23:13:20.123456789+01:00"])
def test_a_retention_is_read_and_written(moment: bytes) -> None:
    inner = b"<Mode>COMPLIANCE</Mode><RetainUntilDate>" + moment + b"</RetainUntilDate>"
    assert xml.read_retention(retention(inner)) == ("COMPLIANCE", MOMENT)
    parsed = read("GetObjectRetention", xml.retention("COMPLIANCE", MOMENT))
    assert parsed["Retention"] == {"Mode": "COMPLIANCE", "RetainUntilDate": WHEN}


def test_an_empty_retention_is_none() -> None:
    assert xml.read_retention(retention(b"")) == ("", 0)


@pytest.mark.parametrize(
    "inner",
    [
        b"<Mode>COMPLIANCE</Mode>",
        b"<RetainUntilDate>2030-01-01T00:00:00Z</RetainUntilDate>",
        b"<Mode>abc</Mode><RetainUntilDate>2030-01-01T00:00:00Z</RetainUntilDate>",
        b"<Mode>GOVERNANCE</Mode><RetainUntilDate>tomorrow</RetainUntilDate>",
    ],
)
def test_retentions_against_the_schema_are_refused(inner: bytes) -> None:
    with pytest.raises(MalformedXML):
        xml.read_retention(retention(inner))


@pytest.mark.parametrize(("status", "on"), [("ON", True), ("OFF", False)])
def test_a_legal_hold_is_read_and_written(status: str, on: bool) -> None:
    assert xml.read_legal_hold(b"<LegalHold><Status>%s</Status></LegalHold>" % status.encode()) is on
    assert read("GetObjectLegalHold", xml.legal_hold(on)) == {"LegalHold": {"Status": status}}


@pytest.mark.parametrize("inner", [b"", b"<Status>on</Status>", b"<Status>abc</Status>"])
def test_legal_holds_against_the_schema_are_refused(inner: bytes) -> None:
    with pytest.raises(MalformedXML):
        xml.read_legal_hold(b"<LegalHold>" + inner + b"</LegalHold>")


@settings(max_examples=200)
@given(TREES.map(str.encode) | st.binary(max_size=60), st.sampled_from(READERS))
def test_no_document_raises_anything_but_an_s3_error(document: bytes, reader: object) -> None:
    try:
        reader(document)  # type: ignore[operator]
    except S3Error:
        pass


def encryption(inner: str) -> bytes:
    return (
        b"<ServerSideEncryptionConfiguration"
        + NS
        + f"><Rule>{inner}</Rule></ServerSideEncryptionConfiguration>".encode()
    )


def by_default(inner: str) -> str:
    return f"<ApplyServerSideEncryptionByDefault>{inner}</ApplyServerSideEncryptionByDefault>"


AES256 = by_default("<SSEAlgorithm>AES256</SSEAlgorithm>")
KMS = by_default("<SSEAlgorithm>aws:kms</SSEAlgorithm><KMSMasterKeyID>k1</KMSMasterKeyID>")


@pytest.mark.parametrize(("mode", "key"), [("AES256", ""), ("aws:kms", ""), ("aws:kms", "alias/mine")])
def test_the_encryption_of_a_bucket(mode: str, key: str) -> None:
    written = xml.bucket_encryption(mode, key)
    default = {"SSEAlgorithm": mode} | ({"KMSMasterKeyID": key} if key else {})
    rule = {"ApplyServerSideEncryptionByDefault": default, "BucketKeyEnabled": False}
    assert read("GetBucketEncryption", written) == {"ServerSideEncryptionConfiguration": {"Rules": [rule]}}
    assert xml.read_bucket_encryption(written) == EncryptionRule(mode, key)


@pytest.mark.parametrize(
    ("inner", "rule"),
    [
        (AES256, EncryptionRule("AES256")),
        (KMS + "<BucketKeyEnabled>true</BucketKeyEnabled>", EncryptionRule("aws:kms", "k1", True)),
        (
            "<BlockedEncryptionTypes><EncryptionType>NONE</EncryptionType></BlockedEncryptionTypes>",
            EncryptionRule(),
        ),
        (
            AES256
            + "<BlockedEncryptionTypes><EncryptionType>SSE-C</EncryptionType></BlockedEncryptionTypes>",
            EncryptionRule("AES256", blocks=("SSE-C",)),
        ),
    ],
)
def test_what_a_bucket_is_to_do(inner: str, rule: EncryptionRule) -> None:
    assert xml.read_bucket_encryption(encryption(inner)) == rule


@pytest.mark.parametrize(
    ("document", "error"),
    [
        (encryption(""), MalformedXML),
        (encryption(by_default("")), MalformedXML),
        (encryption(by_default("<SSEAlgorithm>AES128</SSEAlgorithm>")), MalformedXML),
        (encryption(AES256 + AES256), MalformedXML),
        (encryption(AES256 + "</Rule><Rule>" + AES256), MalformedXML),
        (encryption(AES256 + "<BucketKeyEnabled>yes</BucketKeyEnabled>"), MalformedXML),
        (encryption(AES256 + "<BlockedEncryptionTypes/>"), MalformedXML),
        (b"<ServerSideEncryptionConfiguration/>", MalformedXML),
        (encryption(KMS.replace("aws:kms", "AES256")), InvalidArgument),
    ],
)
def test_other_rules_of_encryption_are_refused(document: bytes, error: type[S3Error]) -> None:
    with pytest.raises(error):
        xml.read_bucket_encryption(document)
