"""Cross-origin rules of a bucket: the document, the kept text, and what a browser is answered. Pure.

The kept form is JSON text; what it says is remembered by that text. Sources: Amazon S3 API
Reference, PutBucketCors and "OPTIONS object"; Amazon S3 User Guide, "Elements of a CORS
configuration"; Fetch Standard, "CORS protocol".
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache

from proxy.errors import InvalidRequest, MalformedXML, MaxMessageLengthExceeded
from proxy.wire.xml.document import document, element, optional
from proxy.wire.xml.parsing import Node, parse

MAX_RULES = 100
MAX_BYTES = 64 * 1024
"""Most of a document, as S3 limits it."""
MAX_ID_LENGTH = 255
METHODS = ("GET", "PUT", "POST", "DELETE", "HEAD")

_SECONDS = re.compile(r"[0-9]{1,9}", re.ASCII)
_TEXT = re.compile("[\x21-\x7e]+")
"""What can go out again in a header."""
_VARY = {"Vary": "Origin, Access-Control-Request-Headers, Access-Control-Request-Method"}


@dataclass(frozen=True, slots=True)
class Rule:
    """One CORSRule. `max_age` is in seconds, None if it is not said."""

    id: str
    origins: tuple[str, ...]
    methods: tuple[str, ...]
    headers: tuple[str, ...]
    expose: tuple[str, ...]
    max_age: int | None

    def admits(self, origin: str, method: str, headers: Iterable[str] = ()) -> bool:
        """Whether a page of that origin may ask so; `headers` are lower-case names."""
        return (
            method in self.methods
            and any(_fits(pattern, origin) for pattern in self.origins)
            and all(any(_fits(pattern.lower(), name) for pattern in self.headers) for name in headers)
        )


# -- the configuration ------------------------------------------------------------------------


def read_cors(content: bytes) -> str:
    """The text to keep of a CORSConfiguration.

    Raises MalformedXML, InvalidRequest, MaxMessageLengthExceeded.
    """
    if len(content) > MAX_BYTES:
        raise MaxMessageLengthExceeded(fields={"MaxMessageLengthBytes": str(MAX_BYTES)})
    rules = [_rule(node) for node in parse(content, "CORSConfiguration").all_of("CORSRule", MAX_RULES)]
    return json.dumps([asdict(rule) for rule in rules])


def cors_document(text: str) -> bytes:
    """CORSConfiguration."""
    return document("CORSConfiguration", *[_rule_element(rule) for rule in rules_of(text)])


@lru_cache(maxsize=1024)
def rules_of(text: str) -> tuple[Rule, ...]:
    """The rules that were kept; none for ""."""
    return tuple(
        Rule(
            one["id"],
            tuple(one["origins"]),
            tuple(one["methods"]),
            tuple(one["headers"]),
            tuple(one["expose"]),
            one["max_age"],
        )
        for one in (json.loads(text) if text else ())
    )


def _rule(node: Node) -> Rule:
    texts: dict[str, list[str]] = {name: [] for name in _ELEMENTS}
    for child in node.children:
        if child.name not in texts or child.children:
            raise MalformedXML()
        texts[child.name].append(child.text.strip())
    ids, ages = texts["ID"], texts["MaxAgeSeconds"]
    if not texts["AllowedOrigin"] or not texts["AllowedMethod"] or len(ids) > 1 or len(ages) > 1:
        raise MalformedXML()
    if ages and not _SECONDS.fullmatch(ages[0]):
        raise MalformedXML()
    for name, check in _CHECKS.items():
        for text in texts[name]:
            check(name, text)
    return Rule(
        id="".join(ids),
        origins=tuple(texts["AllowedOrigin"]),
        methods=tuple(texts["AllowedMethod"]),
        headers=tuple(texts["AllowedHeader"]),
        expose=tuple(texts["ExposeHeader"]),
        max_age=int(ages[0]) if ages else None,
    )


def _check_method(name: str, text: str) -> None:
    if text not in METHODS:
        raise InvalidRequest(
            f"Found unsupported HTTP method in CORS config. Unsupported method is {text}",
        )


def _check_pattern(name: str, text: str) -> None:
    _check_text(name, text)
    if text.count("*") > 1:
        raise InvalidRequest(f'{name} "{text}" can not have more than one wildcard.')


def _check_exposed(name: str, text: str) -> None:
    _check_text(name, text)
    if "*" in text:
        raise InvalidRequest(
            f'{name} "{text}" contains wildcard. We currently do not support wildcard for {name}.'
        )


def _check_id(name: str, text: str) -> None:
    if len(text) > MAX_ID_LENGTH:
        raise InvalidRequest(f"The {name} of a rule may have at most {MAX_ID_LENGTH} characters.")


def _check_text(name: str, text: str) -> None:
    if not _TEXT.fullmatch(text):
        raise InvalidRequest(f'{name} "{text}" cannot be the value of a header.')


_CHECKS = {
    "ID": _check_id,
    "AllowedMethod": _check_method,
    "AllowedOrigin": _check_pattern,
    "AllowedHeader": _check_pattern,
    "ExposeHeader": _check_exposed,
}
_ELEMENTS = (*_CHECKS, "MaxAgeSeconds")


def _rule_element(rule: Rule) -> str:
    lists = (
        ("AllowedHeader", rule.headers),
        ("AllowedMethod", rule.methods),
        ("AllowedOrigin", rule.origins),
        ("ExposeHeader", rule.expose),
    )
    rows = "".join(element(name, text) for name, texts in lists for text in texts)
    return f"<CORSRule>{optional('ID', rule.id)}{rows}{optional('MaxAgeSeconds', rule.max_age)}</CORSRule>"


# -- what a browser is answered ---------------------------------------------------------------


def allow(text: str, origin: str, method: str) -> dict[str, str]:
    """Headers of the answer to a request from a page of `origin` ("" if it names none).

    Where there are rules a cache must keep the answers to different origins apart, also that to none.
    """
    if not text:
        return {}
    for rule in rules_of(text):
        if origin and rule.admits(origin, method):
            return _granted(rule, origin)
    return dict(_VARY)


def preflight(text: str, origin: str, method: str, headers: str = "") -> dict[str, str] | None:
    """Headers of the answer to a preflight, None if no rule admits it.

    `headers` is Access-Control-Request-Headers as it came.
    """
    names = [name.strip().lower() for name in headers.split(",") if name.strip()]
    if not all(_TEXT.fullmatch(name) for name in names):
        return None
    for rule in rules_of(text):
        if rule.admits(origin, method, names):
            granted = _granted(rule, origin)
            if names:
                granted["Access-Control-Allow-Headers"] = ", ".join(names)
            return granted
    return None


def _granted(rule: Rule, origin: str) -> dict[str, str]:
    """A page of any origin at all gets no credentials; one that was matched does."""
    granted: dict[str, str] = dict(_VARY)
    if "*" in rule.origins:
        granted["Access-Control-Allow-Origin"] = "*"
    else:
        granted["Access-Control-Allow-Origin"] = origin
        granted["Access-Control-Allow-Credentials"] = "true"
    granted["Access-Control-Allow-Methods"] = ", ".join(rule.methods)
    if rule.expose:
        granted["Access-Control-Expose-Headers"] = ", ".join(rule.expose)
    if rule.max_age is not None:
        granted["Access-Control-Max-Age"] = str(rule.max_age)
    return granted


def _fits(pattern: str, text: str) -> bool:
    """`*`, of which there is at most one, stands for any characters, also for none."""
    start, star, end = pattern.partition("*")
    if not star:
        return text == pattern
    return len(text) >= len(start) + len(end) and text.startswith(start) and text.endswith(end)


def asked_method(headers: Mapping[str, str], method: str) -> str:
    """The method that an answer's headers are about: what a preflight asks for, else the request's."""
    return headers.get("access-control-request-method") or method
