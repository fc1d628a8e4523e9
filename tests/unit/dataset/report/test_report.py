"""The health report."""

from __future__ import annotations

import base64
import io
import json
import os
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from core.dataset.report import html
from core.dataset.report.exhibits import OF_A_CLASS, SIDE, gather_exhibits
from core.dataset.report.html import report_html
from core.dataset.report.report import HealthReport, make_report, problems
from core.dataset.report.statistics import binary_alpha
from core.dataset.report.text import report_text
from core.dataset.report.write import write_report
from core.dataset.source import FolderSource
from core.errors import ConfigurationError
from core.progress import finish
from core.workspace.settings import Workspace

Build = Callable[..., dict[str, Any]]
Write = Callable[..., None]
Reported = Callable[..., HealthReport]

ANNA, BEN = {"id": 1, "email": "anna@x.org"}, {"id": 2, "email": "ben@x.org"}


@pytest.fixture
def reported(workspace: Workspace) -> Reported:
    def run(**options: Any) -> HealthReport:
        source = FolderSource(workspace.annotations.path, options.pop("live", None))
        return finish(make_report(workspace, source, **options))

    return run


@pytest.fixture
def written(workspace: Workspace, tmp_path: Path) -> Callable[[str], str]:
    """What is written into a report's file of that name."""

    def run(name: str) -> str:
        finish(write_report(workspace, tmp_path / name, FolderSource(workspace.annotations.path)))
        return (tmp_path / name).read_text()

    return run


def picture(file: Path, seed: int) -> None:
    from PIL import Image

    file.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(seed).integers(0, 255, (9, 9), dtype=np.uint8)
    Image.fromarray(noise).resize((180, 180)).save(file)


def test_it_counts_people_days_classes_and_what_comes_together(
    write: Write, annotation: Build, reported: Reported
) -> None:
    write(
        annotation(1, "ds/a.png", ["indoor", "N"], completed_by=ANNA),
        annotation(2, "ds/b.png", ["indoor", "N"], completed_by=BEN),
        annotation(3, "ds/c.png", ["N"], completed_by=BEN, updated_at="2026-11-26T01:00:00Z"),
        annotation(4, "ds/d.png", was_cancelled=True, completed_by=ANNA),
        annotation(5, "ds/e.png", completed_by=ANNA),
    )
    report = reported()
    assert (report.images, report.annotations, report.skipped, report.empty) == (4, 4, 1, 1)
    assert report.together == (("indoor", "N", 2),)
    assert report.days == {"2026-11-24": 3, "2026-11-26": 1}
    people = {person.name: (person.annotations, person.skipped) for person in report.people}
    assert people == {"anna@x.org": (2, 1), "ben@x.org": (2, 0)}
    assert report.classes["N"] == 3 and report.classes["cat"] == 0


def test_it_tells_on_which_images_people_differ(
    write: Write, annotation: Build, reported: Reported
) -> None:
    write(
        annotation(1, "ds/a.png", ["N"], completed_by=ANNA),
        annotation(2, "ds/a.png", ["indoor"], completed_by=BEN, second=9),
        annotation(3, "ds/b.png", ["N"], completed_by=ANNA),
        annotation(4, "ds/b.png", ["N"], completed_by=BEN),
    )
    report = reported()
    assert (report.several, report.alike) == (2, 1)
    (differing,) = report.differing
    assert differing.tag == "a"
    assert differing.answers == (("anna@x.org", ("N",)), ("ben@x.org", ("indoor",)))
    assert {one.name for one in report.alpha} == {"N", "indoor"}
    assert any(line.startswith("Images on which people differ") for line in problems(report))


def test_of_two_answers_with_one_moment_the_lower_number_stands_first(
    write: Write, annotation: Build, reported: Reported
) -> None:
    write(*(annotation(number, "ds/a.png", [name]) for number, name in ((9, "N"), (10, "indoor"))))
    (differing,) = reported().differing
    assert [names for _, names in differing.answers] == [("N",), ("indoor",)]


