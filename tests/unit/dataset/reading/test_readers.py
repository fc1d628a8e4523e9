"""Reading: nothing twice, on every core, and the same whatever happens to a worker."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from core.dataset.export import ExportResult, export_dataset
from core.dataset.reading import reader, workers
from core.dataset.reading.batch import Block
from core.dataset.reading.folder import Content, Folder
from core.dataset.reading.reader import FolderReader
from core.dataset.reading.workers import Answer, Job, Worker, WorkerFailed, WorkerSetup
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
    monkeypatch.setattr("core.dataset.reading.cache.UNCERTAIN_NS", -(10**18))


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
    workspace.state.folder.write_text("a file stands where the folder should be")
    assert export(out=tmp_path / "d.json").images == 1


@pytest.fixture
def many(
    write: Write, annotation: Build, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> dict[str, list[str]]:
    """So many files that a worker is worth it, some of them bad; the dataset they make."""
    monkeypatch.setattr(reader, "FILES_FOR_A_WORKER", 100)
    monkeypatch.setattr(reader, "STAMPS_FOR_A_WORKER", 100)
    monkeypatch.setattr(workers, "FILES_FOR_A_WORKER", 100)
    monkeypatch.setattr(workers, "MOST_WORKERS", 2)
    write(*(annotation(number, f"ds/{number}.png", ["N"]) for number in range(2000)))
    for number in range(0, 2000, 100):
        (workspace.annotations.path / f"{number}.bad").write_text("{")
    return {str(number): ["N"] for number in range(2000)}


@pytest.mark.usefixtures("settled")
def test_workers_do_a_part_and_the_result_is_the_same(
    many: dict[str, list[str]],
    export: Export,
    dataset: Dataset,
    monkeypatch: pytest.MonkeyPatch,
    write: Write,
    annotation: Build,
) -> None:
    answers, answered = Worker.answers, list[tuple[Job, Answer]]()

    def patient(worker: Worker, seconds: float = 0) -> list[tuple[Job, Answer]]:
        # A worker needs a moment to start; here it is given the time to.
        found = answers(worker, seconds or 60)
        answered.extend(found)
        return found

    monkeypatch.setattr(Worker, "answers", patient)
    result = export()
    assert dataset() == many
    assert len(result.unreadable) == 20
    assert answered and all(isinstance(job, list) for job, _ in answered)
    answered.clear()
    write(annotation(7, "ds/7.png", ["indoor"]))
    export()
    assert dataset() == {**many, "7": ["indoor"]}
    assert any(isinstance(job, Block) for job, _ in answered)


@pytest.mark.parametrize("moment", ["send", "answers"])
def test_a_worker_that_dies_leaves_its_work_to_us(
    many: dict[str, list[str]],
    export: Export,
    dataset: Dataset,
    monkeypatch: pytest.MonkeyPatch,
    moment: str,
) -> None:
    method = getattr(Worker, moment)

    def dying(worker: Worker, *arguments: Any) -> Any:
        os.kill(worker.process.pid, signal.SIGKILL)
        return method(worker, *arguments)

    monkeypatch.setattr(Worker, moment, dying)
    assert len(export().unreadable) == 20
    assert dataset() == many


def test_a_worker_that_hangs_is_given_up(
    many: dict[str, list[str]], export: Export, dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "SILENCE", 0.01)
    send = Worker.send

    def stopped(worker: Worker, job: Job) -> None:
        os.kill(worker.process.pid, signal.SIGSTOP)
        send(worker, job)

    monkeypatch.setattr(Worker, "send", stopped)
    assert len(export().unreadable) == 20
    assert dataset() == many


def test_without_a_worker_everything_is_read_here(
    many: dict[str, list[str]], export: Export, dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "PYTHON", "/nowhere/python")
    assert len(export().unreadable) == 20
    assert dataset() == many


def test_no_worker_outlives_an_export_that_is_stopped(
    many: dict[str, list[str]], workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[Worker] = []
    begin = Worker.__init__

    def noting(worker: Worker, setup: WorkerSetup) -> None:
        begin(worker, setup)
        started.append(worker)

    monkeypatch.setattr(Worker, "__init__", noting)
    work = export_dataset(workspace, FolderSource(workspace.annotations.path))
    next(work)
    next(work)
    work.close()
    assert len(started) == 2
    assert all(worker.process.returncode is not None for worker in started)
    assert many and not workspace.annotations.dataset.exists()


def test_a_worker_says_when_it_has_nothing_to_stand_on(tmp_path: Path, config: str) -> None:
    worker = Worker(
        WorkerSetup(str(tmp_path / "gone"), str(tmp_path), parse_labeling_config(config))
    )
    try:
        with pytest.raises(WorkerFailed):
            worker.send(["1"])
            worker.answers(60)
    finally:
        worker.close()


def test_a_file_that_is_finished_a_moment_later_is_read(
    write: Write, annotation: Build, workspace: Workspace, config: str, tmp_path: Path
) -> None:
    write(annotation(1, "ds/a.png", ["N"]))
    file = workspace.annotations.path / "1"
    whole = file.read_text()
    file.write_text(whole[:100])
    folder_reader = FolderReader(
        folder=workspace.annotations.path,
        images=workspace.images.path,
        config=parse_labeling_config(config),
        cache=tmp_path / "cache",
        # Label Studio finishes writing while the reader waits.
        pause=lambda _: file.write_text(whole),
    )
    batches = list(folder_reader.batches())
    assert [record.image for batch in batches for record in batch.records] == ["a.png"]
    assert not any(batch.unreadable for batch in batches)


def test_files_from_a_slow_disk_are_read_by_threads_in_their_order(
    write: Write, annotation: Build, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.dataset.reading.folder.FROM_DISK", 0)
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
