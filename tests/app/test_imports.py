"""The first paint waits for nothing: what is heavy, or opens connections, is imported later."""

from __future__ import annotations

import subprocess
import sys

HEAVY = (
    "annoy",
    "defusedxml",
    "httpx",
    "keyring",
    "label_studio_sdk",
    "numpy",
    "PIL",
    "sklearn",
    "tomlkit",
)


def test_the_app_imports_nothing_heavy() -> None:
    code = f"import sys, tui.app; print([m for m in {HEAVY!r} if m in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
