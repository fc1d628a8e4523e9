"""Which click a page needs on a server whose label stream is as Label Studio made it."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.labeling.fallback import ALL_TASKS, AS_DISPLAYED, SHARED, SHARES, apart, clicks
from core.studio.client import StudioClient
from core.studio.models import RemoteProject
from core.studio.project import OpenProject
from core.workspace.settings import Studio, Workspace

ELSEWHERE = "http://127.0.0.1:1"


def opened(sampling: str, url: str | None = ELSEWHERE) -> OpenProject:
    remote = RemoteProject(1, "A title", "", sampling, "", 0)
    workspace = Workspace(Path("/nowhere"), studio=Studio(url))
    return OpenProject(workspace, StudioClient(ELSEWHERE, "a token"), remote)


@pytest.mark.parametrize(
    ("sampling", "before_a_round"),
    [
        ("Uniform sampling", (ALL_TASKS,)),
        ("Uncertainty sampling", (ALL_TASKS,)),
        ("Sequential sampling", ()),
    ],
)
def test_on_another_server_a_page_needs_the_button_that_keeps_its_order(
    sampling: str, before_a_round: tuple[str, ...]
) -> None:
    project = opened(sampling)
    assert clicks(project, tab=True) == (AS_DISPLAYED,)
    assert clicks(project, tab=False) == before_a_round
    assert apart(project, shared=False) == (SHARES,)
    assert apart(project, shared=True) == (SHARED,)


def test_on_our_own_nothing_is_needed() -> None:
    project = opened("Uniform sampling", url=None)
    assert clicks(project, tab=True) == clicks(project, tab=False) == ()
    assert apart(project, shared=False) == ()
