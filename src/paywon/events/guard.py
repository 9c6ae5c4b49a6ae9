"""Where events may be sent: never into a network of ours. Pure.

The address that counts is the one that is connected to (``sending``); what is checked when an endpoint is registered
only spares its owner from finding out later.
"""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final, TypeAlias
from urllib.parse import urlsplit

from yarl import URL

from paywon.base.networks import Network

Address: TypeAlias = IPv4Address | IPv6Address

LOOPBACK: Final = "loopback"
PRIVATE: Final = "private"
_WRAPPED: Final = "an IPv4 address inside an IPv6 one"

# The special-purpose registries of IANA (RFC 6890 and what came after), with what clouds put beside them. What is
# not listed has to be global besides, so a gap here opens nothing that Python knows.
_FORBIDDEN: Final[tuple[tuple[Network, str], ...]] = tuple(
    (ip_network(network), why)
    for network, why in (
        ("0.0.0.0/8", "this network"),
        ("10.0.0.0/8", PRIVATE),
        ("100.64.0.0/10", "carrier-grade NAT"),
        ("127.0.0.0/8", LOOPBACK),
        ("168.63.129.16/32", "cloud metadata"),
        ("169.254.0.0/16", "link-local and cloud metadata"),
        ("172.16.0.0/12", PRIVATE),
        ("192.0.0.0/24", "protocol assignments"),
        ("192.0.2.0/24", "documentation"),
        ("192.88.99.0/24", "6to4 relay"),
        ("192.168.0.0/16", PRIVATE),
        ("198.18.0.0/15", "benchmarking"),
        ("198.51.100.0/24", "documentation"),
        ("203.0.113.0/24", "documentation"),
        ("224.0.0.0/4", "multicast"),
        ("240.0.0.0/4", "reserved"),
        ("::1/128", LOOPBACK),
        ("::/128", "unspecified"),
        ("::ffff:0:0/96", _WRAPPED),
        ("::/96", _WRAPPED),
        ("64:ff9b::/96", _WRAPPED),
        ("64:ff9b:1::/48", _WRAPPED),
        ("100::/64", "discard"),
        ("2001::/32", _WRAPPED),
        ("2001::/23", "protocol assignments"),
        ("2001:db8::/32", "documentation"),
        ("2002::/16", _WRAPPED),
        ("3fff::/20", "documentation"),
        ("5f00::/16", "segment routing"),
        ("fc00::/7", PRIVATE),
        ("fe80::/10", "link-local"),
        ("fec0::/10", "site-local"),
        ("ff00::/8", "multicast"),
    )
)
_GLOBAL_V6: Final = ip_network("2000::/3")
_INNER_NAMES: Final = ("localhost", "local", "internal", "intranet", "lan", "home.arpa", "onion", "test", "invalid")


def why_forbidden(address: Address, *, dev: bool) -> str | None:
    """Say in a word why nothing is sent to an address; None where it may be.

    ``dev`` allows this machine and private networks, where the application under development runs.
    """
    for network, why in _FORBIDDEN:
        if address.version == network.version and address in network:
            return None if dev and why in (LOOPBACK, PRIVATE) else why
    if address.version == 6 and address not in _GLOBAL_V6:
        return "not global"
    return None if address.is_global else "not global"


def why_refused(url: str, *, dev: bool) -> str | None:
    """Say why events are not sent to a URL, as far as it shows without asking anybody; None where they may be."""
    try:
        parsed = URL(url)
        host, port = parsed.host, parsed.port
    except ValueError:
        return "not a URL"
    if parsed.scheme != "https" and not (dev and parsed.scheme == "http"):
        return "not https"
    if "@" in urlsplit(url).netloc:
        return "user name or password in it"
    if not host or port == 0:
        return "no host"
    if parsed.fragment or "#" in url:
        return "a fragment (#) in it"
    return _why_host_refused(host, dev=dev)


def _why_host_refused(host: str, *, dev: bool) -> str | None:
    if (address := as_address(host)) is not None:
        return why_forbidden(address, dev=dev)
    name = host.rstrip(".").lower()
    if name.replace(".", "").isdigit() or name.startswith("0x"):
        return "not a canonical address"
    is_inner = "." not in name or any(name == inner or name.endswith(f".{inner}") for inner in _INNER_NAMES)
    return "a name of a private network" if is_inner and not dev else None


def as_address(host: str) -> Address | None:
    """Read a host that is an address, without its zone; None for a name."""
    try:
        return ip_address(host.partition("%")[0])
    except ValueError:
        return None
