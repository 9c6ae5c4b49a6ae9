"""Whose word on a sender's address is taken: only that of proxies we know, and only as far back as they reach."""

import pytest

from paywon.base.networks import parse_networks
from paywon.web.address import find_client, network_of

TRUSTED = parse_networks("10.0.0.0/8, 192.0.2.7, 2001:db8::/32")


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        # Nobody we know: the header is a tale.
        ("203.0.113.9", "198.51.100.1", "203.0.113.9"),
        ("203.0.113.9", "", "203.0.113.9"),
        (None, "198.51.100.1", "None"),
        ("no address", "198.51.100.1", "None"),
        # A proxy of ours wrote the last entry; what is before it was the client's own invention.
        ("10.1.2.3", "198.51.100.1", "198.51.100.1"),
        ("10.1.2.3", "1.1.1.1, 127.0.0.1, 198.51.100.1", "198.51.100.1"),
        ("192.0.2.7", "198.51.100.1, 10.9.9.9, 10.8.8.8", "198.51.100.1"),
        ("10.1.2.3", "", "10.1.2.3"),
        ("10.1.2.3", "10.1.1.1, 10.2.2.2", "10.1.1.1"),
        # What is no address ends the chain.
        ("10.1.2.3", "198.51.100.1, nonsense", "10.1.2.3"),
        ("10.1.2.3", "198.51.100.1, nonsense, 10.5.5.5", "10.5.5.5"),
        ("10.1.2.3", "198.51.100.1,", "10.1.2.3"),
        ("10.1.2.3", "'; DROP TABLE orders --", "10.1.2.3"),
        ("10.1.2.3", "010.1.1.1", "10.1.2.3"),
        ("10.1.2.3", "1.2.3", "10.1.2.3"),
        ("10.1.2.3", "198.51.100.1\xff", "10.1.2.3"),
        # Ways to spell one.
        ("10.1.2.3", "198.51.100.1:4711", "198.51.100.1"),
        ("10.1.2.3", " [2001:db9::1]:4711 ", "2001:db9::1"),
        ("10.1.2.3", "[2001:db9::1]", "2001:db9::1"),
        ("10.1.2.3", "2001:DB9:0:0::1", "2001:db9::1"),
        ("::ffff:10.1.2.3", "::ffff:198.51.100.1", "198.51.100.1"),
        ("2001:db8::5", "198.51.100.1", "198.51.100.1"),
        ("10.1.2.3", "fe80::1%eth0; DROP", "fe80::1"),
        # Nobody has so many proxies.
        ("10.1.2.3", "198.51.100.1," + "10.0.0.1," * 1000 + "10.0.0.2", "10.0.0.1"),
    ],
)
def test_the_client_behind_proxies(peer: str | None, forwarded: str, client: str) -> None:
    assert str(find_client(peer, forwarded, trusted=TRUSTED)) == client


def test_by_default_nobody_is_believed() -> None:
    assert str(find_client("127.0.0.1", "198.51.100.1", trusted=())) == "127.0.0.1"


def test_one_sender_is_counted_as_one() -> None:
    assert network_of("198.51.100.1") == "198.51.100.1"
    assert network_of("2001:db8:1:2::1") == network_of("2001:db8:1:2:ffff::9") == "2001:db8:1:2::/64"
    assert network_of("2001:db8:1:3::1") != network_of("2001:db8:1:2::1")
    assert network_of(None) == network_of("nonsense")


@pytest.mark.parametrize("text", ["10.0.0.1/8", "everybody", "10.0.0.0/33", "*", "10.0.0.0/8;::1"])
def test_networks_that_are_none(text: str) -> None:
    with pytest.raises(ValueError):
        parse_networks(text)
