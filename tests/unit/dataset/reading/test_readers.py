"""Reading: nothing twice, on every core, and the same whatever happens to a helper."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from core.dataset.export import ExportResult, export_dataset
from core.dataset.reading import reader as readers
from core.dataset.reading.batch import Block
from core.dataset.reading.folder import Content, Folder
from core.dataset.reading.worker import Answer, Chunk, Helper, HelperFailed, Job, Order
from core.dataset.source import FolderSource
from core.labeling_config import parse_labeling_config
from core.progress import finish
from core.workspace.settings import Workspace

Build = Callable[..., dict[str, Any]]
Export = Callable[..., ExportResult]
Write = Callable[..., None]
Dataset = Callable[[], dict[str, list[str]]]


@pytest.fixture
def read_names(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of all files that are read from now on."""
    names: list[str] = []
    read = Folder.read

    def noting(folder: Folder, chunk: list[str]) -> Iterator[Content]:
        names.extend(chunk)
        return read(folder, chunk)

    monkeypatch.setattr(Folder, "read", noting)
    return names


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if files that were written just now had been written long ago."""
    monkeypatch.setattr("core.dataset.reading.cache._AROUND_NS", -(10**18))


@pytest.mark.usefixtures("settled")
def test_only_what_has_changed_is_read_again(
    write: Write, annotation: Build, export: Export, dataset: Dataset, read_names: list[str]
) -> None:
    write(*(annotation(number, f"ds/{number}.png", ["N"]) for number in range(600)))
    export()
    before = dataset()
    assert len(read_names) == 600
    read_names.clear()
    export()
    assert read_names == []
    assert dataset() == before
    write(annotation(7, "ds/7.png", ["indoor"]), annotation(900, "ds/900.png", ["N"]))
    export()
    assert sorted(read_names) == ["7", "900"]
    assert dataset() == {**before, "7": ["indoor"], "900": ["N"]}
    read_names.clear()
    export()
    assert read_names == []
    assert dataset() == {**before, "7": ["indoor"], "900": ["N"]}


def test_files_that_were_just_written_are_read_again(
    write: Write, annotation: Build, export: Export, dataset: Dataset
) -> None:
    write(annotation(1, "ds/1.png", ["N"]))
    for name in ("indoor", "N", "indoor", "blurry"):
        export()
        # Within one tick of the file system's clock, the second content has the first one's stamp.
        write(annotation(1, "ds/1.png", [name]))
        export()
        assert dataset() == {"1": [name]}


@pytest.mark.usefixtures("settled")
def test_a_file_that_is_gone_is_gone_from_the_dataset(
    write: Write, annotation: Build, export: Export, dataset: Dataset, workspace: Workspace
) -> None:
    write(*(annotation(number, f"ds/{number}.png", ["N"]) for number in range(5)))
    export()
    (workspace.annotations.path / "3").unlink()
    export()
    assert sorted(dataset()) == ["0", "1", "2", "4"]


@pytest.mark.usefixtures("settled")
def test_another_labeling_config_reads_everything_anew(
    write: Write, annotation: Build, export: Export, read_names: list[str], config: str
) -> None:
    write(annotation(1, "ds/1.png", ["N"]))
    export()
    read_names.clear()
    export(label_config=config.replace('"dog"', '"wolf"'))
    assert read_names == ["1"]


def test_a_workspace_that_cannot_be_written_to_is_read_without_a_cache(
    write: Write, annotation: Build, export: Export, workspace: Workspace, tmp_path: Path
) -> None:
    write(annotation(1, "ds/1.png", ["N"]))
    workspace.folder.write_text("a file stands where the folder should be")
    assert export(out=tmp_path / "d.json").images == 1


@pytest.fixture
def many(
    write: Write, annotation: Build, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> dict[str, list[str]]:
    """So many files that a helper is worth it, some of them bad; the dataset they make."""
    monkeypatch.setattr(readers, "_WORTH_A_HELPER", 100)
    monkeypatch.setattr(readers, "_WORTH_A_HELPER_FOR_STAMPS", 100)
    monkeypatch.setattr("os.cpu_count", lambda: 3)
    write(*(annotation(number, f"ds/{number}.png", ["N"]) for number in range(2000)))
    for number in range(0, 2000, 100):
        (workspace.annotations.path / f"{number}.bad").write_text("{")
    return {str(number): ["N"] for number in range(2000)}


@pytest.mark.usefixtures("settled")
def test_helpers_do_a_part_and_the_result_is_the_same(
    many: dict[str, list[str]],
    export: Export,
    dataset: Dataset,
    monkeypatch: pytest.MonkeyPatch,
    write: Write,
    annotation: Build,
) -> None:
    answers, answered = Helper.answers, list[tuple[Job, Answer]]()

    def patient(helper: Helper, seconds: float = 0) -> list[tuple[Job, Answer]]:
        # A helper needs a moment to start; here it is given the time to.
        found = answers(helper, seconds or 60)
        answered.extend(found)
        return found

    monkeypatch.setattr(Helper, "answers", patient)
    result = export()
    assert dataset() == many
    assert len(result.unreadable) == 20
    assert answered and all(isinstance(job, Chunk) for job, _ in answered)
    answered.clear()
    write(annotation(7, "ds/7.png", ["indoor"]))
    export()
    assert dataset() == {**many, "7": ["indoor"]}
    assert any(isinstance(job, Block) for job, _ in answered)


@pytest.mark.parametrize("moment", ["ask", "answers"])
def test_a_helper_that_dies_leaves_its_work_to_us(
    many: dict[str, list[str]],
    export: Export,
    dataset: Dataset,
    monkeypatch: pytest.MonkeyPatch,
    moment: str,
) -> None:
    method = getattr(Helper, moment)

    def dying(helper: Helper, *arguments: Any) -> Any:
        os.kill(helper._process.pid, signal.SIGKILL)
        return method(helper, *arguments)

    monkeypatch.setattr(Helper, moment, dying)
    assert len(export().unreadable) == 20
    assert dataset() == many


def test_a_helper_that_hangs_is_given_up(
    many: dict[str, list[str]], export: Export, dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readers, "_SILENCE", 0.01)
    ask = Helper.ask

    def stopped(helper: Helper, job: Job) -> None:
        os.kill(helper._process.pid, signal.SIGSTOP)
        ask(helper, job)

    monkeypatch.setattr(Helper, "ask", stopped)
    assert len(export().unreadable) == 20
    assert dataset() == many


def test_without_a_helper_everything_is_read_here(
    many: dict[str, list[str]], export: Export, dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.dataset.reading.worker.sys.executable", "/nowhere/python")
    assert len(export().unreadable) == 20
    assert dataset() == many


def test_no_helper_outlives_an_export_that_is_stopped(
    many: dict[str, list[str]], workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[Helper] = []
    begin = Helper.__init__

    def noting(helper: Helper, order: Order) -> None:
        begin(helper, order)
        started.append(helper)

    monkeypatch.setattr(Helper, "__init__", noting)
    work = export_dataset(workspace, FolderSource(workspace.annotations.path))
    next(work)
    next(work)
    work.close()
    assert len(started) == 2
    assert all(helper._process.returncode is not None for helper in started)
    assert many and not workspace.annotations.dataset.exists()


def test_a_helper_says_when_it_has_nothing_to_stand_on(tmp_path: Path, config: str) -> None:
    helper = Helper(Order(str(tmp_path / "gone"), str(tmp_path), parse_labeling_config(config)))
    try:
        with pytest.raises(HelperFailed):
            helper.ask(Chunk(["1"]))
            helper.answers(60)
    finally:
        helper.close()


def test_files_from_a_slow_disk_are_read_by_threads_in_their_order(
    write: Write, annotation: Build, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.dataset.reading.folder._FROM_DISK", 0)
    write(*(annotation(number, f"ds/{number}.png", ["N"]) for number in range(101)))
    folder = Folder(workspace.annotations.path)
    names = sorted(folder.names())
    for _ in range(2):
        contents = [content for content, _ in folder.read(names)]
        assert [json.loads(content)["id"] for content in contents if content] == [
            int(name) for name in names
        ]
    folder.close()


def test_a_name_that_is_no_text_is_left_out_and_written_down(
    write: Write, annotation: Build, export: Export, workspace: Workspace
) -> None:
    write(annotation(1, "ds/1.png", ["N"]))
    raw = os.fsencode(workspace.annotations.path) + b"/\xff\xfe"
    with open(raw, "w") as file:
        file.write("nothing")
    with open(os.fsencode(workspace.annotations.path) + b"/\xfd", "w") as file:
        json.dump(annotation(2, "ds/2.png", ["N"]), file)
    result = export()
    assert result.images == 2
    assert [left_out.name for left_out in result.unreadable] == ["??"]
    finish(export_dataset(workspace, FolderSource(workspace.annotations.path)))
