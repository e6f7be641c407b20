"""Who a request comes from, as far as that can be known: an address, behind proxies only where they are trusted.

A proxy in front writes the client's address into X-Forwarded-For. Anybody else can write that header too, so it is
believed only from the addresses and networks in $FORWARDED_ALLOW_IPS, which uvicorn reads as well. On a Space the
Hub's own proxy is in front, in a private network.
"""

import ipaddress
import os

from starlette.types import Scope

VARIABLE = "FORWARDED_ALLOW_IPS"
PRIVATE = "10.0.0.0/8,172.16.0.0/12,192.168.0.0/16,fc00::/7"
IPV6_NETWORK = 64  # bits of an address that one visitor has for themselves


def trusted_proxies() -> str:
    """The addresses and networks whose X-Forwarded headers are believed, separated by commas; empty for nobody."""
    return os.environ.get(VARIABLE, PRIVATE if "SPACE_ID" in os.environ else "")


def peer_of(scope: Scope) -> tuple[str, int] | None:
    """The other end of the connection itself: a visitor or a proxy; None where the server does not know it."""
    return scope.get("state", {}).get("peer") or scope.get("client")


def is_forwarded(scope: Scope) -> bool:
    """Whether a trusted proxy sent a request: uvicorn then puts the address that it forwarded in place of its own."""
    peer, client = peer_of(scope), scope.get("client")
    return peer is not None and client is not None and tuple(peer) != tuple(client)


def client_address(scope: Scope) -> str | None:
    """The network of whoever sent a request, None where it is unknown: behind a proxy that is not trusted."""
    client = scope.get("client")
    if not client:
        return None
    if not is_forwarded(scope) and is_local(client[0]) and has_header(scope, b"x-forwarded-for"):
        return None
    return network_of(client[0])


def network_of(host: str) -> str:
    """What belongs to one visitor: an IPv4 address, or the first half of an IPv6 address."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((int(address), IPV6_NETWORK), strict=False))
    return str(address)


def is_local(host: str) -> bool:
    """Whether an address is one that the internet does not reach: of this machine or of a private network."""
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return True


def has_header(scope: Scope, name: bytes) -> bool:
    """Whether a request has the header of this name, in lower case."""
    return any(key == name for key, _ in scope["headers"])
