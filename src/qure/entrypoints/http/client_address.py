"""Where a request comes from, believing only those who may say so for others.

Not uvicorn's ``ProxyHeadersMiddleware``: it takes junk for an address, and does not know a proxy
that connects over an IPv4-mapped one.
"""

from collections.abc import Mapping, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Any

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


def peer_address(scope: Mapping[str, Any]) -> str | None:
    """Who holds the other end of the connection; None when it has no address."""
    client = scope.get("client")
    return str(client[0]) if client else None


def client_address(scope: Mapping[str, Any], trusted: Sequence[Network]) -> str | None:
    """The address that the request came from, as far as it can be believed.

    ``X-Forwarded-For`` is read from the right: each hop is believed if the one that reported it
    is in ``trusted``, and the first that is not trusted itself is the client. What lies further
    left anybody may have written.
    """
    peer = _parse(peer_address(scope) or "")
    if peer is None:
        return None
    if not _is_in(peer, trusted):
        return str(peer)
    for hop in reversed(_forwarded(scope)):
        address = _parse(hop)
        if address is None:
            break
        peer = address
        if not _is_in(peer, trusted):
            break
    return str(peer)


def _forwarded(scope: Mapping[str, Any]) -> list[str]:
    lines = [value for name, value in scope["headers"] if name == b"x-forwarded-for"]
    return b",".join(lines).decode("latin-1").split(",") if lines else []


def _parse(text: str) -> Address | None:
    text = text.strip()
    if text.startswith("["):
        text = text[1:].split("]", 1)[0]
    elif text.count(":") == 1:
        text = text.split(":", 1)[0]
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if isinstance(address, IPv6Address):
        # A zone names an interface of one machine, and means nothing on another.
        address = IPv6Address(int(address))
        return address.ipv4_mapped or address
    return address


def _is_in(address: Address, networks: Sequence[Network]) -> bool:
    return any(address in network for network in networks)