def test_alpha_is_that_of_the_paper() -> None:
    # The binary example of Krippendorff's "Computing Krippendorff's Alpha-Reliability", section A.
    first = [0, 1, 0, 0, 0, 0, 0, 0, 1, 0]
    second = [1, 1, 1, 0, 0, 1, 0, 0, 0, 0]
    units = [(a + b, 2) for a, b in zip(first, second, strict=True)]
    assert binary_alpha(units) == pytest.approx(0.095, abs=0.001)
    assert binary_alpha([(2, 2), (0, 2)]) == 1
    assert binary_alpha([(2, 2), (2, 2)]) is None


def test_it_holds_the_labels_against_the_files(
    write: Write, annotation: Build, reported: Reported, workspace: Workspace
) -> None:
    picture(workspace.images.path / "a.png", 1)
    picture(workspace.images.path / "new.png", 2)
    write(annotation(1, "ds/a.png", ["N"]), annotation(2, "ds/gone.png", ["N"]))
    report = reported()
    assert report.without_file == ("gone",)
    assert report.without_label == ("new.png",)


def test_pictures_that_look_alike_and_differ_in_class_are_paired(
    write: Write, annotation: Build, reported: Reported, workspace: Workspace
) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2), ("d", 2)):
        picture(workspace.images.path / f"{name}.png", seed)
    write(
        annotation(1, "ds/a.png", ["N"]),
        annotation(2, "ds/b.png", ["indoor"]),
        annotation(3, "ds/c.png", ["N"]),
        annotation(4, "ds/d.png", ["N"]),
    )
    found = reported().near_duplicates
    assert found.as_json()["by"] == "picture" and found.compared == 4
    assert [(pair.first, pair.second) for pair in found.pairs] == [("a", "b")]


