"""The commands that say how to install what is lacking work as they are printed."""

from __future__ import annotations

import json
import shlex
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest

from core import extras
from core.extras import install, install_extra

WHEEL = {"url": "file:///a b/labelpilot.whl", "archive_info": {}}
CLONE = {"url": "file:///a%20b/clone", "dir_info": {"editable": True}}
GIT = {"url": "https://host/x.git", "vcs_info": {"vcs": "git", "requested_revision": "v1"}}


@pytest.mark.parametrize(
    ("origin", "expected"),
    [
        (None, ["labelpilot[embed]"]),
        (WHEEL, ["labelpilot[embed] @ file:///a b/labelpilot.whl"]),
        (CLONE, ["-e", "labelpilot[embed] @ file:///a%20b/clone"]),
        (GIT, ["labelpilot[embed] @ git+https://host/x.git@v1"]),
    ],
)
def test_an_extra_is_installed_from_where_labelpilot_came(
    monkeypatch: pytest.MonkeyPatch, origin: dict[str, object] | None, expected: list[str]
) -> None:
    text = None if origin is None else json.dumps(origin)
    found = SimpleNamespace(read_text=lambda name: text)
    monkeypatch.setattr(extras, "distribution", lambda name: found)
    words = shlex.split(install_extra("embed"))
    assert words[words.index("install") + 1 :][-len(expected) :] == expected


def test_the_command_for_what_is_installed_runs_as_it_is_printed(tmp_path: Path) -> None:
    command = install("click").replace(" install", " install --no-deps --dry-run", 1)
    done = subprocess.run(command, shell=True, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
