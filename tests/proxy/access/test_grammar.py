"""Policies: what is read, what is refused, and what a statement covers."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.access.circumstances import Circumstances
from proxy.access.facts import Facts, known_key
from proxy.access.grammar import MAX_POLICY_BYTES, bucket_policy, check_bucket_policy, user_policy
from proxy.access.operators import OPERATORS
from proxy.access.patterns import Pattern
from proxy.access.policies import Policy
from proxy.access.public import policy_is_public
from proxy.caller import NOBODY, Caller
from proxy.errors import MalformedPolicy
from tests.proxy.access.questions import BORIS, policy, says, to

ARN = "arn:aws:s3:::photos"
GOOD = to("*", "Allow", "s3:GetObject", f"{ARN}/*")


def without(name: str) -> dict[str, Any]:
    return {key: value for key, value in GOOD.items() if key != name}


REFUSED = {
    "no object": "[]",
    "no JSON": "{",
    "nothing": "",
    "a wrong version": policy(GOOD, version="2020-01-01"),
    "no statement": json.dumps({"Version": "2012-10-17"}),
    "no statements": json.dumps({"Statement": []}),
    "a statement that is none": json.dumps({"Statement": ["x"]}),
    "an unknown element": json.dumps({"Statement": GOOD, "Statements": []}),
    "an unknown part": policy({**GOOD, "Sidd": "x"}),
    "two of one name": '{"Statement": {"Effect": "Allow", "Effect": "Deny"}}',
    "an Id that is no string": json.dumps({"Id": 1, "Statement": GOOD}),
    "a Sid that is no string": policy({**GOOD, "Sid": 1}),
    "no effect": policy(without("Effect")),
    "an effect in lower case": policy({**GOOD, "Effect": "allow"}),
    "no principal": policy(without("Principal")),
    "a principal that is a name": policy({**GOOD, "Principal": "boris"}),
    "a principal of another kind": policy({**GOOD, "Principal": {"GCP": "x"}}),
    "a role": policy({**GOOD, "Principal": {"AWS": "arn:aws:iam::1:role/x"}}),
    "no principals": policy({**GOOD, "Principal": {"AWS": []}}),
    "a wrong canonical id": policy({**GOOD, "Principal": {"CanonicalUser": "boris"}}),
    "an allowance for all but some": policy({**without("Principal"), "NotPrincipal": {"AWS": "boris"}}),
    "no action": policy(without("Action")),
    "an empty list of actions": policy({**GOOD, "Action": []}),
    "an action and its opposite": policy({**GOOD, "NotAction": "s3:GetObject"}),
    "an unknown action": policy({**GOOD, "Action": "s3:FetchObject"}),
    "an action of another service": policy({**GOOD, "Action": "sqs:SendMessage"}),
    "an action that is a number": policy({**GOOD, "Action": 1}),
    "no resource": policy(without("Resource")),
    "a resource that is no ARN": policy({**GOOD, "Resource": "photos/*"}),
    "a resource of another service": policy({**GOOD, "Resource": "arn:aws:sqs:::photos"}),
    "a resource that is too long": policy({**GOOD, "Resource": f"{ARN}/{'x' * 3000}"}),
    "an unknown policy variable": policy({**GOOD, "Resource": f"{ARN}/${{aws:weather}}"}),
    "a condition that is a list": policy({**GOOD, "Condition": []}),
    "an unknown operator": policy({**GOOD, "Condition": {"StringAlmost": {"aws:Referer": "x"}}}),
    "Null with IfExists": policy({**GOOD, "Condition": {"NullIfExists": {"aws:Referer": "true"}}}),
    "an unknown key": policy({**GOOD, "Condition": {"StringEquals": {"aws:SourceVpc": "x"}}}),
    "a condition without a value": policy({**GOOD, "Condition": {"StringEquals": {"aws:Referer": []}}}),
    "a value that is an object": policy({**GOOD, "Condition": {"StringEquals": {"aws:Referer": {}}}}),
    "a number that is none": policy({**GOOD, "Condition": {"NumericEquals": {"s3:max-keys": "x"}}}),
    "an address that is none": policy({**GOOD, "Condition": {"IpAddress": {"aws:SourceIp": "300.1.1.1"}}}),
    "a date that is none": policy({**GOOD, "Condition": {"DateLessThan": {"aws:CurrentTime": "soon"}}}),
    "several values, no set word": policy(
        {**GOOD, "Condition": {"StringEquals": {"s3:RequestObjectTagKeys": "x"}}}
    ),
    "too many bytes": policy({**GOOD, "Sid": "x" * MAX_POLICY_BYTES}),
    "too many statements": json.dumps({"Statement": [{}] * 300}),
    "too deep": "[" * 19_000,
    "deep inside": '{"Statement":' + '{"a":' * 3000 + "1" + "}" * 3001,
    "not a number": '{"Statement": NaN}',
    "a huge number": '{"Statement": ' + "9" * 19_000 + "}",
    "half a character": json.dumps({"Statement": {**GOOD, "Action": "\ud800"}}),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_in_the_grammar_is_refused(name: str) -> None:
    with pytest.raises(MalformedPolicy):
        bucket_policy(REFUSED[name])


def test_a_users_policy_has_no_principal_and_any_service() -> None:
    user_policy(policy(says("Allow", ["sqs:SendMessage", "s3:GetObject"], "*")))
    user_policy(policy(says("Allow", "*", "arn:aws:sqs:us-east-1:1:queue")))
    for statement in (GOOD, says("Allow", "GetObject", "*"), says("Allow", "s3:GetObject", "photos")):
        with pytest.raises(MalformedPolicy):
            user_policy(policy(statement))


@pytest.mark.parametrize(
    "resource", [ARN, f"{ARN}/*", "arn:aws:s3:::*", "arn:aws:s3:::pho*/x", "arn:aws-cn:s3:::photos"]
)
def test_a_resource_of_the_bucket_is_taken(resource: str) -> None:
    check_bucket_policy(policy({**GOOD, "Resource": resource}), "photos")


@pytest.mark.parametrize("resource", ["arn:aws:s3:::other", "arn:aws:s3:::photo", "arn:aws:s3:::photos2/*"])
def test_a_resource_of_another_bucket_is_not(resource: str) -> None:
    with pytest.raises(MalformedPolicy):
        check_bucket_policy(policy({**GOOD, "Resource": [ARN, resource]}), "photos")


def covers(
    statement: dict[str, Any], action: str, resource: str, caller: Caller = BORIS, **where: Any
) -> bool:
    text = policy(statement)
    read = (
        bucket_policy(text) if "Principal" in statement or "NotPrincipal" in statement else user_policy(text)
    )
    facts = Facts(caller, Circumstances(**where))
    return read.allows(action, resource, facts) or read.denies(action, resource, facts)


@pytest.mark.parametrize(
    ("wanted", "action", "covered"),
    [
        ("s3:GetObject", "s3:GetObject", True),
        ("S3:getobject", "s3:GetObject", True),
        ("s3:Get*", "s3:GetObjectAcl", True),
        ("s3:Get*", "s3:PutObject", False),
        ("s3:?etObject", "s3:GetObject", True),
        ("*", "s3:DeleteBucket", True),
        (["s3:PutObject", "s3:GetObject"], "s3:GetObject", True),
    ],
)
def test_actions(wanted: Any, action: str, covered: bool) -> None:
    assert covers(says("Allow", wanted, "*"), action, "photos") is covered
    turned = {
        "NotAction" if key == "Action" else key: value for key, value in says("Allow", wanted, "*").items()
    }
    assert covers(turned, action, "photos") is not covered


@pytest.mark.parametrize(
    ("wanted", "resource", "covered"),
    [
        ("arn:aws:s3:::photos", "photos", True),
        ("arn:aws:s3:::photos", "photos/k", False),
        ("arn:aws:s3:::photos/*", "photos", False),
        ("arn:aws:s3:::photos/*", "photos/a/b\n/c", True),
        ("arn:aws:s3:::photos*", "photos/k", True),
        ("arn:aws:s3:::photos/?", "photos/k", True),
        ("arn:aws:s3:::photos/?", "photos/kk", False),
        ("arn:aws:s3:::photos/*.jpg", "photos/a.jpg.png", False),
        ("arn:aws:s3:::photos/*a*b", "photos/xaxb", True),
        ("arn:aws:s3:::photos/K", "photos/k", False),
        ("arn:aws:s3:::photos/${aws:username}/*", "photos/boris/k", True),
        ("arn:aws:s3:::photos/${aws:username}/*", "photos/olga/k", False),
        ("arn:aws:s3:::photos/${*}", "photos/*", True),
        ("arn:aws:s3:::photos/${*}", "photos/k", False),
    ],
)
def test_resources(wanted: str, resource: str, covered: bool) -> None:
    assert covers(says("Allow", "s3:GetObject", wanted), "s3:GetObject", resource) is covered


def test_a_name_full_of_stars_is_no_pattern_and_nobody_has_no_name() -> None:
    home = says("Allow", "s3:GetObject", "arn:aws:s3:::photos/${aws:username}/*")
    assert not covers(home, "s3:GetObject", "photos/olga/k", Caller("d" * 64, "*"))
    assert covers(home, "s3:GetObject", "photos/*/k", Caller("d" * 64, "*"))
    assert not covers(home, "s3:GetObject", "photos//k", NOBODY)


def test_variables_came_with_the_newer_version() -> None:
    old = user_policy(policy(says("Allow", "s3:*", f"{ARN}/${{aws:username}}"), version="2008-10-17"))
    facts = Facts(BORIS, Circumstances())
    assert old.allows("s3:GetObject", "photos/${aws:username}", facts)
    assert not old.allows("s3:GetObject", "photos/boris", facts)


@pytest.mark.parametrize(
    ("principal", "covered"),
    [
        ("*", True),
        ({"AWS": "*"}, True),
        ({"AWS": "arn:aws:iam::123456789012:user/boris"}, True),
        ({"AWS": "arn:aws:iam:::user/team/boris"}, True),
        ({"AWS": "arn:aws:iam::boris:root"}, True),
        ({"AWS": ["olga", "boris"]}, True),
        ({"AWS": "b" * 64}, True),
        ({"CanonicalUser": "B" * 64}, True),
        ({"AWS": "arn:aws:iam::123456789012:root"}, False),
        ({"AWS": "123456789012"}, False),
        ({"AWS": "arn:aws:iam:::user/olga"}, False),
        ({"Service": "logging.s3.amazonaws.com"}, False),
    ],
)
def test_principals(principal: Any, covered: bool) -> None:
    assert covers(to(principal, "Allow", "s3:GetObject"), "s3:GetObject", "photos/k") is covered
    turned = {**says("Deny", "s3:GetObject"), "NotPrincipal": principal}
    assert covers(turned, "s3:GetObject", "photos/k") is not covered
    if principal not in ("*", {"AWS": "*"}):
        assert not covers(to(principal, "Allow", "s3:GetObject"), "s3:GetObject", "photos/k", NOBODY)


@pytest.mark.parametrize(
    ("statement", "public"),
    [
        (GOOD, True),
        ({**GOOD, "Effect": "Deny"}, False),
        ({**GOOD, "Principal": {"AWS": "arn:aws:iam:::user/boris"}}, False),
        ({**GOOD, "Condition": {"IpAddress": {"aws:SourceIp": "10.0.0.0/32"}}}, False),
        ({**GOOD, "Condition": {"IpAddress": {"aws:SourceIp": "0.0.0.0/1"}}}, True),
        ({**GOOD, "Condition": {"NotIpAddress": {"aws:SourceIp": "10.0.0.0/32"}}}, True),
        ({**GOOD, "Condition": {"StringEquals": {"aws:userid": "b" * 64}}}, False),
        ({**GOOD, "Condition": {"StringLike": {"aws:userid": "*"}}}, True),
        ({**GOOD, "Condition": {"StringLike": {"aws:Referer": "http://x/"}}}, True),
    ],
)
def test_public_is_what_is_not_bound_to_fixed_values(statement: dict[str, Any], public: bool) -> None:
    assert policy_is_public(bucket_policy(policy(statement))) is public


def test_the_longest_comparison_is_short() -> None:
    bomb = Pattern("*" + "a?" * 10 + "*a" * 900 + "b")
    started = time.perf_counter()
    for _ in range(10):
        assert not bomb.matches("a" * 1100, lambda _: None)
    assert time.perf_counter() - started < 1


# -- anything -----------------------------------------------------------------------------
anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=20)
    | st.sampled_from(["*", "s3:*", "s3:Get*", "Allow", "Deny", ARN, "arn:aws:s3:::${aws:username}", "${*}"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.text(max_size=10)
            | st.sampled_from(["AWS", "StringLike", "ForAnyValue:StringEquals", "aws:SourceIp"]),
            inner,
            max_size=3,
        )
    ),
    max_leaves=10,
)
values = st.one_of(
    st.text(max_size=30), st.integers(), st.booleans(), st.sampled_from(["10.0.0.0/8", "2026-01-01"])
)
KEYS = [
    "aws:SourceIp",
    "aws:CurrentTime",
    "s3:max-keys",
    "s3:prefix",
    "aws:username",
    "s3:RequestObjectTagKeys",
]
conditions = st.dictionaries(
    st.builds(
        lambda of_set, name, end: of_set + name + end,
        st.sampled_from(["", "ForAnyValue:", "ForAllValues:"]),
        st.sampled_from([*OPERATORS, "Null"]),
        st.sampled_from(["", "IfExists"]),
    ),
    st.dictionaries(st.sampled_from(KEYS), values | st.lists(values, max_size=3), max_size=2),
    max_size=3,
)
statements = st.fixed_dictionaries(
    {},
    optional={
        "Effect": st.sampled_from(["Allow", "Deny"]) | anything,
        "Principal": st.sampled_from(["*", {"AWS": "*"}]) | anything,
        "Action": st.sampled_from(["s3:*", "s3:GetObject"]) | anything,
        "NotAction": anything,
        "Resource": st.sampled_from([ARN, f"{ARN}/*"])
        | st.text(max_size=40).map(lambda text: ARN + text)
        | anything,
        "Condition": conditions | anything,
    },
)


def read(text: str) -> Policy | None:
    try:
        return bucket_policy(text)
    except MalformedPolicy:
        return None


@settings(max_examples=150)
@given(
    statement=statements, key=st.text(max_size=30), source=st.ip_addresses().map(str) | st.text(max_size=5)
)
def test_any_statement_is_refused_or_can_be_asked(statement: dict[str, Any], key: str, source: str) -> None:
    found = read(json.dumps({"Version": "2012-10-17", "Statement": statement}))
    if found is not None:
        where = Circumstances(source=source, query={"prefix": key}, headers={"x-amz-tagging": "a=b&c"})
        for caller in (BORIS, NOBODY):
            answer = found.allows("s3:GetObject", f"photos/{key}", Facts(caller, where))
            assert not (answer and statement.get("Effect") != "Allow")


@settings(max_examples=100)
@given(st.text(max_size=200) | anything.map(json.dumps))
def test_any_text_is_a_policy_or_malformed(text: str) -> None:
    read(text)


@given(pattern=st.text("ab*?", max_size=12), text=st.text("ab", max_size=12))
def test_patterns_agree_with_the_definition(pattern: str, text: str) -> None:
    def matches(p: str, t: str) -> bool:
        if not p:
            return not t
        if p[0] == "*":
            return matches(p[1:], t) or bool(t and matches(p, t[1:]))
        return bool(t) and p[0] in ("?", t[0]) and matches(p[1:], t[1:])

    assert Pattern(pattern).matches(text, lambda _: None) is matches(pattern, text)


def test_keys_are_known_in_any_case() -> None:
    assert known_key("s3:existingobjecttag/team")
    assert not known_key("s3:existingobjecttag/")
