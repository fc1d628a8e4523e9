"""The mode is read off what is there, and asking for the other one is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from core.errors import ConfigurationError
from core.studio.models import Storage
from core.tasks.modes import Held, choose_mode, refuse_rivals
from core.tasks.options import Mode
from core.tasks.proof import Proof
from core.workspace.settings import Images, Studio, Workspace

OURS = Workspace(Path("/work"))
THEIRS = Workspace(Path("/work"), Studio("https://studio.example.org"))
ALL = Proof(2, 2, (), 0, 0, 2, 0)
SOME = replace(ALL, present=1, missing=("b.png",), own_tasks=1)


@pytest.mark.parametrize(
    ("workspace", "held", "asked", "chosen"),
    [
        (OURS, "none", None, "bulk"),
        (THEIRS, "none", None, "native"),
        (OURS, "none", "native", "native"),
        (THEIRS, "none", "bulk", "bulk"),
        (OURS, "native", None, "native"),
        (THEIRS, "bulk", None, "bulk"),
        (OURS, "native", "native", "native"),
        (OURS, "mixed", "bulk", "bulk"),
    ],
)
def test_the_mode_is_the_projects(
    workspace: Workspace, held: Held, asked: Mode | None, chosen: Mode
) -> None:
    assert choose_mode(workspace, held, asked, SOME) == chosen


@pytest.mark.parametrize(("held", "asked"), [("bulk", "native"), ("native", "bulk")])
def test_the_other_mode_is_refused_with_its_reason(held: Held, asked: Mode) -> None:
    with pytest.raises(ConfigurationError) as refused:
        choose_mode(OURS, held, asked, SOME)
    assert "second time" in refused.value.cause


def test_a_mixed_project_with_nothing_missing_needs_no_answer() -> None:
    assert choose_mode(OURS, "mixed", None, ALL) == "bulk"
    with pytest.raises(ConfigurationError, match="two ways"):
        choose_mode(OURS, "mixed", None, SOME)


def storage(number: int, path: str, *, recursive: bool = False, syncs: bool = True) -> Storage:
    return Storage(number, "localfiles", "other", path, "", recursive, True, syncs, "", 0, "")


@pytest.mark.parametrize(
    ("other", "images_recursive", "rival"),
    [
        (storage(2, "/data/images"), False, True),
        (storage(2, "/data/images", syncs=False), False, False),
        (storage(2, "/data"), False, False),
        (storage(2, "/data", recursive=True), False, True),
        (storage(2, "/data/images/sub"), False, False),
        (storage(2, "/data/images/sub"), True, True),
        (storage(2, "/data/images2"), True, False),
        (replace(storage(2, "data/images"), type="s3"), False, False),
    ],
)
def test_a_storage_that_would_make_the_same_tasks_is_a_rival(
    other: Storage, images_recursive: bool, rival: bool
) -> None:
    images = Images(Path("/data/images"), ".*", images_recursive)
    ours = storage(1, "/data/images")
    if rival:
        with pytest.raises(ConfigurationError, match="number 2"):
            refuse_rivals(images, ours, [ours, other])
    else:
        refuse_rivals(images, ours, [ours, other])
