"""What is moved or renamed is found again, and a label submitted afterwards lies in a file."""

from __future__ import annotations

import json
import shutil

import pytest

from core.dataset.export import export_dataset
from core.errors import ConfigurationError, StudioRefused
from core.progress import finish
from core.setup.checklist import probe_steps
from tests.studio.places import CAT, Place
from tests.studio.stock import Stock
from tui.backend import Backend


def is_whole(place: Place, images: int = 4) -> bool:
    """Whether each image is one task, is shown, and a label for one lands in the folder."""
    assert set(place.states().values()) == {"done"}
    assert place.is_one()
    assert place.shown() == images
    return place.labeled("1.png").exists()


def dataset(place: Place) -> dict[str, list[str]]:
    exported = finish(export_dataset(place.workspace))
    assert exported.path is not None
    return dict(json.loads(exported.path.read_text()))


def test_a_workspace_that_was_moved_and_an_image_folder_that_was_renamed(place: Place) -> None:
    place.set_up()
    place.labeled("0.png")
    moved = place.root.with_name(f"{place.root.name}-moved")
    place.root.rename(moved)
    place.root = moved
    assert is_whole(place)
    (place.root / "data" / "images").rename(place.root / "data" / "pictures")
    place.write(images="data/pictures")
    assert is_whole(place)
    assert set(dataset(place)) == {"0", "1"}
    shutil.rmtree(moved)


def test_images_that_moved_within_the_folder_keep_their_task_and_label(place: Place) -> None:
    place.write(more="recursive = true\n")
    place.set_up()
    place.labeled("0.png")
    images = place.root / "data" / "images"
    (images / "old").mkdir()
    for name in ("0.png", "2.png"):
        (images / name).rename(images / "old" / name)
    (images / "3.png").unlink()
    result = finish(Backend().sync(place.workspace))
    assert (result.moved, result.created, result.missing_files) == (2, 0, 1)
    assert set(dataset(place)) == {"0"}
    labeled = [task for task in place.client.tasks(place.project_id, "image") if task.annotations]
    assert [task.image.endswith("/old/0.png") for task in labeled] == [True]
    # Label Studio's own sync would make tasks of them once more.
    with pytest.raises(StudioRefused):
        place.client.sync_storage(place.client.source_storages(place.project_id)[0])
    assert finish(Backend().sync(place.workspace)).complete


def test_tidying_removes_what_is_gone_and_nothing_that_is_labeled(place: Place) -> None:
    place.set_up()
    place.labeled("0.png")
    for name in ("0.png", "1.png"):
        (place.root / "data" / "images" / name).unlink()
    *_, told = [one for one in probe_steps(place.workspace) if one.id == "images"]
    assert told.detail == "2 of 2 images are tasks, 2 tasks without their image"
    shown, done, again = (place.run("tidy", "--json", *yes) for yes in ((), ("--yes",), ("--yes",)))
    assert [ran.code for ran in (shown, done, again)] == [0, 0, 0]
    assert shown.json == {"gone": 2, "labeled": 1, "removed": 0, "moved": 0}
    assert {key: done.json[key] for key in ("gone", "labeled", "removed")} == {
        "gone": 2,
        "labeled": 1,
        "removed": 1,
    }
    assert done.json["annotations"] == done.json["annotations_before"] == 1
    assert again.json["removed"] == 0
    left = sorted(task.image[-5:] for task in place.client.tasks(place.project_id, "image"))
    assert left == ["0.png", "2.png", "3.png"]
    assert set(dataset(place)) == {"0"}


def test_labels_from_while_the_annotation_folder_was_away(place: Place) -> None:
    place.set_up()
    annotations = place.workspace.annotations.path
    annotations.rename(annotations.with_name("away"))
    with pytest.raises(StudioRefused, match="failed on POST"):
        place.labeled("0.png")
    states = {report.id: report for report in probe_steps(place.workspace)}
    assert states["target-storage"].state == "part"
    annotations.with_name("away").rename(annotations)
    (lacking,) = [one for one in probe_steps(place.workspace) if one.id == "target-storage"]
    assert (lacking.state, lacking.detail[:21]) == ("part", "at least 1 label not ")
    assert is_whole(place)
    assert set(dataset(place)) == {"0", "1"}


def test_somebody_elses_storage_whose_folder_is_gone_is_named(place: Place) -> None:
    place.set_up()
    other = place.root / "data" / "other"
    other.mkdir()
    place.client.create_target_storage(place.project_id, "Anna's", str(other))
    assert place.states()["target-storage"] == "done"
    other.rmdir()
    (told,) = [one for one in place.set_up().steps if one.id == "target-storage"]
    assert told.state == "wrong"
    assert f"{other}, which is gone: every Submit fails" in told.detail
    assert "'Anna's' (number" in told.detail.replace('"', "'")
    other.mkdir()
    assert place.states()["target-storage"] == "done"
    number = place.client.annotate(place.client.last_task(place.project_id, "image")[1].id, CAT)
    assert (place.workspace.annotations.path / str(number)).exists()


def test_a_copy_of_a_workspace_takes_nothing_from_it(place: Place, stock: Stock) -> None:
    number = place.set_up().project_id
    copy = Place(place.root.with_name(f"{place.root.name}-copy"), stock.url, stock.legacy_token)
    shutil.copytree(place.root, copy.root)
    with pytest.raises(ConfigurationError, match=rf"not known to be this workspace's .*{number}"):
        copy.set_up()
    assert is_whole(place)
    shutil.rmtree(copy.root)
