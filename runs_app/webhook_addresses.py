"""Where a webhook may lead: to no address by which somebody could make this server ask its own network.

A name is looked up once, each of its addresses is judged, and the connection is made to the address that was judged:
a name that answers differently the second time leads nowhere else.
"""

from __future__ import annotations

import socket
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import urlsplit

from django.conf import settings

METADATA = frozenset(
    map(ip_address, ("169.254.169.254", "169.254.170.2", "100.100.100.200", "192.0.0.192", "fd00:ec2::254"))
)
"""Where clouds give out credentials to whoever asks from inside."""
PORTS = {"http": 80, "https": 443}
NAT64 = ip_network("64:ff9b::/96")

Address = IPv4Address | IPv6Address


class Forbidden(Exception):
    """An address that is none, or that webhooks may not reach; says which and what to do."""


@dataclass(frozen=True, slots=True)
class Parts:
    """Where an address leads."""

    scheme: str
    host: str
    port: int
    target: str  # path and query


def parts_of(url: str) -> Parts:
    """Take an address apart.

    Raises:
        Forbidden: it is none of http or https, or holds what has no place in it.
    """
    try:
        found = urlsplit(url)
        port = found.port
        host = (found.hostname or "").encode("idna").decode() if not _literal(found.hostname) else found.hostname or ""
    except (ValueError, UnicodeError) as error:
        raise Forbidden(f"{url[:200]!r} is no address: {error}") from error
    if found.scheme not in ("http", "https") or not host:
        raise Forbidden(f"{url[:200]!r} is no address of http or https")
    if found.username is not None or found.password is not None:
        raise Forbidden("An address of a webhook holds no name and no password: its bodies are signed")
    if any(each <= " " or each == "\x7f" for each in url) or len(url) > 1000:
        raise Forbidden("An address has no blanks and at most 1000 characters")
    target = (found.path or "/") + (f"?{found.query}" if found.query else "")
    literal = _literal(host)
    if literal is not None:
        _judge(literal, host)
    return Parts(found.scheme, host, port or PORTS[found.scheme], target)


def resolve(parts: Parts) -> str:
    """Return the address to connect to.

    Raises:
        Forbidden: one of the addresses of the name may not be reached.
        OSError: the name has none.
    """
    found = socket.getaddrinfo(parts.host, parts.port, type=socket.SOCK_STREAM)
    addresses = [ip_address(str(entry[4][0]).partition("%")[0]) for entry in found]
    for each in addresses:
        _judge(each, parts.host)
    return str(addresses[0])


def _literal(host: str | None) -> Address | None:
    try:
        return ip_address(host or "")
    except ValueError:
        return None


def _judge(address: Address, host: str) -> None:
    inner = _inside(address)
    if inner is not None:
        _judge(inner, host)
    never = address in METADATA or address.is_link_local or address.is_multicast or address.is_unspecified
    if never:
        raise Forbidden(f"{host} leads to {address}, which webhooks never reach")
    listed = any(address in ip_network(each, strict=False) for each in settings.ORCH.webhook_networks)
    # A server that is for its own machine alone, as after a clone, may tell what runs beside it.
    own = settings.ORCH.host in ("127.0.0.1", "::1", "localhost") and not settings.ORCH.https
    loopback = address.is_loopback and own
    if not (address.is_global or listed or loopback or inner is not None):
        raise Forbidden(
            f"{host} leads to {address}, which is not of the public internet: "
            "name its network in ORCHESTRATOR_WEBHOOK_NETWORKS to allow it"
        )


def _inside(address: Address) -> Address | None:
    """The address that another one of IPv6 stands for."""
    if not isinstance(address, IPv6Address):
        return None
    if address in NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)
