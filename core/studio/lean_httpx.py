"""httpx, without what it loads for others and what takes longer to load than itself: its command
line with rich, and the libraries for asynchronous calls, of which labelpilot makes none."""

from __future__ import annotations

import sys

_UNUSED = [name for name in ("httpx._main", "anyio", "trio") if name not in sys.modules]

# Named so, a module is one that is not installed; httpx and httpcore do without them.
sys.modules.update(dict.fromkeys(_UNUSED))  # type: ignore[arg-type]
try:
    import httpcore  # noqa: F401
    import httpx
finally:
    for _name in _UNUSED:
        del sys.modules[_name]

__all__ = ["httpx"]
