"""The address that limits for each client count by."""

import pytest

from denoiser.web.addresses import VARIABLE, client_address

FORWARDED = [(b"x-forwarded-for", b"8.8.8.8, 9.9.9.9"), (b"x-forwarded-for", b"1.1.1.1, 203.0.113.5")]


def scope(host, headers=()):
    return {"client": (host, 1234) if host else None, "headers": list(headers)}


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("203.0.113.5", "203.0.113.5"),
        ("::ffff:203.0.113.5", "203.0.113.5"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ("testclient", "testclient"),
        (None, ""),
    ],
)
def test_the_address_is_that_of_the_client(host, address):
    assert client_address(scope(host)) == address


def test_a_forwarded_address_counts_only_where_a_proxy_is_trusted(monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    assert client_address(scope("10.0.0.1", FORWARDED)) == "10.0.0.1"
    monkeypatch.setenv(VARIABLE, "0")
    assert client_address(scope("10.0.0.1", FORWARDED)) == "10.0.0.1"
    monkeypatch.setenv(VARIABLE, "1")
    assert client_address(scope("10.0.0.1", FORWARDED)) == "203.0.113.5"
    assert client_address(scope("10.0.0.1")) == "10.0.0.1"
