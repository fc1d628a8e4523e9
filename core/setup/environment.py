"""What a workspace is, as variables for programs that its user runs beside labelpilot."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping

from core.errors import ConfigurationError, StudioUnreachable
from core.secrets.credentials import VARIABLE, find_secret
from core.studio.identity import known_project
from core.studio.server import server_url
from core.workspace.consents import SERVER_VARIABLE
from core.workspace.settings import Workspace

# What each variable holds, as the help says it.
VARIABLES: Mapping[str, str] = {
    "LABELPILOT_WORKSPACE": "the folder that `labelpilot.toml` is in",
    "LABELPILOT_IMAGES": "the image folder, or the bucket",
    "LABELPILOT_ANNOTATIONS": "the folder of annotations",
    "LABELPILOT_DATASET": "`dataset.json`",
    "LABELPILOT_TITLE": "the project's title",
    "LABELPILOT_PROJECT": "the project's number in Label Studio; not set before there is one",
    "LABELPILOT_URL": "Label Studio's address; not set while ours does not run",
}


def workspace_environment(workspace: Workspace, *, with_token: bool = False) -> dict[str, str]:
    """Our environment, the variables of `VARIABLES`, and the token only where it is asked for.

    Raises ConfigurationError where the token is asked for and there is none.
    """
    values = [
        workspace.root,
        workspace.images.place,
        workspace.annotations.path,
        workspace.annotations.dataset,
        workspace.project.title,
    ]
    given = dict(zip(VARIABLES, map(str, values), strict=False))
    known = known_project(workspace)
    if known is not None:
        given["LABELPILOT_PROJECT"] = str(known.id)
    with contextlib.suppress(StudioUnreachable):
        given["LABELPILOT_URL"] = server_url(workspace)
    own = {name: value for name, value in os.environ.items() if name != VARIABLE}
    if with_token:
        token = find_secret(workspace, "token")
        if token is None:
            raise ConfigurationError(
                "There is no token to hand on.", next_step="Store one: `labelpilot token set`."
            )
        given[VARIABLE] = token.value
        given[SERVER_VARIABLE] = given.get("LABELPILOT_URL", "")
    return own | given
