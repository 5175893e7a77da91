"""Environment variables are read as what they must be, or the process does not start."""

from __future__ import annotations

from ipaddress import ip_network

import pytest
from django.core.exceptions import ImproperlyConfigured

from jobsite.env import env_domains, env_networks

NAME = "SLUICEGATE_TEST_ONLY"


def test_domains_are_host_names_in_lower_case(monkeypatch: pytest.MonkeyPatch) -> None:
    assert env_domains(NAME) == ()
    monkeypatch.setenv(NAME, "S3.Example.ORG., localhost,")
    assert env_domains(NAME) == ("s3.example.org", "localhost")


@pytest.mark.parametrize("text", ["s3.test:9000", "http://s3.test", "*.s3.test", "10.0.0.1", "a..b", "-a"])
def test_what_is_no_host_name_is_refused(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv(NAME, text)
    with pytest.raises(ImproperlyConfigured, match=NAME):
        env_domains(NAME)


def test_networks_are_addresses_too(monkeypatch: pytest.MonkeyPatch) -> None:
    assert env_networks(NAME) == ()
    monkeypatch.setenv(NAME, "10.0.0.0/8, ::1")
    assert env_networks(NAME) == (ip_network("10.0.0.0/8"), ip_network("::1"))


@pytest.mark.parametrize("text", ["10.0.0.1/8", "proxy.test", "*"])
def test_what_is_no_network_is_refused(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv(NAME, text)
    with pytest.raises(ImproperlyConfigured, match=NAME):
        env_networks(NAME)
