"""Networks of addresses, as settings name them."""

from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import TypeAlias

Network: TypeAlias = IPv4Network | IPv6Network


def parse_networks(text: str) -> tuple[Network, ...]:
    """Read ``10.0.0.0/8, 2001:db8::1``.

    Raises:
        ValueError: a part is no network, or has bits set beyond its mask.
    """
    return tuple(ip_network(part.strip()) for part in text.split(",") if part.strip())
