"""Links that work from where the user sits, and the program that opens them.

In a codespace the server's own address means nothing to the user's browser: the forwarded port has
an address of its own. Over SSH without a desktop nothing is opened, for a text browser would take
the terminal; the link is shown instead.
"""

from __future__ import annotations

import os
import platform
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

_LOOPBACK = ("127.0.0.1", "localhost", "::1")


def link_from_here(url: str, environ: Mapping[str, str]) -> str:
    """`url` as the user's browser reaches it: in a codespace, a forwarded port's address."""
    name, parts = environ.get("CODESPACE_NAME"), urlsplit(url)
    if not name or parts.hostname not in _LOOPBACK or parts.port is None:
        return url
    domain = environ.get("GITHUB_CODESPACES_PORT_FORWARDING_DOMAIN", "app.github.dev")
    return urlunsplit(parts._replace(scheme="https", netloc=f"{name}-{parts.port}.{domain}"))


def reach(url: str, environ: Mapping[str, str] | None = None) -> str:
    """What it takes for a colleague's browser to reach `url`, in a sentence; empty for nothing."""
    environ = os.environ if environ is None else environ
    parts = urlsplit(url)
    if parts.hostname not in _LOOPBACK:
        return ""
    if environ.get("CODESPACE_NAME"):
        return (
            f"For a colleague, share the codespace's port {parts.port} first: under Ports, its "
            "visibility."
        )
    return (
        "The link works on this machine. From another one it takes a tunnel with the same port: "
        f"`ssh -N -L {parts.port}:127.0.0.1:{parts.port} {platform.node() or 'HOST'}`."
    )


def opener(environ: Mapping[str, str], system: str = sys.platform) -> list[str] | None:
    """The command that opens a link on the user's own desktop, or None where there is none."""
    browser = environ.get("BROWSER", "").split(":")[0].split()
    if browser and shutil.which(browser[0]):
        return browser
    if system == "darwin":
        return ["open"]
    desktop = environ.get("DISPLAY") or environ.get("WAYLAND_DISPLAY")
    return ["xdg-open"] if desktop and shutil.which("xdg-open") else None


def open_page(page: Path) -> bool:
    """Open the file `page` in a browser; False where the user's browser is on another machine."""
    elsewhere = ("CODESPACE_NAME", "SSH_CONNECTION", "REMOTE_CONTAINERS", "VSCODE_IPC_HOOK_CLI")
    command = opener(os.environ)
    if command is None or any(name in os.environ for name in elsewhere):
        return False
    return _run(command, page.resolve().as_uri())


def open_link(url: str) -> bool:
    """Open `url` on the user's desktop; False where nothing here can."""
    command = opener(os.environ)
    if command is None or not url.startswith(("http://", "https://")):
        return False
    return _run(command, url)


def _run(command: list[str], url: str) -> bool:
    from core.processes import start

    try:
        start([*command, url])
    except OSError:
        return False
    return True
