"""What is set, what is wrong, and the fix for each: fit to paste into a bug report.

It looks and changes nothing (but that a look at a secret moves it to a keyring that has become
available, as everywhere). It never shows a secret, and neither the home folder's name nor a
person's whole e-mail address: what it says is meant for others.
"""

from __future__ import annotations

import importlib.metadata
import locale
import os
import platform
import re
import shutil
import stat
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from core.errors import ConfigurationError, LabelpilotError
from core.extras import install, install_extra
from core.labeling_config import read_labeling_config
from core.learning.inputs.sources import embeddings_from
from core.masking import fit_to_paste
from core.progress import finish
from core.secrets.credentials import VARIABLE, described_token, find_secret
from core.secrets.keyrings import keyring_name
from core.setup.checklist import Report, probe_steps
from core.setup.context import StepId, StepState
from core.setup.steps import STEPS
from core.studio.environment import document_root, trusted_origins
from core.studio.patches import closed_patches, how_to_fit
from core.studio.process import FIRST_PORT
from core.studio.server import installed_version, log_file
from core.tasks.kept_manifest import look_at_images
from core.words import count
from core.workspace.addresses import crosses_in_clear
from core.workspace.consents import SERVER_VARIABLE
from core.workspace.settings import Workspace, load_workspace

State = Literal["ok", "note", "wrong"]
_PACKAGES = ("labelpilot", "label-studio-sdk", "textual", "numpy", "annoy", "keyring")
# Of the environment: shown with their values, and only named.
_SHOWN = ("TERM", "COLORTERM", "LANG", "LC_ALL")
_NAMED = ("TMUX", "SSH_CONNECTION", "NO_COLOR", "CODESPACE_NAME", "DBUS_SESSION_BUS_ADDRESS")
_EMAIL = re.compile(r"([\w.+-])[\w.+-]*@(?!localhost\b)")
SETUP = "labelpilot setup"
_STEP_FIXES: dict[StepId, str] = {
    "server": "labelpilot server start",
    "images": "labelpilot sync",
    "labels": "labelpilot restore",
}
_STEP_STATES: dict[StepState, State] = {"done": "ok", "wrong": "wrong"}
# Below this, a database that grows, or a log, may fill the disk.
SPARE_BYTES = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. `fix` is a command or a sentence, empty where nothing is to be
    done."""

    name: str
    state: State
    detail: str
    fix: str = ""

    def as_json(self) -> dict[str, str]:
        return asdict(self)


def examine(root: Path) -> list[Finding]:
    """Look at this machine and at the workspace in `root`. Raises nothing."""
    findings = [finding for part in _OF_THE_MACHINE for finding in _guarded(part)]
    try:
        workspace = load_workspace(root)
    except ConfigurationError as error:
        findings.append(Finding("workspace", "wrong", error.message, error.next_step))
    else:
        for part in OF_A_WORKSPACE:
            findings += _guarded(part, workspace)
    return [_for_others(finding) for finding in findings]


def _guarded(part: Callable[..., Iterator[Finding]], *given: Workspace) -> Iterator[Finding]:
    """What `part` finds; where it fails, that is a finding too."""
    name = part.__name__.strip("_").replace("_", " ")
    try:
        yield from part(*given)
    except LabelpilotError as error:
        yield _failed(name, error)
    except Exception as error:  # a mistake of ours here must not hide what else is wrong
        yield Finding(name, "wrong", f"labelpilot could not look: {type(error).__name__}: {error}")


def _failed(name: str, error: LabelpilotError) -> Finding:
    return Finding(name, "wrong", error.in_short, error.next_step)


def _for_others(finding: Finding) -> Finding:
    detail, fix = (
        _EMAIL.sub(r"\1…@", " ".join(fit_to_paste(text).split()))
        for text in (finding.detail, finding.fix)
    )
    return Finding(finding.name, finding.state, detail, fix)


def _checked(name: str, describe: Callable[[], str]) -> Finding:
    try:
        return Finding(name, "ok", describe())
    except LabelpilotError as error:
        return _failed(name, error)


# This machine


def _versions() -> Iterator[Finding]:
    yield Finding("python", "ok", f"{platform.python_version()} at {sys.executable}")
    yield Finding("system", "ok", platform.platform())
    for package in _PACKAGES:
        try:
            yield Finding(package, "ok", importlib.metadata.version(package))
        except importlib.metadata.PackageNotFoundError:
            yield Finding(package, "note", "not installed", install(package))
    if version := installed_version():
        yield Finding("label-studio", "ok", version)
    else:
        detail = "not installed here; needed only for a server of labelpilot's own"
        yield Finding("label-studio", "note", detail, install_extra("studio"))


def _surroundings() -> Iterator[Finding]:
    environ = os.environ
    shown = [f"{name}={environ[name]}" for name in _SHOWN if name in environ]
    shown += [name for name in _NAMED if name in environ]
    detail = ", ".join(shown) or "nothing known of it"
    if environ.get("TERM") == "dumb":
        fix = "use the commands (`labelpilot --help`); the app needs a terminal with colours"
        yield Finding("terminal", "note", detail, fix)
    else:
        yield Finding("terminal", "ok", detail)
    encoding = locale.getpreferredencoding(False)
    if encoding.replace("-", "").lower() != "utf8":
        yield Finding("text encoding", "wrong", encoding, "export LANG=C.UTF-8")
    if environ.get("CODESPACE_NAME"):
        origins = trusted_origins(FIRST_PORT, environ)[2:]
        yield Finding("forwarded port", "ok", f"people may sign in from {', '.join(origins)}")
    used = (VARIABLE, SERVER_VARIABLE)
    unused = sorted(n for n in environ if n.startswith("LABEL_STUDIO_") and n not in used)
    if unused:
        detail = f"{', '.join(unused)}: set here, and not passed on to labelpilot's own server"
        yield Finding("Label Studio's variables", "note", detail)


def _keyring() -> Iterator[Finding]:
    yield Finding("token variable", "ok", f"{VARIABLE} is {_set(os.environ.get(VARIABLE))}")
    try:
        name = keyring_name()
    except LabelpilotError as error:
        yield _failed("system keyring", error)
        return
    if name is not None:
        yield Finding("system keyring", "ok", name)
        return
    detail = "none that asks in a window of its own; labelpilot's own server needs none"
    fix = "for another server's token, `labelpilot token set` names the choices"
    yield Finding("system keyring", "note", detail, fix)


def _set(value: str | None) -> str:
    return "set" if value and value.strip() else "not set"


# The workspace


def _workspace(workspace: Workspace) -> Iterator[Finding]:
    yield Finding("workspace", "ok", str(workspace.file))
    url = workspace.studio.url
    if url is not None and crosses_in_clear(url):
        detail = f"the token crosses the network to {url} without encryption, as the workspace says"
        yield Finding("encryption", "note", detail, "use the server's https:// address")
    free = shutil.disk_usage(workspace.root).free
    if free < SPARE_BYTES:
        yield Finding("disk", "wrong", f"{free / 1e6:,.0f} MB are free", "make room")


def _files(workspace: Workspace) -> Iterator[Finding]:
    yield _checked("images", lambda: _images(workspace))
    yield _checked("labeling config", lambda: _config(workspace))
    hooks, python = workspace.learning.hooks, workspace.hooks_python
    if not os.path.isfile(hooks):
        source = embeddings_from(workspace)
        stands_in = {"file": "a file gives embeddings", "network": "a network gives embeddings"}
        detail = f"{hooks} does not exist; " + stands_in.get(
            source or "", "nothing gives embeddings, which active learning needs"
        )
        fix = "labelpilot hooks, or name yours as `hooks` under [learning] in labelpilot.toml"
        yield Finding(
            "hooks", "note", detail, fix if source else f"{install_extra('embed')}; or {fix}"
        )
    elif shutil.which(python) is None:
        fix = "fix `python` under [learning] in labelpilot.toml"
        yield Finding("hooks", "wrong", f"{python}, which is to run {hooks}, is no program", fix)
    else:
        yield Finding("hooks", "ok", f"{hooks}, run by {python}")


def _images(workspace: Workspace) -> str:
    if workspace.images.bucket is not None:
        return f"in {workspace.images.url}, where only Label Studio looks"
    manifest = finish(look_at_images(workspace))
    return (
        f"{manifest.count:,} in {manifest.folder} with {workspace.images.pattern}; "
        f"{count(manifest.left_out, 'other file')}, "
        f"{count(manifest.subfolders, 'subfolder')} not looked into"
    )


def _config(workspace: Workspace) -> str:
    config = read_labeling_config(workspace.project.label_config)
    return f"{count(len(config.controls), 'control tag')}, labels: {', '.join(config.labels[:8])}"


def _own_server(workspace: Workspace) -> Iterator[Finding]:
    if not workspace.owns_server:
        return
    try:
        root = document_root(workspace)
    except ConfigurationError as error:
        yield _failed("served folder", error)
    else:
        if workspace.state.folder.is_relative_to(root):
            detail = f"{root}; labelpilot's own folder, with the server's database, lies in it"
            fix = "put images and annotations into one folder, such as data/"
            yield Finding("served folder", "note", detail, fix)
        else:
            yield Finding("served folder", "ok", str(root))
    if log_file(workspace).exists():
        yield Finding("server log", "ok", str(log_file(workspace)))
    for closed in closed_patches(workspace):
        yield Finding(f"patch {closed.name}", "wrong", closed.without, how_to_fit())
    yield from _private(workspace)


def _private(workspace: Workspace) -> Iterator[Finding]:
    folder = workspace.state.server
    if not os.path.isdir(folder):
        return
    if stat.S_IMODE(folder.stat().st_mode) & 0o077:
        detail = f"others on this machine can read {folder}, with its database and secrets"
        yield Finding("private files", "wrong", detail, f"chmod -R go= {folder}")
    else:
        yield Finding("private files", "ok", f"{folder} is its owner's alone")


def _token(workspace: Workspace) -> Iterator[Finding]:
    try:
        token = find_secret(workspace, "token")
    except LabelpilotError as error:
        yield _failed("token", error)
        return
    if token is None:
        fix = SETUP if workspace.owns_server else "labelpilot token set"
        yield Finding("token", "note", "none stored", fix)
    else:
        yield Finding("token", "ok", described_token(token))


def _steps(workspace: Workspace) -> Iterator[Finding]:
    titles = {step.id: step.title.lower() for step in STEPS}
    # Of each step the last report, without those on the way to it.
    for report in {one.id: one for one in probe_steps(workspace)}.values():
        state = _STEP_STATES.get(report.state, "note")
        detail = report.detail if state != "note" else f"{report.state}: {report.detail}"
        yield Finding(f"set-up: {titles[report.id]}", state, detail, _fix(workspace, report))


def _fix(workspace: Workspace, report: Report) -> str:
    """What to do about a step."""
    if report.state in ("done", "waiting"):
        return "labelpilot tidy" if "without their image" in report.detail else ""
    if report.id == "server" and not workspace.owns_server:
        return "start it where it runs, or fix `url` under [studio] in labelpilot.toml"
    if report.id in ("account", "token"):
        return _token_fix(workspace)
    return _STEP_FIXES.get(report.id, SETUP)


def _token_fix(workspace: Workspace) -> str:
    own = workspace.owns_server
    try:
        token = find_secret(workspace, "token")
    except LabelpilotError as error:
        return error.next_step
    if token is None or token.source != "environment":
        return SETUP if own else "labelpilot token set"
    if own:
        return f"unset {VARIABLE}: labelpilot makes a token for its own server"
    return f"have {VARIABLE} hold a token that this server takes, or unset it"


_OF_THE_MACHINE: tuple[Callable[[], Iterator[Finding]], ...] = (
    _versions,
    _surroundings,
    _keyring,
)
OF_A_WORKSPACE: tuple[Callable[[Workspace], Iterator[Finding]], ...] = (
    _workspace,
    _files,
    _own_server,
    _token,
    _steps,
)
