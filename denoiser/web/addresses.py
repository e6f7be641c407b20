"""Where a request comes from: limits for each client count by this address."""

import ipaddress
import os

from starlette.types import Scope

VARIABLE = "DENOISER_TRUST_PROXY"


def client_address(scope: Scope) -> str:
    """The address of the client of an ASGI request; of IPv6 the network of 64 bits, all of which one client may have.

    Behind a proxy that is the proxy's address, unless $DENOISER_TRUST_PROXY is set (to anything but 0): then it is the
    last one of X-Forwarded-For, which the proxy itself has added. An empty string where nothing is known.
    """
    host = scope["client"][0] if scope.get("client") else ""
    if os.environ.get(VARIABLE, "0") != "0":
        named = [value for name, value in scope["headers"] if name == b"x-forwarded-for"]
        host = named[-1].decode("latin-1").split(",")[-1].strip() if named else host
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((address, 64), strict=False))