def test_without_pillow_the_report_says_what_it_left_out(
    write: Write, annotation: Build, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(annotation(1, "ds/a.png", ["N"]))
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    work = make_report(workspace, FolderSource(workspace.annotations.path))
    notes: list[str] = []
    report = finish(work, lambda event: notes.append(event.note))
    assert report.near_duplicates.compared == 0
    assert any("Pictures were not compared" in note for note in notes)


def test_a_path_out_of_the_image_folder_is_never_opened(
    write: Write, annotation: Build, reported: Reported, workspace: Workspace, tmp_path: Path
) -> None:
    picture(tmp_path / "secret.png", 1)
    picture(tmp_path / "other.png", 1)
    picture(workspace.images.path / "a.png", 1)
    write(
        annotation(1, "ds/a.png", ["N"]),
        annotation(2, "ds/../../secret.png", ["indoor"]),
        annotation(3, "ds/b.png", ["blurry"])
        | {"task": {"id": 3, "data": {"image": str(tmp_path / "other.png")}}},
    )
    assert reported().near_duplicates.compared == 1


class Page(HTMLParser):
    """Collects what a page would fetch or run."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.links += [value or "" for name, value in attrs if name in ("src", "href", "onclick")]


def test_the_page_stands_alone_and_names_are_never_markup(
    write: Write, annotation: Build, written: Callable[[str], str]
) -> None:
    evil = "<script>alert(1)</script>"
    write(
        annotation(1, "ds/a.png", [evil, '" onload="x'], completed_by={"id": 1, "email": evil}),
        annotation(2, "ds/b%3Cimg%20src=x%3E.png", ["N"]),
        annotation(3, "ds/b%3Cimg%20src=x%3E.png", ["indoor"]),
    )
    content = written("r.html")
    page = Page()
    page.feed(content)
    assert not page.tags & {"script", "img", "link", "iframe", "object"}
    assert page.links == []
    assert "&lt;script&gt;" in content


def test_the_page_steers_no_terminal_and_turns_no_text(
    write: Write, annotation: Build, written: Callable[[str], str]
) -> None:
    write(annotation(1, "ds/a.png", ["\x1b[2Jcat\u202e"]))
    content = written("r.html")
    assert "\x1b" not in content and "\u202e" not in content and "cat" in content


def test_a_dataset_without_any_class_has_a_page(
    write: Write, annotation: Build, written: Callable[[str], str], workspace: Workspace
) -> None:
    workspace.project.label_config.unlink()
    write(annotation(1, "ds/a.png"))
    assert "<h1>1 labeled image</h1>" in written("r.html")


def test_the_text_moves_no_cursor(write: Write, annotation: Build, reported: Reported) -> None:
    write(annotation(1, "ds/a.png", ["\x1b[2Jcat"]))
    text = report_text(reported())
    assert "\x1b" not in text and "cat" in text


def test_the_json_holds_what_the_page_shows(
    write: Write, annotation: Build, written: Callable[[str], str]
) -> None:
    write(annotation(1, "ds/a.png", ["N"]))
    content = json.loads(written("r.json"))
    assert content["images"] == 1 and content["classes"]["N"] == 1
    assert content["look_alikes"] == {"pairs": [], "by": "picture", "compared": 0}


def test_a_file_of_another_kind_is_refused_before_anything_is_read(
    workspace: Workspace, tmp_path: Path
) -> None:
    with pytest.raises(ConfigurationError, match=r"r\.pdf") as raised:
        next(write_report(workspace, tmp_path / "r.pdf"))
    assert raised.value.next_step == "Let its name end in .html, .json or .txt."


def test_the_page_shows_small_pictures_that_are_in_it_and_leads_to_tasks(
    write: Write, annotation: Build, workspace: Workspace, tmp_path: Path
) -> None:
    folder = workspace.images.path
    picture(folder / "a.png", 1)
    picture(tmp_path / "secret.png", 2)
    (folder / "leads_out.png").symlink_to(tmp_path / "secret.png")
    (folder / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n<script>")
    (folder / "program.png").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n")
    os.mkfifo(folder / "pipe.png")
    names = ["a", "leads_out", "broken", "program", "pipe"]
    write(*(annotation(n, f"ds/{name}.png", ["N"]) for n, name in enumerate(names, start=1)))
    report = finish(make_report(workspace, FolderSource(workspace.annotations.path)))
    shown = finish(gather_exhibits(workspace, report))
    assert list(shown.pictures) == ["a"]
    (address,) = shown.pictures.values()
    with Image.open(io.BytesIO(base64.b64decode(address.partition(",")[2]))) as small:
        assert (small.format, small.size) == ("JPEG", (SIDE, SIDE))
    # No server of ours runs, so nothing leads to it.
    assert shown.tasks == {}
    page = Page()
    page.feed(report_html(report, replace(shown, tasks={"a": "http://127.0.0.1:8080/?task=1"})))
    assert page.links == ["http://127.0.0.1:8080/?task=1", address]
    assert not page.tags & {"script", "link", "iframe", "object"}


def test_of_many_images_few_are_shown_and_each_class_has_some(
    write: Write, annotation: Build, workspace: Workspace
) -> None:
    for number in range(60):
        picture(workspace.images.path / f"{number}.png", number)
    rare = {7: ["blurry"]}
    write(*(annotation(n, f"ds/{n}.png", rare.get(n, ["N"])) for n in range(60)))
    report = finish(make_report(workspace, FolderSource(workspace.annotations.path)))
    shown = finish(gather_exhibits(workspace, report))
    assert shown.of_class["blurry"] == ["7"]
    assert len(shown.of_class["N"]) == OF_A_CLASS
    assert len(shown.pictures) == OF_A_CLASS + 1


def test_days_without_an_annotation_have_their_place_and_many_days_become_weeks_or_months() -> None:
    over = html._over({"2026-11-24": 3, "2026-11-27": 1})
    assert over == (
        "day",
        [("2026-11-24", 3), ("2026-11-25", 0), ("2026-11-26", 0), ("2026-11-27", 1)],
    )
    over = html._over({"2026-01-01": 3, "2026-11-27": 1})
    assert over is not None and over.each == "week" and sum(n for _, n in over.bars) == 4
    over = html._over({"2016-01-01": 3, "2026-11-27": 1})
    assert over is not None and over.each == "month" and len(over.bars) == 131
