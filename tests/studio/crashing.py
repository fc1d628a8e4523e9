"""labelpilot with mistakes of our own in it: its sync and the app's help fail with the token at
hand, and name it.

    python -m tests.studio.crashing [COMMAND]
"""

from __future__ import annotations

from core.progress import Progress, Work
from core.secrets.credentials import find_secret
from core.studio.project import OpenProject
from core.tasks import sync
from core.tasks.manifest import Manifest
from core.tasks.options import Mode
from core.workspace.settings import Workspace
from tui.app import LabelpilotApp
from tui.cli import main


def fail(workspace: Workspace | None) -> None:
    assert workspace is not None
    token = find_secret(workspace, "token")
    assert token is not None
    headers = {"Authorization": f"Token {token.value}"}
    raise ZeroDivisionError(f"a mistake with {headers}")


def crashing_sync(
    opened: OpenProject, manifest: Manifest | None, mode: Mode | None = None
) -> Work[None]:
    yield Progress("look")
    fail(opened.workspace)


def crashing_help(app: LabelpilotApp) -> None:
    fail(app.state.workspace)


if __name__ == "__main__":
    sync.sync_images = crashing_sync  # type: ignore[assignment]
    LabelpilotApp.action_help = crashing_help  # type: ignore[method-assign]
    main()
