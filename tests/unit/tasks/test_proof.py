"""The proof counts each image's tasks by key."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from urllib.parse import quote

from hypothesis import given
from hypothesis import strategies as st

from core.studio.models import Task
from core.tasks.proof import Proof, compare

FOLDER = Path("/work/data/images")


def task(path: str, number: int = 1) -> Task:
    return Task(number, f"/data/local-files/?d={quote(f'data/images/{path}')}", 0)


def held(paths: list[str], *tasks: Task) -> Proof:
    return compare(paths, tasks, FOLDER)


def test_each_image_with_one_task_is_complete() -> None:
    proof = held(["a.png", "b c.png"], task("a.png"), task("b c.png"))
    assert (proof.present, proof.missing, proof.duplicates, proof.complete) == (2, (), 0, True)


def test_missing_images_are_named_in_the_manifests_order() -> None:
    proof = held(["c.png", "a.png", "b.png"], task("a.png"))
    assert proof.missing == ("c.png", "b.png")
    assert not proof.complete


def test_a_doubled_image_does_not_make_up_for_a_missing_one() -> None:
    proof = held(["a.png", "b.png"], task("a.png"), task("a.png"))
    assert (proof.present, proof.missing, proof.duplicates) == (1, ("b.png",), 1)
    assert not proof.complete


def test_a_task_that_names_its_image_in_another_way_is_the_images_task(tmp_path: Path) -> None:
    images = tmp_path / "data" / "images"
    (images / "set1").mkdir(parents=True)
    spelled = {
        "slashless.png": "/data/local-files?d=data/images/slashless.png",
        "relative.png": "data/local-files/?d=data/images/relative.png",
        "set1/windows.png": "/data/local-files/?d=data/images/set1%5Cwindows.png",
        "e\u0301.png": f"/data/local-files/?d={quote('data/images/é.png')}",
        "my upload.png": "/data/upload/1/2bd44c48-my_upload.png",
    }
    for path in spelled:
        (images / path).touch()
    tasks = [Task(number, url, 0) for number, url in enumerate(spelled.values(), start=1)]
    proof = compare(spelled, tasks, images)
    assert (proof.missing, proof.duplicates, proof.other_tasks, proof.complete) == ((), 0, 0, True)


def test_tasks_whose_file_is_gone_and_tasks_of_other_places_are_told_apart() -> None:
    elsewhere = Task(9, "/data/upload/3/a.png", 0)
    proof = held(["a.png"], task("a.png"), task("gone.png"), task("gone.png"), elsewhere)
    assert (proof.missing_files, proof.duplicates, proof.other_tasks) == (1, 1, 1)
    assert (proof.own_tasks, proof.tasks) == (3, 4)


def test_one_file_name_in_two_folders_is_two_images() -> None:
    proof = held(["a/x.png", "b/x.png"], task("a/x.png"))
    assert proof.missing == ("b/x.png",)


def test_what_was_accounted_for_is_complete() -> None:
    before = held(["a.png", "b.png"], task("a.png"), task("gone.png"))
    after = held(["a.png", "b.png"], task("a.png"), task("gone.png"), task("b.png"))
    assert before.with_all_created() == after


NAMES = st.sampled_from([f"{letter}.png" for letter in "abcdefgh"])


@given(images=st.sets(NAMES), tasks=st.lists(NAMES))
def test_the_numbers_always_add_up(images: set[str], tasks: list[str]) -> None:
    proof = held(sorted(images), *map(task, tasks))
    counts = Counter(tasks)
    assert proof.present + len(proof.missing) == proof.images == len(images)
    assert proof.duplicates == len(tasks) - len(counts)
    assert proof.missing_files == len(counts.keys() - images)
    assert proof.complete == (images <= counts.keys() and len(tasks) == len(counts))
