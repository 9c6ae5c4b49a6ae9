"""Networks of addresses, as settings name them, and which of them no setting should name. Pure."""

import socket
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, collapse_addresses, ip_address, ip_network
from typing import Final, TypeAlias
from urllib.parse import urlsplit

Network: TypeAlias = IPv4Network | IPv6Network

# Wider than any network that one company runs: 10.0.0.0/8 is still one.
_WIDEST_V4: Final = 8
_WIDEST_V6: Final = 16
_OWN_V6: Final = (IPv6Network("fc00::/7"), IPv6Network("fe80::/10"))
_IPV4_IN_V6: Final = (IPv6Network("::ffff:0:0/96"), IPv6Network("64:ff9b::/96"))
# Where clouds answer anybody on the machine with its credentials.
_METADATA_NETWORKS: Final = (
    IPv4Network("169.254.0.0/16"),
    IPv4Network("100.100.100.200/32"),
    IPv4Network("192.0.0.192/32"),
    IPv6Network("fe80::/10"),
    IPv6Network("fd00:ec2::/64"),
    IPv6Network("fd20:ce::254/128"),
)
_METADATA_HOSTS: Final = frozenset(
    {
        "instance-data",
        "instance-data.ec2.internal",
        "metadata",
        "metadata.azure.internal",
        "metadata.goog",
        "metadata.google.internal",
        "metadata.oraclecloud.com",
        "metadata.tencentyun.com",
    }
)


def parse_networks(text: str) -> tuple[Network, ...]:
    """Read ``10.0.0.0/8, 2001:db8::1``.

    Raises:
        ValueError: a part is no network, or has bits set beyond its mask.
    """
    return tuple(_network(part.strip()) for part in text.split(",") if part.strip())


def _network(text: str) -> Network:
    try:
        return ip_network(text)
    except ValueError:
        raise ValueError(
            f"IP 주소나 네트워크(10.0.0.0/8)여야 합니다 / has to be an IP address or a network: {text}"
        ) from None


def too_wide(networks: Iterable[Network]) -> list[Network]:
    """Return the networks that nobody owns, also where they only come together from halves."""
    networks = list(networks)
    v4 = [inner for network in networks if isinstance(inner := _without_v6(network), IPv4Network)]
    v6 = [inner for network in networks if isinstance(inner := _without_v6(network), IPv6Network)]
    return [
        *(network for network in collapse_addresses(v4) if network.prefixlen < _WIDEST_V4),
        *(network for network in collapse_addresses(v6) if network.prefixlen < _WIDEST_V6 and not _is_own(network)),
    ]


def overlap(one: Network, other: Network) -> bool:
    """Whether two networks share an address."""
    return one.version == other.version and one.overlaps(other)


def is_metadata_address(url: str) -> bool:
    """Whether a URL leads to where a cloud tells its machines their credentials, or to a link-local address."""
    host = _host_of(url).rstrip(".").lower()
    address = _address(host)
    if address is None:
        return host in _METADATA_HOSTS
    return any(address in network for network in _METADATA_NETWORKS if network.version == address.version)


def is_this_machine(url: str) -> bool:
    """Whether a URL names the machine of whoever opens it."""
    host = _host_of(url).rstrip(".").lower()
    address = _address(host)
    if address is None:
        return host == "localhost" or host.endswith(".localhost")
    return address.is_loopback or address.is_unspecified


def _host_of(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""  # whoever opens it says what is wrong with it


def _address(host: str) -> IPv4Address | IPv6Address | None:
    """Read an address in any of the forms that a resolver takes: 169.254.169.254, 0xa9fea9fe, 2852039166, ::ffff:…"""
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        try:
            return IPv4Address(socket.inet_aton(host))
        except (OSError, ValueError):
            return None
    return getattr(address, "ipv4_mapped", None) or address


def _without_v6(network: Network) -> Network:
    """Return the IPv4 network that stands in an IPv6 one."""
    for outer in _IPV4_IN_V6:
        if isinstance(network, IPv6Network) and network.subnet_of(outer):
            return IPv4Network((int(network.network_address) & 0xFFFF_FFFF, network.prefixlen - outer.prefixlen))
    return network


def _is_own(network: IPv6Network) -> bool:
    return any(network.subnet_of(own) for own in _OWN_V6)
