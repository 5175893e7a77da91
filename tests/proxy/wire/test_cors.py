"""Cross-origin rules: what may be configured, and what a page of which origin is told."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.errors import InvalidRequest, MalformedXML, MaxMessageLengthExceeded, S3Error
from proxy.wire.cors import MAX_BYTES, allow, asked_method, cors_document, preflight, read_cors, rules_of


def configuration(*rules: str) -> bytes:
    listed = "".join(f"<CORSRule>{one}</CORSRule>" for one in rules)
    return f"<CORSConfiguration>{listed}</CORSConfiguration>".encode()


def origins(*patterns: str, methods: tuple[str, ...] = ("GET",), more: str = "") -> str:
    listed = "".join(f"<AllowedOrigin>{one}</AllowedOrigin>" for one in patterns)
    return listed + "".join(f"<AllowedMethod>{one}</AllowedMethod>" for one in methods) + more


EVERYTHING = configuration(
    "<ID>first</ID>"
    + origins(
        "https://*.example.org",
        methods=("GET", "PUT"),
        more="<AllowedHeader>x-amz-*</AllowedHeader><AllowedHeader>Content-Type</AllowedHeader>"
        "<ExposeHeader>ETag</ExposeHeader><ExposeHeader>x-amz-version-id</ExposeHeader>"
        "<MaxAgeSeconds>3000</MaxAgeSeconds>",
    ),
    origins("*"),
)


def test_a_configuration_is_given_back_as_it_was_put() -> None:
    text = read_cors(EVERYTHING)
    assert rules_of(text)[0].origins == ("https://*.example.org",)
    assert read_cors(cors_document(text)) == text


def test_a_page_of_an_admitted_origin_is_told_what_it_may() -> None:
    granted = allow(read_cors(EVERYTHING), "https://app.example.org", "PUT")
    assert granted == {
        "Vary": "Origin, Access-Control-Request-Headers, Access-Control-Request-Method",
        "Access-Control-Allow-Origin": "https://app.example.org",
        "Access-Control-Allow-Credentials": "true",
        "Access-Control-Allow-Methods": "GET, PUT",
        "Access-Control-Expose-Headers": "ETag, x-amz-version-id",
        "Access-Control-Max-Age": "3000",
    }


def test_a_rule_for_all_origins_gives_no_credentials() -> None:
    granted = allow(read_cors(EVERYTHING), "https://elsewhere.test", "GET")
    assert granted["Access-Control-Allow-Origin"] == "*"
    assert "Access-Control-Allow-Credentials" not in granted


def test_a_page_of_another_origin_is_told_nothing_and_caches_keep_it_apart() -> None:
    text = read_cors(configuration(origins("https://a.test")))
    for origin in ("https://b.test", ""):
        assert list(allow(text, origin, "GET")) == ["Vary"]
    assert allow("", "https://a.test", "GET") == {}


@pytest.mark.parametrize(
    ("pattern", "origin", "fits"),
    [
        ("*suffix", "foo.suffix", True),
        ("*suffix", "foo.suffix.get", False),
        ("start*end", "startend", True),
        ("start*end", "start12end", True),
        ("start*end", "0start12end", False),
        ("start*tend", "startend", False),
        ("prefix*", "prefix.suffix", True),
        ("prefix*", "bla.prefix", False),
        ("https://a.test", "https://A.test", False),
    ],
)
def test_one_star_stands_for_any_characters(pattern: str, origin: str, fits: bool) -> None:
    text = read_cors(configuration(origins(pattern)))
    assert ("Access-Control-Allow-Origin" in allow(text, origin, "GET")) is fits


def test_a_preflight_is_told_the_headers_that_it_asked_for() -> None:
    text = read_cors(EVERYTHING)
    granted = preflight(text, "https://a.example.org", "PUT", "X-Amz-Date, content-type")
    assert granted and granted["Access-Control-Allow-Headers"] == "x-amz-date, content-type"
    assert preflight(text, "https://a.example.org", "PUT", "x-other") is None
    assert preflight(text, "https://a.example.org", "DELETE") is None
    assert preflight(text, "https://other.test", "PUT") is None


def test_an_answer_is_about_the_method_that_a_preflight_names() -> None:
    assert asked_method({"access-control-request-method": "PUT"}, "GET") == "PUT"
    assert asked_method({}, "GET") == "GET"


@pytest.mark.parametrize(
    ("rule", "error", "message"),
    [
        (origins("http://*.*.com"), InvalidRequest, "more than one wildcard"),
        (origins("*", methods=("PATCH",)), InvalidRequest, "unsupported HTTP method.*PATCH"),
        (origins("*", methods=("*",)), InvalidRequest, "unsupported HTTP method"),
        (origins("*", more="<ExposeHeader>x-*</ExposeHeader>"), InvalidRequest, "contains wildcard"),
        (origins("*", more="<AllowedHeader>*-*</AllowedHeader>"), InvalidRequest, "wildcard"),
        (origins("*", more="<ExposeHeader>a&#10;b: c</ExposeHeader>"), InvalidRequest, "header"),
        (origins("*", more=f"<ID>{'i' * 256}</ID>"), InvalidRequest, "255"),
        (origins("*", more="<MaxAgeSeconds>-1</MaxAgeSeconds>"), MalformedXML, "XML"),
        (origins("*", more="<MaxAgeSeconds>soon</MaxAgeSeconds>"), MalformedXML, "XML"),
        (origins("*", more="<ID>1</ID><ID>2</ID>"), MalformedXML, "XML"),
        (origins("*", more="<AllowCredentials>true</AllowCredentials>"), MalformedXML, "XML"),
        (origins("*", methods=()), MalformedXML, "XML"),
        (origins(), MalformedXML, "XML"),
        (origins("<b/>"), MalformedXML, "XML"),
    ],
)
def test_what_cannot_be_a_rule_is_refused(rule: str, error: type[S3Error], message: str) -> None:
    with pytest.raises(error, match=message):
        read_cors(configuration(rule))


def test_there_are_1_to_100_rules_in_64_kib() -> None:
    assert len(rules_of(read_cors(configuration(*[origins("*")] * 100)))) == 100
    for count in (0, 101):
        with pytest.raises(MalformedXML):
            read_cors(configuration(*[origins("*")] * count))
    with pytest.raises(MaxMessageLengthExceeded):
        read_cors(b" " * (MAX_BYTES + 1))


@given(st.lists(st.text(max_size=12), max_size=4))
def test_only_names_of_headers_are_said_again(names: list[str]) -> None:
    text = read_cors(configuration(origins("*", more="<AllowedHeader>*</AllowedHeader>")))
    granted = preflight(text, "https://a.test", "GET", ",".join(names)) or {}
    assert re.fullmatch("[!-~]*(, [!-~]+)*", granted.get("Access-Control-Allow-Headers", ""))
