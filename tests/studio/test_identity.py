"""Which project is a workspace's: neither a title nor a clock decides it, and one set-up at a time
makes it."""

from __future__ import annotations

import json
import shutil

import pytest

from core.errors import ConfigurationError
from core.studio.client import StudioClient
from core.studio.project import find_project
from core.workspace.locks import Busy
from tests.studio.places import CONFIG, Place
from tests.studio.stock import Stock


def other(place: Place) -> Place:
    """Somebody else's workspace, with other images and a project of the same title."""
    root = place.root.with_name(f"{place.root.name}-other")
    theirs = Place(root, place.url, place.token, place.title).make(2)
    (root / "config.xml").write_text(CONFIG.replace("dog", "horse"))
    return theirs


def test_a_project_of_the_same_title_is_not_taken_over_but_by_its_number(place: Place) -> None:
    theirs = other(place)
    assert set(theirs.states().values()) == {"done"}
    number = theirs.project_id
    before = theirs.client.project(number)
    with pytest.raises(ConfigurationError, match="not known to be this workspace's") as refused:
        place.set_up()
    assert f"`id = {number}` under [project]" in refused.value.next_step
    assert theirs.client.project(number) == before
    assert len(theirs.client.source_storages(number)) == 1

    place.write(project=f"id = {number}\n")
    steps = {step.id: step for step in place.set_up().steps}
    assert steps["labeling-config"].state == "part"
    assert '-    <Choice value="horse"/>' in steps["labeling-config"].diff.splitlines()
    assert theirs.client.project(number).label_config == before.label_config
    assert steps["images"].state == "done", "what else there is to do is done"
    place.set_up(replace_config=True)
    assert theirs.client.project(number).label_config == CONFIG.strip()
    shutil.rmtree(theirs.root)


def test_a_project_that_is_renamed_stays_the_workspaces_and_another_title_asks_for_another(
    place: Place,
) -> None:
    number = place.set_up().project_id
    assert number is not None
    place.client.update_project(number, {"title": "Called otherwise"})
    again = place.set_up()
    assert again.project_id == number
    told = next(step.detail for step in again.steps if step.id == "project")
    assert told.endswith(f"renamed: labelpilot.toml calls it {place.title!r}")
    place.title = f"{place.title} anew"
    place.write()
    assert place.set_up().project_id not in (None, number)


def test_a_project_is_found_whatever_is_kept_of_it(place: Place) -> None:
    number = place.set_up().project_id
    file = place.root / ".labelpilot" / "project.json"
    file.unlink()
    place.title = f"  {place.title} "
    place.write()
    assert place.set_up().project_id == number, "spaces around a title make no second project"
    kept = json.loads(file.read_text())[place.url]
    for broken in ("[broken", json.dumps({place.url: {**kept, "id": "1/../../user/logout"}})):
        file.write_text(broken)
        assert place.project_id == number
    # As where the server was replaced by another, which has a project of that number.
    file.write_text(json.dumps({place.url: {**kept, "created": "2020-01-01T00:00:00Z"}}))
    place.client.update_project(number or 0, {"title": "Somebody else's"})
    assert find_project(place.client, place.workspace) is None


def test_a_config_that_only_grew_is_replaced_and_one_that_somebody_edited_is_not(
    place: Place,
) -> None:
    number = place.set_up().project_id
    assert number is not None
    place.labeled("0.png")
    grown = CONFIG.replace('<Choice value="dog"/>', '<Choice value="dog"/><Choice value="cow"/>')
    (place.root / "config.xml").write_text(grown)
    assert place.states()["labeling-config"] == "done"
    (place.root / "config.xml").write_text(CONFIG)
    assert place.states()["labeling-config"] == "part", "labels may use what it lacks"
    (place.root / "config.xml").write_text(grown)
    edited = grown.replace("multiple", "single")
    place.client.update_project(number, {"label_config": edited})
    assert place.states()["labeling-config"] == "part"
    assert place.client.project(number).label_config == edited.strip()


def test_two_set_ups_at_once_make_one_of_each(place: Place) -> None:
    codes = [process.wait(120) for process in [place.start(), place.start()]]
    assert 0 in codes and set(codes) <= {0, 1}, codes
    assert place.is_one()
    held = place.start()
    assert held.stderr is not None
    next(line for line in held.stderr if line.startswith("project:"))
    with pytest.raises(Busy, match="setup"):
        place.set_up()
    held.kill()
    held.communicate()


def test_a_set_up_that_is_killed_makes_nothing_twice(place: Place) -> None:
    place.killed_at("source-storage")
    assert set(place.states().values()) == {"done"}
    assert place.is_one()
    assert place.labeled("0.png").exists()


def test_an_empty_project_of_the_title_that_nobody_uses_is_taken(
    place: Place, stock: Stock
) -> None:
    made = StudioClient(stock.url, stock.legacy_token).create_project(place.title)
    assert place.set_up().project_id == made.id
