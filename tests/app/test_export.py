"""The export: what would be written is shown first, and only enter writes it."""

from __future__ import annotations

import json
import os
import threading
import time

from tests.app.conftest import Walker
from tests.app.doubles import FakeBackend
from tests.app.toys import IMAGES, annotation


async def test_a_preview_counts_and_writes_nothing(ready: FakeBackend, walk: Walker) -> None:
    async with walk(ready) as app:
        await app.press("4")
        assert "7 images labeled" in app.text
        assert "[/red]" in app.text
        assert "not written yet" in app.text
        assert "on no image: cat & co" in app.text
        assert not ready.workspace.annotations.dataset.exists()


async def test_enter_writes_the_dataset_and_says_where(ready: FakeBackend, walk: Walker) -> None:
    async with walk(ready) as app:
        await app.press("4", "enter")
        assert "Written: data/dataset.json, 7 tags." in app.text
        dataset = json.loads(ready.workspace.annotations.dataset.read_text())
        assert len(dataset) == 7
        assert dataset["[b] weird [red]"] == ["[/red]"]


async def test_what_is_left_out_is_named(ready: FakeBackend, walk: Walker) -> None:
    broken = ready.workspace.annotations.path / "99"
    broken.write_text('{"half": ')
    # Old enough not to be taken for a file that is being written.
    os.utime(broken, (time.time() - 60, time.time() - 60))
    async with walk(ready) as app:
        await app.press("4")
        assert "unreadable 1" in app.text
        assert "left out: 99" in app.text
        await app.press("d")
        assert "Unreadable (1)" in app.text


async def test_labelers_who_differ_are_shown_and_c_changes_what_counts(
    ready: FakeBackend, walk: Walker
) -> None:
    other = annotation(50, IMAGES[1], ["dog", "cat & co"])
    (ready.workspace.annotations.path / "50").write_text(json.dumps(other))
    async with walk(ready) as app:
        await app.press("4")
        assert "conflicts 1" in app.text
        assert "labelers differ: img_000" in app.text
        assert (
            "where labelers differ, the annotation changed last wins (c changes that)" in app.text
        )
        await app.press("c")
        assert "marked as ground truth wins" in app.text
        await app.press("c")
        assert "a class counts when any annotation has it" in app.text
        # What was chosen is the workspace's rule from now on, for the command line too.
        assert 'rule = "union"' in ready.workspace.file.read_text()
        await app.press("enter")
        dataset = json.loads(ready.workspace.annotations.dataset.read_text())
        assert sorted(dataset["img_000"]) == ["[/red]", "cat & co", "dog"]


async def test_nothing_labeled_yet_is_no_mishap(backend: FakeBackend, walk: Walker) -> None:
    async with walk(backend) as app:
        await app.press("4")
        assert "There is no annotation in data/annotations" in app.text
        assert "Label some images first" in app.text
        assert app.toasts == []
        assert not [word for word in ("report", "rule", "fill folder") if word in app.footer]
        await app.press("h")
        assert app.toasts == ["There is no annotation in data/annotations; nothing was written."]


async def test_coming_back_reads_the_annotations_again(ready: FakeBackend, walk: Walker) -> None:
    async with walk(ready) as app:
        await app.press("4", "1")
        more = annotation(30, IMAGES[9], ["dog"])
        (ready.workspace.annotations.path / "30").write_text(json.dumps(more))
        await app.press("4")
        assert "8 images labeled" in app.text


async def test_h_writes_the_report_as_a_page_and_says_what_stands_out(
    ready: FakeBackend, walk: Walker
) -> None:
    other = annotation(50, IMAGES[1], ["dog"])
    (ready.workspace.annotations.path / "50").write_text(json.dumps(other))
    async with walk(ready) as app:
        await app.press("4", "h")
        assert "The state of the dataset" in app.text
        assert "Classes of the labeling config that no image has: 1" in app.text
        assert "same as: labelpilot report --out .labelpilot/report.html" in app.text
        page = (ready.workspace.state.folder / "report.html").read_text()
        assert "cat &amp; co" in page and "<html" in page
        await app.press("c", "enter")
        assert app.app.clipboard == ".labelpilot/report.html"
        assert "7 images labeled" in app.text


async def test_a_window_over_the_export_leaves_what_was_written_on_the_screen(
    ready: FakeBackend, walk: Walker
) -> None:
    async with walk(ready) as app:
        await app.press("4", "enter", "d", "enter")
        assert "Written: data/dataset.json, 7 tags." in app.text


async def test_w_has_the_server_write_what_the_folder_lacks(
    ready: FakeBackend, walk: Walker
) -> None:
    async with walk(ready) as app:
        await app.press("4")
        assert "fill folder" not in app.footer
        await app.press("w")
        assert app.toasts == ["The folder is not known to lack any annotation."]
    ready.lacking = (21, 22)
    async with walk(ready) as app:
        await app.press("4")
        assert "Label Studio has 2 annotations that the folder lacks" in app.text
        assert "w fill folder" in app.footer
        assert "fill folder" in app.footer
        await app.press("w")
        assert ready.calls[-1] == "rewrite"
        assert "lacks" not in app.text
        assert "7 images labeled" in app.text


async def test_leaving_while_the_folder_is_filled_says_what_becomes_of_it(
    ready: FakeBackend, walk: Walker
) -> None:
    ready.lacking, ready.hold = (21, 22), threading.Event()
    async with walk(ready) as app:
        await app.press("4")
        await app.strike("w")
        await app.until(lambda: "Writing the folder again" in app.text)
        await app.strike("q")
        await app.until(lambda: "Leave?" in app.text)
        assert "Label Studio goes on writing to the folder." in app.text
        await app.strike("escape")
        ready.hold.set()
