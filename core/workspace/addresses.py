"""Addresses of a Label Studio or a dask scheduler: which can be used, which are on this machine.

A token is sent to the address that the workspace names, so an address is taken only if it can mean
one thing: a scheme, a host, perhaps a port and a path. It never connects.
"""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import urlsplit

# No user name, no query, no fragment, no backslash: parsers differ on where the host ends then.
_ADDRESS = re.compile(
    r"https?://"
    r"(?:[\w-]+(?:\.[\w-]+)*\.?|\[[0-9A-Fa-f:.]+\])"
    r"(?::(?P<port>[0-9]{1,5}))?"
    r"(?:/[\w.~%+/-]*)?"
)
_SCHEDULER = re.compile(r"(?:tcp|tls)://(?:[\w.-]+|\[[0-9A-Fa-f:.]+\]):(?P<port>[0-9]{1,5})")
LAST_PORT = 65535


def address_fault(url: str) -> str:
    """Why `url` cannot be the address of a Label Studio; empty where it can."""
    if not url.startswith(("http://", "https://")):
        return "must begin with http:// or https://"
    match = _ADDRESS.fullmatch(url)
    if match is None or not 0 < int(match["port"] or LAST_PORT) <= LAST_PORT:
        return "must be a plain address, such as https://studio.example.org or its folder"
    return ""


def scheduler_fault(address: str) -> str:
    """Why `address` cannot be that of a dask scheduler; empty where it can."""
    match = _SCHEDULER.fullmatch(address)
    if match is None or not 0 < int(match["port"]) <= LAST_PORT:
        return 'must be an address such as "tls://10.0.0.1:8786"'
    return ""


def is_loopback(url: str) -> bool:
    """Whether `url` is on this machine, so that nothing of it crosses a network or a proxy."""
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        return False
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def same_server(one: str, other: str) -> bool:
    """Whether two addresses name one Label Studio."""
    return bool(one and other) and _parts(one) == _parts(other)


def _parts(url: str) -> tuple[str, str, int | None, str]:
    try:
        split = urlsplit(url.strip())
        port = split.port or {"http": 80, "https": 443}.get(split.scheme)
        return split.scheme, split.hostname or "", port, split.path.rstrip("/")
    except ValueError:
        return "", url, None, ""


def crosses_in_clear(url: str) -> bool:
    """Whether what is sent to `url` would cross a network without encryption."""
    return url.startswith(("http://", "tcp://")) and not is_loopback(url)
