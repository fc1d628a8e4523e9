"""What both faces ask of core: each thing that the app or a command does is one method here.

Nothing of core is imported before a method is called: the first paint waits for nothing, and a
command loads only what it needs. A test hands the app a subclass that answers otherwise. No method
knows a screen or a terminal.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from core.dataset.export import ExportResult
    from core.dataset.options import FormatName, Origin, Rule
    from core.dataset.report.report import HealthReport
    from core.dataset.split import Split
    from core.learning.comparison import Curves
    from core.learning.ledger import RoundOutcome, RoundRecord
    from core.learning.options import RoundOptions
    from core.learning.planning import RoundPlan
    from core.learning.publishing import RoundResult
    from core.learning.suspects import Suspect
    from core.progress import Work
    from core.secrets.credentials import Secret, Source
    from core.setup.checklist import Report, SetupResult
    from core.setup.context import Step, StepId
    from core.setup.demo import DemoResult
    from core.setup.doctor import Finding
    from core.studio.server import ServerStatus
    from core.studio.tokens import Forgotten
    from core.tasks.duplicates import RepairPlan, RepairResult
    from core.tasks.options import Mode
    from core.tasks.proof import SyncResult
    from core.workspace.settings import Workspace


class Backend:
    """The services of core, each loaded when it is called; the app calls them from threads."""

    # The workspace and its set-up

    def load(self, root: Path) -> Workspace:
        from core.workspace.settings import load_workspace

        return load_workspace(root)

    def save(self, root: Path, changes: dict[str, dict[str, Any]]) -> Workspace:
        from core.workspace.settings import save_workspace

        return save_workspace(root, changes)

    def examine(self, root: Path) -> list[Finding]:
        from core.setup.doctor import examine

        return examine(root)

    def steps(self) -> tuple[Step, ...]:
        from core.setup.steps import STEPS

        return STEPS

    def probe(self, workspace: Workspace) -> Iterator[Report]:
        from core.setup.checklist import probe_steps

        return probe_steps(workspace)

    def apply(self, workspace: Workspace, step_id: StepId) -> Work[Report]:
        from core.setup.checklist import apply_step

        return apply_step(workspace, step_id)

    def set_up(self, workspace: Workspace, skip: Iterable[StepId] = ()) -> Work[SetupResult]:
        from core.setup.checklist import set_up

        return set_up(workspace, skip)

    def make_demo(self, folder: Path | None) -> Work[Workspace]:
        """An example workspace, in `folder` or where examples go."""
        from pathlib import Path

        from core.setup.demo import FOLDER, make_demo

        return make_demo(folder or Path(FOLDER))

    def walk_demo(self, workspace: Workspace) -> Work[DemoResult]:
        from core.setup.demo import walk_demo

        return walk_demo(workspace)

    # The server, and who signs in to it

    def status(self, workspace: Workspace) -> ServerStatus:
        from core.studio.server import server_status

        return server_status(workspace)

    def start_server(self, workspace: Workspace) -> Work[ServerStatus]:
        from core.studio.starting import start_server

        return start_server(workspace)

    def stop_server(self, workspace: Workspace) -> Work[bool]:
        from core.progress import Progress
        from core.studio.server import stop_server

        yield Progress("stop the server")
        return stop_server(workspace)

    def log_tail(self, workspace: Workspace, lines: int) -> tuple[Path, list[str]]:
        """The server's log, and its last lines without secrets."""
        from core.studio.server import log_file, log_tail

        log = log_file(workspace)
        return log, log_tail(log, size=lines * 2000)[-lines:]

    def sign_in(self, workspace: Workspace) -> tuple[str, str] | None:
        from core.studio.account import sign_in_with

        return sign_in_with(workspace)

    def reset_password(self, workspace: Workspace) -> Work[Source]:
        from core.studio.account import reset_password

        return reset_password(workspace)

    # The token

    def find_token(self, workspace: Workspace) -> Secret | None:
        from core.secrets.credentials import find_secret

        return find_secret(workspace, "token")

    def token_source(self, workspace: Workspace) -> Source | None:
        """Where the token comes from; None where there is none, or it cannot be read now."""
        from core.errors import LabelpilotError

        with contextlib.suppress(LabelpilotError):
            found = self.find_token(workspace)
            return None if found is None else found.source
        return None

    def store_token(self, workspace: Workspace, token: str) -> Work[Source]:
        from core.studio.tokens import store_tried_token

        return store_tried_token(workspace, token)

    def rotate_token(self, workspace: Workspace) -> Source:
        from core.studio.tokens import rotate_token

        return rotate_token(workspace)

    def forget_token(self, workspace: Workspace) -> Forgotten:
        from core.studio.tokens import forget_token

        return forget_token(workspace)

    def needs_choice(self, workspace: Workspace) -> bool:
        from core.secrets.credentials import needs_choice

        return needs_choice(workspace)

    def agree_to_file(self, workspace: Workspace) -> Path:
        from core.secrets.credentials import agree_to_file

        return agree_to_file(workspace)

    def why_not_start(self) -> str:
        from core.secrets.keyrings import why_not_start

        return why_not_start()

    def is_new_keyring(self) -> bool:
        from core.secrets.keyrings import is_new_keyring

        return is_new_keyring()

    def start_keyring(self, password: str) -> None:
        from core.secrets.keyrings import start_keyring

        start_keyring(password)

    # Images to tasks

    def sync(self, workspace: Workspace, mode: Mode | None = None) -> Work[SyncResult]:
        from core.studio.project import open_project
        from core.tasks.sync import find_images, sync_images

        manifest = yield from find_images(workspace)
        with open_project(workspace) as opened:
            return (yield from sync_images(opened, manifest, mode))

    def plan_repair(self, workspace: Workspace) -> Work[RepairPlan]:
        from core.studio.project import open_project
        from core.tasks.duplicates import plan_repair

        with open_project(workspace) as opened:
            return (yield from plan_repair(opened))

    def repair(self, workspace: Workspace, plan: RepairPlan) -> Work[RepairResult]:
        from core.studio.project import open_project
        from core.tasks.duplicates import repair_project

        with open_project(workspace) as opened:
            return (yield from repair_project(opened, plan))

    # Tasks to annotations

    def label_page(self, workspace: Workspace) -> Work[str]:
        from core.labeling.stream import label_stream
        from core.progress import Progress
        from core.studio.project import open_project

        yield Progress("link")
        with open_project(workspace) as opened:
            return label_stream(opened)

    # Annotations to dataset

    def preview(self, workspace: Workspace, rule: Rule = "latest") -> Work[ExportResult]:
        from core.dataset.export import preview_dataset

        return preview_dataset(workspace, rule=rule)

    def export(
        self,
        workspace: Workspace,
        rule: Rule = "latest",
        origin: Origin = "storage",
        *,
        out: Path | None = None,
        format: FormatName = "json",
        split: Split | None = None,
        rewrite: bool = False,
    ) -> Work[ExportResult]:
        from core.dataset.export import export_dataset

        return export_dataset(
            workspace, origin, out=out, format=format, rule=rule, split=split, rewrite=rewrite
        )

    def rewrite(self, workspace: Workspace) -> Work[None]:
        from core.dataset.target_sync import rewrite_folder
        from core.studio.project import open_project

        with open_project(workspace) as opened:
            yield from rewrite_folder(opened)

    def report(
        self,
        workspace: Workspace,
        rule: Rule = "latest",
        page: Path | None = None,
        origin: Origin = "storage",
    ) -> Work[HealthReport]:
        """The health report, written to `page` where one is named."""
        from core.dataset.report.report import make_report
        from core.dataset.report.write import write_report

        if page is None:
            return make_report(workspace, origin, rule=rule)
        return write_report(workspace, page, origin, rule=rule)

    # Dataset and model to an order

    def plan(self, workspace: Workspace, options: RoundOptions) -> Work[RoundPlan]:
        from core.learning.planning import plan_round
        from core.studio.project import open_project

        with open_project(workspace) as opened:
            return (yield from plan_round(opened, options))

    def publish(self, workspace: Workspace, plan: RoundPlan) -> Work[RoundResult]:
        from core.learning.publishing import publish_round
        from core.studio.project import open_project

        with open_project(workspace) as opened:
            return (yield from publish_round(opened, plan))

    def run_round(
        self, workspace: Workspace, options: RoundOptions
    ) -> Work[tuple[RoundPlan, RoundResult]]:
        """Plan a round and publish it at once."""
        from core.learning.planning import plan_round
        from core.learning.publishing import publish_round
        from core.studio.project import open_project

        with open_project(workspace) as opened:
            plan = yield from plan_round(opened, options)
            return plan, (yield from publish_round(opened, plan))

    def versions(self, workspace: Workspace) -> Work[dict[str, int]]:
        """Model version -> number of its scores."""
        from core.learning.publishing import published_versions
        from core.progress import Progress
        from core.studio.project import open_project

        yield Progress("model versions")
        with open_project(workspace) as opened:
            return published_versions(opened)

    def remove_version(self, workspace: Workspace, model_version: str) -> Work[int]:
        from core.learning.publishing import remove_version
        from core.studio.project import open_project

        with open_project(workspace) as opened:
            return (yield from remove_version(opened, model_version))

    def history(self, workspace: Workspace) -> tuple[list[RoundRecord], list[RoundOutcome]]:
        """The rounds that were published, and what came of them."""
        from core.learning.ledger import history

        return history(workspace)

    def write_hooks(self, workspace: Workspace) -> None:
        from core.learning.hooks.templates import write_hooks_file

        write_hooks_file(workspace)

    def replay(self, workspace: Workspace) -> Work[Curves]:
        from core.learning.retrospect import replay_workspace

        return replay_workspace(workspace)

    def replay_files(self, embeddings: Path, labels: Path) -> Work[Curves]:
        from core.learning.retrospect import replay_files

        return replay_files(embeddings, labels)

    def suspects(self, workspace: Workspace) -> Work[list[Suspect]]:
        from core.learning.retrospect import suspect_labels

        return suspect_labels(workspace)
