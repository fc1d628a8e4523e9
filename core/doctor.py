"""What is set, what is wrong, and the fix for each: fit to paste into a bug report.

It looks and changes nothing, and it never shows a secret.
"""

from __future__ import annotations

import importlib.metadata
import os
import platform
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from core.checklist import probe_steps
from core.credentials import VARIABLE
from core.errors import ConfigurationError, LabelpilotError
from core.keyrings import keyring_name
from core.labeling_config import read_labeling_config
from core.progress import finish
from core.steps import STEPS
from core.studio.environment import document_root
from core.studio.server import installed_version
from core.tasks.manifest import scan_images
from core.workspace import Workspace, load_workspace

State = Literal["ok", "note", "wrong"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. `fix` is empty where nothing is wrong."""

    name: str
    state: State
    detail: str
    fix: str = ""

    def as_json(self) -> dict[str, str]:
        return asdict(self)


def examine(root: Path) -> list[Finding]:
    """Look at this machine and at the workspace in `root`. Raises nothing."""
    findings = [*_versions(), *_surroundings(os.environ)]
    try:
        workspace = load_workspace(root)
    except ConfigurationError as error:
        return [*findings, Finding("workspace", "wrong", error.message, error.next_step)]
    findings.append(Finding("workspace", "ok", str(workspace.file)))
    findings += [
        _checked("images", lambda: _images(workspace)),
        _checked("labeling config", lambda: _config(workspace)),
        _hooks(workspace),
    ]
    if workspace.owns_server:
        findings.append(
            _checked("document root", lambda: f"serves files below {document_root(workspace)}")
        )
    titles = {step.id: step.title.lower() for step in STEPS}
    for report in probe_steps(workspace):
        state: State = {"done": "ok", "wrong": "wrong"}.get(report.state, "note")  # type: ignore[assignment]
        fix = "" if state == "ok" else "labelpilot setup"
        detail = report.detail if state == "ok" else f"{report.state}: {report.detail}"
        findings.append(Finding(f"set-up: {titles[report.id]}", state, detail, fix))
    return findings


def _versions() -> Iterator[Finding]:
    yield Finding("python", "ok", f"{platform.python_version()} at {sys.executable}")
    for package in ("labelpilot", "label-studio-sdk", "textual", "numpy", "annoy", "keyring"):
        yield Finding(package, "ok", importlib.metadata.version(package))
    version = installed_version()
    yield (
        Finding("label-studio", "ok", version)
        if version
        else Finding(
            "label-studio",
            "note",
            "not installed here; needed only for a server of labelpilot's own",
            "pip install 'labelpilot[studio]'",
        )
    )


def _surroundings(environ: Mapping[str, str]) -> Iterator[Finding]:
    names = ("TERM", "COLORTERM", "TMUX", "SSH_CONNECTION", "NO_COLOR", "CODESPACE_NAME")
    is_set = [
        f"{name}={environ[name]}" if name in names[:2] else name
        for name in names
        if name in environ
    ]
    yield Finding("terminal", "ok", ", ".join(is_set) or "nothing known of it")
    yield Finding(
        "token variable", "ok", f"{VARIABLE} is {'' if environ.get(VARIABLE) else 'not '}set"
    )
    yield _checked("keyring", lambda: keyring_name() or "none that is safe to use here")


def _checked(name: str, look: Callable[[], str]) -> Finding:
    try:
        return Finding(name, "ok", look())
    except LabelpilotError as error:
        words = f"{error.message} {error.cause}".strip()
        return Finding(name, "wrong", words, error.next_step)


def _images(workspace: Workspace) -> str:
    manifest = finish(scan_images(workspace.images))
    return (
        f"{len(manifest.paths):,} in {manifest.folder} with {workspace.images.pattern}; "
        f"{manifest.left_out:,} other files, {manifest.subfolders:,} subfolders not looked into"
    )


def _config(workspace: Workspace) -> str:
    config = read_labeling_config(workspace.project.label_config)
    return f"{len(config.controls)} control tags, labels: {', '.join(config.labels[:8])}"


def _hooks(workspace: Workspace) -> Finding:
    file = workspace.learning.hooks
    if file.is_file():
        return Finding("hooks", "ok", f"{file}, run by {workspace.hooks_python}")
    return Finding(
        "hooks",
        "note",
        f"{file} does not exist; active learning needs it",
        "name yours as `hooks` under [learning] in labelpilot.toml",
    )
