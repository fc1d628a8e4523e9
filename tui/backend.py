"""What the app asks of core, as one set of functions, so that a test can give it others.

Nothing of core that opens connections or reads keyrings is imported before it is called: the first
paint waits for nothing. No function here knows the screen.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.progress import Progress, Work

if TYPE_CHECKING:
    from core.dataset.export import ExportResult
    from core.dataset.options import Rule
    from core.dataset.report.report import Report as HealthReport
    from core.learning.ledger import Outcome, Record
    from core.learning.planning import RoundPlan
    from core.learning.publishing import RoundResult
    from core.learning.replay import Curves
    from core.learning.retrospect import SuspectLabel
    from core.setup.checklist import Report
    from core.setup.context import Step, StepId
    from core.studio.server import ServerStatus
    from core.tasks.duplicates import RepairPlan, RepairResult
    from core.tasks.sync import SyncResult
    from core.workspace.settings import Workspace


@dataclass(frozen=True, slots=True)
class RoundSettings:
    """What is asked of a round of active learning. `fresh` runs the hooks whatever they gave."""

    model_version: str
    order: str = "nearest-loss"
    claim: str = "highest"
    neighbours: int | None = None
    worst: int | None = None
    random_share: float = 0.0
    fresh: bool = False

    @property
    def command(self) -> str:
        """The command line's twin."""
        words = ["labelpilot active-learning --model-version", _quoted(self.model_version)]
        if self.order != "nearest-loss":
            words += ["--order", self.order]
        if self.claim != "highest":
            words += ["--claim", self.claim]
        if self.neighbours is not None:
            words += ["-k", str(self.neighbours)]
        if self.worst is not None:
            words += ["--worst", str(self.worst)]
        if self.random_share:
            words += ["--random-share", f"{self.random_share:g}"]
        if self.fresh:
            words += ["--fresh"]
        return " ".join(words)


def _quoted(text: str) -> str:
    import shlex

    return shlex.quote(text)


def _load(root: Path) -> Workspace:
    from core.workspace.settings import load_workspace

    return load_workspace(root)


def _save(root: Path, changes: dict[str, dict[str, Any]]) -> Workspace:
    from core.workspace.settings import save_workspace

    return save_workspace(root, changes)


def _steps() -> tuple[Step, ...]:
    from core.setup.steps import STEPS

    return STEPS


def _probe(workspace: Workspace) -> Iterator[Report]:
    from core.setup.checklist import probe_steps

    return probe_steps(workspace)


def _apply(workspace: Workspace, step_id: StepId) -> Work[Report]:
    from core.setup.checklist import apply_step

    return apply_step(workspace, step_id)


def _set_up(workspace: Workspace) -> Work[Any]:
    from core.setup.checklist import set_up

    return set_up(workspace)


def _status(workspace: Workspace) -> ServerStatus:
    from core.studio.server import server_status

    return server_status(workspace)


def _stop_server(workspace: Workspace) -> Work[bool]:
    from core.studio.server import stop_server

    yield Progress("stop the server")
    return stop_server(workspace)


def _token_source(workspace: Workspace) -> str | None:
    from core.errors import LabelpilotError
    from core.secrets.credentials import find_secret

    with contextlib.suppress(LabelpilotError):
        secret = find_secret(workspace, "token")
        return None if secret is None else secret.source
    return None


def _needs_choice(workspace: Workspace) -> bool:
    from core.secrets.credentials import needs_choice

    return needs_choice(workspace)


def _why_not_start() -> str:
    from core.secrets.keyrings import why_not_start

    return why_not_start()


def _is_new_keyring() -> bool:
    from core.secrets.keyrings import is_new_keyring

    return is_new_keyring()


def _start_keyring(password: str) -> None:
    from core.secrets.keyrings import start_keyring

    start_keyring(password)


def _agree_to_file(workspace: Workspace) -> Path:
    from core.secrets.credentials import agree_to_file

    return agree_to_file(workspace)


def _store_token(workspace: Workspace, token: str) -> Work[str]:
    """Try the token first: one that is refused is not stored."""
    from core.secrets.credentials import clean_token, store_secret
    from core.studio.client import StudioClient
    from core.studio.server import server_url

    yield Progress("token")
    token = clean_token(token)
    with contextlib.closing(StudioClient(server_url(workspace), token)) as client:
        client.whoami()
    yield Progress("token")
    return store_secret(workspace, "token", token)


def _sync(workspace: Workspace) -> Work[SyncResult]:
    from core.tasks.sync import sync_images

    return sync_images(workspace)


def _plan_repair(workspace: Workspace) -> Work[RepairPlan]:
    from core.tasks.duplicates import plan_repair

    return plan_repair(workspace)


def _repair(workspace: Workspace, plan: RepairPlan) -> Work[RepairResult]:
    from core.tasks.duplicates import repair_project

    return repair_project(workspace, plan)


def _preview(workspace: Workspace, rule: Rule) -> Work[ExportResult]:
    from core.dataset.source import preview_from

    return preview_from(workspace, rule=rule)


