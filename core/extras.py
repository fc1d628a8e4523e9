"""How to install what labelpilot lacks: a command that works as it is printed, wherever it runs.

labelpilot may live in an environment of a tool of its own, from a clone or from a repository, where
no `pip` is and no index knows its name. So the command names the Python, and where this labelpilot
was installed from.
"""

from __future__ import annotations

import importlib.util
import shlex
import sys
from importlib.metadata import PackageNotFoundError, distribution

import orjson


def install(package: str, *, again: bool = False) -> str:
    """The command that installs `package` beside labelpilot, also where it is there already."""
    has_pip = importlib.util.find_spec("pip") is not None
    anew = ["--force-reinstall" if has_pip else "--reinstall"] if again else []
    return " ".join([_installer(), *anew, shlex.quote(package)])


def install_extra(extra: str) -> str:
    """The command that installs an extra of labelpilot's, from where labelpilot came."""
    return " ".join([_installer(), _origin(f"labelpilot[{extra}]")])


def _installer() -> str:
    python = shlex.quote(sys.executable)
    if importlib.util.find_spec("pip") is not None:
        return f"{python} -m pip install"
    return f"uv pip install --python {python}"


def _origin(named: str) -> str:
    """What to install: by its name where an index has it, else by the address it came from."""
    try:
        text = distribution("labelpilot").read_text("direct_url.json") or "{}"
        origin = orjson.loads(text)
    except (PackageNotFoundError, ValueError):
        origin = {}
    url, version = origin.get("url", ""), origin.get("vcs_info", {})
    if origin.get("dir_info", {}).get("editable"):
        return f"-e {shlex.quote(f'{named} @ {url}')}"
    if version:
        revision = version.get("requested_revision")
        url = f"{version['vcs']}+{url}" + (f"@{revision}" if revision else "")
    return shlex.quote(f"{named} @ {url}" if url else named)
