"""Parse IP addresses and networks for limits and trusted proxies."""

from __future__ import annotations

import ipaddress

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

# A socket that listens on :: sees an IPv4 client under this prefix (RFC 4291, 2.5.5.2).
_MAPPED = ipaddress.IPv6Network("::ffff:0:0/96")
# Providers assign IPv6 addresses by this prefix: a client can use all of them.
_IPV6_PREFIX = 64


def parsed(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """An IP address; an IPv4 address that is mapped into IPv6 is the IPv4 address.

    Raises:
        ValueError: it is not an IP address.
    """
    ip = ipaddress.ip_address(address)
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped is not None:
        return ip.ipv4_mapped
    return ip


def network_of(address: str | None) -> str:
    """The key of rate limits: an IPv4 address, or the network of an IPv6 address."""
    if address is None:
        return "nowhere"
    try:
        ip = parsed(address)
    except ValueError:
        return address
    if isinstance(ip, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((ip, _IPV6_PREFIX), strict=False))
    return str(ip)


def networks(text: str) -> tuple[Network, ...]:
    """Addresses and networks that are separated by commas; mapped ones as IPv4 networks.

    Raises:
        ValueError: one is neither.
    """
    parts = (part.strip() for part in text.split(","))
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
