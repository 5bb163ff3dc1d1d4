"""IP addresses as they are compared, counted and trusted."""

from __future__ import annotations

import ipaddress

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

# A socket that listens on :: sees an IPv4 client under this prefix (RFC 4291, 2.5.5.2).
_MAPPED = ipaddress.IPv6Network("::ffff:0:0/96")
# A provider hands out IPv6 by this prefix: whoever has one address has all of them.
_IPV6_PREFIX = 64


def parsed(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """An IP address; an IPv4 address that is mapped into IPv6 is the IPv4 address.

    Raises:
        ValueError: it is none.
    """
    found = ipaddress.ip_address(address)
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is not None:
        return found.ipv4_mapped
    return found


def network_of(address: str | None) -> str:
    """What tries are counted by: an IPv4 address, or the network of an IPv6 address."""
    if address is None:
        return "nowhere"
    try:
        found = parsed(address)
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((found, _IPV6_PREFIX), strict=False))
    return str(found)


def networks(listed: str) -> tuple[Network, ...]:
    """Addresses and networks that are separated by commas; mapped ones as IPv4 networks.

    Raises:
        ValueError: one is neither.
    """
    parts = (part.strip() for part in listed.split(","))
    return tuple(_unmapped(ipaddress.ip_network(part)) for part in parts if part)


def both_forms(network: Network) -> list[str]:
    """A network as text, an IPv4 one also as it is mapped into IPv6."""
    if isinstance(network, ipaddress.IPv6Network):
        return [str(network)]
    mapped = f"::ffff:{network.network_address}/{network.prefixlen + _MAPPED.prefixlen}"
    return [str(network), mapped]


def _unmapped(network: Network) -> Network:
    if isinstance(network, ipaddress.IPv4Network) or not network.subnet_of(_MAPPED):
        return network
    first = int(network.network_address) - int(_MAPPED.network_address)
    return ipaddress.IPv4Network((first, network.prefixlen - _MAPPED.prefixlen))