def _rewrite(workspace: Workspace) -> Work[None]:
    from core.dataset.target_sync import rewrite_folder

    return rewrite_folder(workspace)


def _export(workspace: Workspace, rule: Rule) -> Work[ExportResult]:
    from core.dataset.source import export_from

    return export_from(workspace, rule=rule)


def _report(workspace: Workspace, rule: Rule, page: Path) -> Work[HealthReport]:
    from core.dataset.report.write import write_report
    from core.dataset.source import report_from

    workspace.make_folder()
    found = yield from report_from(workspace, rule=rule)
    write_report(found, page)
    return found


def _plan(workspace: Workspace, asked: RoundSettings) -> Work[RoundPlan]:
    from core.learning.planning import plan_round

    return plan_round(
        workspace,
        asked.model_version,
        order=asked.order,
        claim=asked.claim,
        neighbours=asked.neighbours,
        worst=asked.worst,
        random_share=asked.random_share,
        fresh=asked.fresh,
    )


def _publish(workspace: Workspace, plan: RoundPlan) -> Work[RoundResult]:
    from core.learning.publishing import publish_round

    return publish_round(workspace, plan)


def _versions(workspace: Workspace) -> Work[dict[str, int]]:
    from core.learning.publishing import published_versions

    yield Progress("model versions")
    return published_versions(workspace)


def _remove_version(workspace: Workspace, model_version: str) -> Work[int]:
    from core.learning.publishing import remove_version

    return remove_version(workspace, model_version)


def _history(workspace: Workspace) -> tuple[list[Record], list[Outcome]]:
    from core.learning.ledger import load_records, outcomes

    records = load_records(workspace)
    return records, outcomes(records)


def _write_hooks(workspace: Workspace) -> None:
    from core.learning.hooks.templates import write_starter

    write_starter(workspace)


def _replay(workspace: Workspace) -> Work[Curves]:
    from core.learning.retrospect import replay_workspace

    return replay_workspace(workspace)


def _suspects(workspace: Workspace) -> Work[list[SuspectLabel]]:
    from core.learning.retrospect import suspect_labels

    return suspect_labels(workspace)


def _label_page(workspace: Workspace) -> Work[str]:
    from core.studio.project import label_stream

    yield Progress("link")
    return label_stream(workspace)


def _sign_in(workspace: Workspace) -> tuple[str, str] | None:
    from core.studio.account import sign_in_with

    return sign_in_with(workspace)


@dataclass(frozen=True, slots=True)
class Backend:
    """The functions of core that the screens call, from threads."""

    load: Callable[[Path], Workspace] = _load
    save: Callable[[Path, dict[str, dict[str, Any]]], Workspace] = _save
    steps: Callable[[], tuple[Step, ...]] = _steps
    probe: Callable[[Workspace], Iterator[Report]] = _probe
    apply: Callable[[Workspace, StepId], Work[Report]] = _apply
    set_up: Callable[[Workspace], Work[Any]] = _set_up
    status: Callable[[Workspace], ServerStatus] = _status
    stop_server: Callable[[Workspace], Work[bool]] = _stop_server
    token_source: Callable[[Workspace], str | None] = _token_source
    needs_choice: Callable[[Workspace], bool] = _needs_choice
    why_not_start: Callable[[], str] = _why_not_start
    is_new_keyring: Callable[[], bool] = _is_new_keyring
    start_keyring: Callable[[str], None] = _start_keyring
    agree_to_file: Callable[[Workspace], Path] = _agree_to_file
    store_token: Callable[[Workspace, str], Work[str]] = _store_token
    sync: Callable[[Workspace], Work[SyncResult]] = _sync
    plan_repair: Callable[[Workspace], Work[RepairPlan]] = _plan_repair
    repair: Callable[[Workspace, RepairPlan], Work[RepairResult]] = _repair
    preview: Callable[[Workspace, Rule], Work[ExportResult]] = _preview
    export: Callable[[Workspace, Rule], Work[ExportResult]] = _export
    rewrite: Callable[[Workspace], Work[None]] = _rewrite
    report: Callable[[Workspace, Rule, Path], Work[HealthReport]] = _report
    plan: Callable[[Workspace, RoundSettings], Work[RoundPlan]] = _plan
    publish: Callable[[Workspace, RoundPlan], Work[RoundResult]] = _publish
    versions: Callable[[Workspace], Work[dict[str, int]]] = _versions
    remove_version: Callable[[Workspace, str], Work[int]] = _remove_version
    history: Callable[[Workspace], tuple[list[Record], list[Outcome]]] = _history
    write_hooks: Callable[[Workspace], None] = _write_hooks
    replay: Callable[[Workspace], Work[Curves]] = _replay
    suspects: Callable[[Workspace], Work[list[SuspectLabel]]] = _suspects
    label_page: Callable[[Workspace], Work[str]] = _label_page
    sign_in: Callable[[Workspace], tuple[str, str] | None] = _sign_in
