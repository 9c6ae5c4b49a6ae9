"""From where a request comes: the one place that decides how far ``X-Forwarded-For`` is believed.

Anybody can write that header. It is read from its end, where the proxy next to us wrote, and only as far back as the
proxies of PAYWON_TRUSTED_PROXIES reach; what stands before the first stranger is a stranger's tale.
"""

import re
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any, Final, TypeAlias

from litestar.connection import ASGIConnection

from paywon.base.networks import Network

Address: TypeAlias = IPv4Address | IPv6Address

# What one subscriber of IPv6 has to himself; counting single addresses would count nothing.
_IPV6_SUBSCRIBER_BITS: Final = 64
# Some proxies add the port: 192.0.2.1:4711, [2001:db8::1]:4711.
_WITH_PORT: Final = re.compile(r"\[?(?P<address>[^\[\]]+?)\]?(?::[0-9]{1,5})?")
# A proxy's chain has a few links; whoever sends more wants us to work.
_MAX_HOPS: Final = 20


def client_address(connection: ASGIConnection[Any, Any, Any, Any]) -> str | None:
    """Answer the address of whoever sent a request; None where the server was not told."""
    found = find_client(
        connection.client.host if connection.client else None,
        ",".join(connection.headers.getall("x-forwarded-for", [])),
        trusted=connection.app.state.trusted_proxies,
    )
    return None if found is None else str(found)


def find_client(peer: str | None, forwarded: str, *, trusted: tuple[Network, ...]) -> Address | None:
    """Follow ``X-Forwarded-For`` back from the peer through trusted proxies; the first other address is the client."""
    client = _parse(peer or "")
    if client is None or not _is_trusted(client, trusted):
        return client
    for hop in reversed(forwarded.rsplit(",", _MAX_HOPS)[-_MAX_HOPS:]):
        told = _parse(hop)
        if told is None:
            return client  # whoever wrote that did not write an address
        client = told
        if not _is_trusted(client, trusted):
            return client
    return client


def network_of(address: str | None) -> str:
    """Answer what requests of one sender are counted under: an IPv4 address, or an IPv6 /64."""
    parsed = _parse(address or "")
    if isinstance(parsed, IPv6Address):
        return str(ip_network((parsed, _IPV6_SUBSCRIBER_BITS), strict=False))
    return str(parsed)


def _parse(text: str) -> Address | None:
    text = text.strip()
    matched = _WITH_PORT.fullmatch(text)
    for spelling in (text, matched["address"] if matched else ""):
        try:
            found = ip_address(spelling)
        except ValueError:
            continue
        if isinstance(found, IPv4Address):
            return found
        # A server that listens on :: sees IPv4 clients as ::ffff:192.0.2.1; a scope (%eth0) means nothing elsewhere.
        return found.ipv4_mapped or IPv6Address(int(found))
    return None


def _is_trusted(address: Address, trusted: tuple[Network, ...]) -> bool:
    return any(address in network for network in trusted)
