"""Where nothing is ever sent: every range, in every spelling; and that the rest of the world is reached."""

import random
from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest

from paywon.events.guard import LOOPBACK, PRIVATE, as_address, why_forbidden, why_refused

# A first and a last address of each range, and of what it is that lies there.
RANGES = [
    ("0.0.0.0", "0.255.255.255", "this network"),  # noqa: S104
    ("10.0.0.0", "10.255.255.255", PRIVATE),
    ("100.64.0.0", "100.127.255.255", "carrier-grade NAT"),
    ("127.0.0.0", "127.255.255.255", LOOPBACK),
    ("168.63.129.16", "168.63.129.16", "cloud metadata"),
    ("169.254.0.0", "169.254.255.255", "link-local and cloud metadata"),
    ("172.16.0.0", "172.31.255.255", PRIVATE),
    ("192.0.0.0", "192.0.0.255", "protocol assignments"),
    ("192.0.2.0", "192.0.2.255", "documentation"),
    ("192.88.99.0", "192.88.99.255", "6to4 relay"),
    ("192.168.0.0", "192.168.255.255", PRIVATE),
    ("198.18.0.0", "198.19.255.255", "benchmarking"),
    ("198.51.100.0", "198.51.100.255", "documentation"),
    ("203.0.113.0", "203.0.113.255", "documentation"),
    ("224.0.0.0", "239.255.255.255", "multicast"),
    ("240.0.0.0", "255.255.255.255", "reserved"),
    ("::", "::", "unspecified"),
    ("::1", "::1", LOOPBACK),
    ("::2", "::ffff:ffff", "an IPv4 address inside an IPv6 one"),
    ("::ffff:0.0.0.0", "::ffff:255.255.255.255", "an IPv4 address inside an IPv6 one"),
    ("64:ff9b::", "64:ff9b::255.255.255.255", "an IPv4 address inside an IPv6 one"),
    ("64:ff9b:1::", "64:ff9b:1:ffff:ffff:ffff:ffff:ffff", "an IPv4 address inside an IPv6 one"),
    ("100::", "100::ffff:ffff:ffff:ffff", "discard"),
    ("2001::", "2001:0:ffff:ffff:ffff:ffff:ffff:ffff", "an IPv4 address inside an IPv6 one"),
    ("2001:1::", "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff", "protocol assignments"),
    ("2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", "documentation"),
    ("2002::", "2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "an IPv4 address inside an IPv6 one"),
    ("3fff::", "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff", "documentation"),
    ("5f00::", "5f00:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "segment routing"),
    ("fc00::", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", PRIVATE),
    ("fe80::", "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "link-local"),
    ("fec0::", "feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "site-local"),
    ("ff00::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "multicast"),
    # Space that nobody has been given.
    ("200::", "3ff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "not global"),
    ("4000::", "5eff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "not global"),
    ("8000::", "fbff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "not global"),
]
IN_DEV = (LOOPBACK, PRIVATE)


@pytest.mark.parametrize(("first", "last", "why"), RANGES, ids=[row[0] for row in RANGES])
def test_nothing_is_sent_into(first: str, last: str, why: str) -> None:
    ends = ip_address(first), ip_address(last)
    middle = type(ends[0])((int(ends[0]) + int(ends[1])) // 2)
    for address in (*ends, middle):
        assert why_forbidden(address, dev=False) == why, address
        assert why_forbidden(address, dev=True) == (None if why in IN_DEV else why), address


@pytest.mark.parametrize(
    "name", ["169.254.169.254", "168.63.129.16", "100.100.100.200", "192.0.0.192", "fe80::a9fe:a9fe"]
)
def test_metadata_of_clouds_is_out_of_reach_even_in_development(name: str) -> None:
    assert why_forbidden(ip_address(name), dev=True) is not None


@pytest.mark.parametrize(
    "name", ["1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255",
             "128.0.0.0", "169.253.255.255", "172.15.255.255", "172.32.0.0", "192.167.255.255", "223.255.255.255",
             "211.115.111.1", "2001:200::1", "2400:cb00::1", "2606:4700::1111", "2a00:1450:4001::1", "3ffe:ffff::1"],
)  # fmt: skip
def test_the_rest_of_the_world_is_reached(name: str) -> None:
    assert why_forbidden(ip_address(name), dev=False) is None


def test_what_is_allowed_is_global_as_python_knows_it() -> None:
    dice = random.Random(20261122)  # noqa: S311 - the same addresses each time
    for _ in range(5_000):
        for address in (IPv4Address(dice.getrandbits(32)), IPv6Address(dice.getrandbits(128))):
            if why_forbidden(address, dev=False) is None:
                assert address.is_global and not address.is_multicast and not address.is_reserved, address


def test_no_special_network_of_python_is_open() -> None:
    """Every network that this Python calls private is forbidden, whoever adds one."""
    for address in (IPv4Address(1), IPv6Address(1)):
        networks = address._constants._private_networks  # type: ignore[union-attr]
        assert len(networks) > 8
        assert [network for network in networks if why_forbidden(network[0], dev=False) is None] == []


@pytest.mark.parametrize(
    "url",
    [
        "https://app.example/webhooks",
        "https://app.example:8443/a?b=c",
        "https://1.1.1.1/",
        "https://[2606:4700::1111]/",
        "https://결제.example/이벤트",
        "https://app.example./",
    ],
)
def test_a_public_https_address_is_taken(url: str) -> None:
    assert why_refused(url, dev=False) is None


REFUSED = [
    ("http://app.example/", "not https"),
    ("ftp://app.example/", "not https"),
    ("app.example/webhooks", "not https"),
    ("https://user@app.example/", "user name or password in it"),
    ("https://user:word@app.example/", "user name or password in it"),
    ("https://:word@app.example/", "user name or password in it"),
    ("https://@app.example/", "user name or password in it"),
    ("https://app.example/#part", "a fragment (#) in it"),
    ("https://app.example/#", "a fragment (#) in it"),
    ("https:///webhooks", "no host"),
    ("https://app.example:0/", "no host"),
    ("https://app.example:99999/", "not a URL"),
    ("https://app.example\\@10.0.0.1/", "not a URL"),
    ("https://127.0.0.1/", LOOPBACK),
    ("https://①②⑦.⓪.⓪.①/", LOOPBACK),
    ("https://[::1]/", LOOPBACK),
    ("https://[::1%25lo]/", LOOPBACK),
    ("https://[fe80::1%25eth0]/", "link-local"),
    ("https://10.1.2.3/", PRIVATE),
    ("https://169.254.169.254/latest/meta-data/", "link-local and cloud metadata"),
    ("https://[::ffff:10.0.0.1]/", "an IPv4 address inside an IPv6 one"),
    ("https://[64:ff9b::10.0.0.1]/", "an IPv4 address inside an IPv6 one"),
    ("https://[2002:a00:1::]/", "an IPv4 address inside an IPv6 one"),
    ("https://2130706433/", "not a canonical address"),
    ("https://0x7f000001/", "not a canonical address"),
    ("https://0x7f.1/", "not a canonical address"),
    ("https://127.1/", "not a canonical address"),
    ("https://0177.0.0.1/", "not a canonical address"),
    ("https://localhost/", "a name of a private network"),
    ("https://LOCALHOST./", "a name of a private network"),
    ("https://a.localhost/", "a name of a private network"),
    ("https://db/", "a name of a private network"),
    ("https://metadata.google.internal/", "a name of a private network"),
    ("https://printer.local/", "a name of a private network"),
]


@pytest.mark.parametrize(("url", "why"), REFUSED, ids=[row[0] for row in REFUSED])
def test_any_other_is_refused(url: str, why: str) -> None:
    assert why_refused(url, dev=False) == why


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8000/hook", "http://localhost:8000/", "http://app/", "https://10.0.0.7/"]
)
def test_in_development_the_neighbour_is_reached(url: str) -> None:
    assert why_refused(url, dev=True) is None
    assert why_refused(url, dev=False) is not None


@pytest.mark.parametrize(
    "url", ["http://a:b@localhost/", "ftp://localhost/", "http://169.254.169.254/", "http://224.0.0.1/"]
)
def test_and_no_more_than_that(url: str) -> None:
    assert why_refused(url, dev=True) is not None


def test_a_name_is_no_address() -> None:
    assert as_address("app.example") is None
    assert str(as_address("fe80::1%eth0")) == "fe80::1"
