"""The user's hooks file runs unchanged, in their own Python, and its errors come back as theirs."""

from __future__ import annotations

import dataclasses
import json
import os
import sys
import textwrap
import time
import venv
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from core.errors import ConfigurationError, ExitCode, LabelpilotError
from core.learning.hooks import Hooks, run_hooks
from core.progress import Progress, finish
from core.workspace import Annotations, Images, Learning, Workspace
from tests.unit.learning.shard_folder import write_shards

LOSSES = """
def get_loss_trainset():
    return {"a": 0.5}
"""


@pytest.fixture(scope="session")
def bare_python(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A Python with nothing but its standard library: no numpy, no labelpilot."""
    folder = tmp_path_factory.mktemp("user") / "venv"
    venv.create(folder, with_pip=False, symlinks=True)
    return str(folder / "bin/python")


def workspace(root: Path, hooks: str, python: str = sys.executable) -> Workspace:
    file = root / "labeling" / "active_learning.py"
    file.parent.mkdir(exist_ok=True)
    file.write_text(textwrap.dedent(hooks))
    return Workspace(root=root, learning=Learning(hooks=file, python=python))


def hooks_of(root: Path, text: str, python: str = sys.executable) -> Hooks:
    return finish(run_hooks(workspace(root, text, python), root / "round"))


def refusal(root: Path, text: str) -> LabelpilotError:
    with pytest.raises(LabelpilotError) as caught:
        hooks_of(root, text)
    assert "Traceback" not in str(caught.value)
    return caught.value


def test_the_three_functions_come_back_as_tags_vectors_losses_and_labeled(tmp_path: Path) -> None:
    hooks = hooks_of(
        tmp_path,
        """
        import numpy as np
        def get_embeddings(): return {"a": np.array([1.0, 2.0]), "b": np.array([3.0, 4.0])}
        def get_loss_trainset(): return {"a": np.array(0.25)}
        def get_tags_labeled(): return ["a"]
        """,
    )
    assert list(hooks.embeddings.tags) == ["a", "b"]
    np.testing.assert_array_equal(hooks.embeddings.vectors, [[1, 2], [3, 4]])
    assert hooks.embeddings.vectors.dtype == np.float32
    assert hooks.losses == {"a": 0.25}
    assert hooks.labeled == {"a"}
    assert hooks.probabilities is None


def test_without_get_tags_labeled_nothing_is_said_about_labels(tmp_path: Path) -> None:
    assert hooks_of(tmp_path, "def get_embeddings(): return {'a': [1]}" + LOSSES).labeled is None


@pytest.mark.parametrize(
    "embeddings",
    [
        "{'a': [1, 2], 'b': [3, 4]}",
        "{'a': (1.0, 2.0), 'b': (3.0, 4.0)}",
        "{'a': Tensor([1, 2]), 'b': Tensor([3, 4])}",
        "{'a': Tensor([[1, 2]]), 'b': Tensor([[3, 4]])}",
        "(['a', 'b'], [[1, 2], [3, 4]])",
        "(('a', 'b'), Tensor([[1, 2], [3, 4]]))",
    ],
)
def test_a_python_without_numpy_may_return_lists_and_tensors(
    tmp_path: Path, bare_python: str, embeddings: str
) -> None:
    hooks = hooks_of(
        tmp_path,
        f"""
        class Tensor:
            def __init__(self, values): self.values = values
            def __len__(self): return len(self.values)
            def detach(self): return self
            def cpu(self): return self
            def float(self): return self
            def tolist(self): return self.values
            def item(self): return self.values
        def get_embeddings(): return {embeddings}
        def get_loss_trainset(): return {{"a": Tensor(0.5)}}
        """,
        bare_python,
    )
    assert list(hooks.embeddings.tags) == ["a", "b"]
    np.testing.assert_array_equal(hooks.embeddings.vectors, [[1, 2], [3, 4]])
    assert hooks.losses == {"a": 0.5}


@pytest.mark.parametrize(
    "embeddings",
    [
        "(['a', 'b'], np.array([[1, 2], [3, 4]], dtype='float64'))",
        "(np.array(['a', 'b']), np.array([[1, 2], [3, 4]], dtype='float16'))",
        "(['a', 'b'], np.asfortranarray([[1, 2], [3, 4]]))",
        "{'a': np.array([[1, 2]]), 'b': np.array([[3, 4]])}",
    ],
)
def test_arrays_of_any_number_type_and_layout_are_taken(tmp_path: Path, embeddings: str) -> None:
    hooks = hooks_of(
        tmp_path, f"import numpy as np\ndef get_embeddings(): return {embeddings}" + LOSSES
    )
    assert list(hooks.embeddings.tags) == ["a", "b"]
    np.testing.assert_array_equal(hooks.embeddings.vectors, [[1, 2], [3, 4]])


def test_an_array_of_many_blocks_arrives_whole_and_in_order(tmp_path: Path) -> None:
    hooks = hooks_of(
        tmp_path,
        "import numpy as np\ndef get_embeddings():\n"
        "    return [str(i) for i in range(9001)], np.arange(9001)[:, None] + [0.0, 0.5]" + LOSSES,
    )
    np.testing.assert_array_equal(hooks.embeddings.vectors[:, 1], np.arange(9001) + 0.5)
    assert hooks.embeddings.tags[9000] == "9000"


def test_a_path_to_an_npz_holds_tags_and_embeddings(tmp_path: Path) -> None:
    np.savez(tmp_path / "e.npz", tags=np.array(["a", "ü"]), embeddings=np.eye(2))
    hooks = hooks_of(tmp_path, "def get_embeddings(): return 'e.npz'" + LOSSES)
    assert list(hooks.embeddings.tags) == ["a", "ü"]
    np.testing.assert_array_equal(hooks.embeddings.vectors, np.eye(2))
    assert isinstance(hooks.embeddings.vectors, np.memmap)


def test_an_npz_may_hold_one_vector_a_tag(tmp_path: Path) -> None:
    np.savez(tmp_path / "e.npz", **{"img 1": np.array([1, 2]), "b": np.array([3, 4])})
    hooks = hooks_of(tmp_path, "def get_embeddings(): return 'e.npz'" + LOSSES)
    assert list(hooks.embeddings.tags) == ["img 1", "b"]
    np.testing.assert_array_equal(hooks.embeddings.vectors, [[1, 2], [3, 4]])


def test_a_path_to_an_npy_has_its_tags_beside_it(tmp_path: Path) -> None:
    np.save(tmp_path / "e.npy", np.eye(2, dtype=np.float16))
    (tmp_path / "e.json").write_text(json.dumps(["a", "b"]))
    hooks = hooks_of(
        tmp_path,
        "from pathlib import Path\ndef get_embeddings(): return Path('e.npy')" + LOSSES,
    )
    assert list(hooks.embeddings.tags) == ["a", "b"]
    assert isinstance(hooks.embeddings.vectors, np.memmap)


def test_files_of_vectors_are_never_unpickled(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return os.mkdir, (str(tmp_path / "sprung"),)

    np.save(tmp_path / "e.npy", np.array([[Trap()]], dtype=object), allow_pickle=True)
    (tmp_path / "e.json").write_text('["a"]')
    refusal(tmp_path, "def get_embeddings(): return 'e.npy'" + LOSSES)
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"embeddings": np.eye(2)}, "tags"),
        ({"tags": np.array(["a"]), "b": np.eye(1), "c": np.eye(1)}, "2 arrays"),
        ({"a": np.ones(2), "b": np.ones(3)}, "shape (3,)"),
        ({}, "no vectors"),
        ({"tags": np.array(["a"]), "embeddings": np.eye(2)}, "1 tags and 2 vectors"),
        ({"tags": np.array(["a", "b"]), "embeddings": np.ones(2)}, "shape (2,)"),
        ({"tags": np.array([["a", "b"]]), "embeddings": np.eye(2)}, "shape (1, 2)"),
    ],
)
def test_an_npz_of_another_form_is_refused_with_what_it_needs(
    tmp_path: Path, content: dict[str, np.ndarray], said: str
) -> None:
    np.savez(tmp_path / "e.npz", **content)  # type: ignore[arg-type]
    error = refusal(tmp_path, "def get_embeddings(): return 'e.npz'" + LOSSES)
    assert said in str(error)


@pytest.mark.parametrize("name", ["gone.npz", "gone.npy", "broken.npz", "broken.npy", "e.csv"])
def test_a_missing_or_broken_file_of_vectors_is_refused_by_name(tmp_path: Path, name: str) -> None:
    (tmp_path / "broken.npz").write_bytes(b"PK\x03\x04 cut off")
    (tmp_path / "broken.npy").write_bytes(b"\x93NUMPY")
    (tmp_path / "broken.json").write_text('["a"]')
    error = refusal(tmp_path, f"def get_embeddings(): return {name!r}" + LOSSES)
    assert name in error.message
    assert error.cause


def test_probabilities_are_read_where_the_file_has_them(tmp_path: Path) -> None:
    hooks = hooks_of(
        tmp_path,
        "def get_embeddings(): return {'a': [1], 'b': [2]}\n"
        "def get_probabilities(): return {'b': [0.25, 0.75]}" + LOSSES,
    )
    assert hooks.probabilities is not None
    assert list(hooks.probabilities.tags) == ["b"]
    np.testing.assert_array_equal(hooks.probabilities.vectors, [[0.25, 0.75]])


def test_the_file_runs_as_from_its_folder_but_not_its_main_block(tmp_path: Path) -> None:
    (tmp_path / "labeling").mkdir()
    (tmp_path / "labeling" / "embeddings.py").write_text("VECTOR = [1, 2]")
    hooks = hooks_of(
        tmp_path,
        """
        import os, pickle, sys
        from embeddings import VECTOR
        class Own: pass
        pickle.dumps(Own())
        def get_embeddings(): return {os.path.basename(sys.argv[0]): VECTOR, os.getcwd(): VECTOR}
        def get_loss_trainset(): return {"a": 1.0}
        if __name__ == "__main__":
            raise SystemExit("the main block ran")
        """,
    )
    assert list(hooks.embeddings.tags) == ["active_learning.py", str(tmp_path)]


def test_what_the_file_prints_arrives_line_by_line_and_stays_in_the_log(tmp_path: Path) -> None:
    text = (
        "import sys\n"
        "print('loading the model')\n"
        "print('\\x1b[31mred\\x1b[0m', file=sys.stderr)\n"
        "sys.stderr.write(' 1 %\\r 2 %\\r 3 %\\n')\n"
        "def get_embeddings(): return {'a': [1]}" + LOSSES
    )
    events: list[Progress] = []
    finish(run_hooks(workspace(tmp_path, text), tmp_path / "round"), events.append)
    notes = [event.note for event in events]
    assert notes.index("loading the model") < notes.index("red") < notes.index(" 3 %")
    assert b"loading the model" in (tmp_path / "round" / "hooks.log").read_bytes()


def test_output_reaches_the_reader_while_the_hooks_still_run(tmp_path: Path) -> None:
    text = (
        "import os, time\nprint('waiting')\nwhile not os.path.exists('go'): time.sleep(0.01)\n"
        "def get_embeddings(): return {'a': [1]}" + LOSSES
    )
    work = run_hooks(workspace(tmp_path, text), tmp_path / "round")
    for event in work:
        if event.note == "waiting":
            (tmp_path / "go").touch()
    assert (tmp_path / "go").exists()


def test_closing_the_generator_ends_the_hooks_and_all_that_they_started(tmp_path: Path) -> None:
    text = (
        "import os, signal, subprocess, sys, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "print('pids', os.getpid(), child.pid)\n"
        "time.sleep(600)\n"
    )
    work = run_hooks(workspace(tmp_path, text), tmp_path / "round")
    pids = next(e.note for e in work if e.note.startswith("pids")).split()[1:]
    work.close()
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline and any(is_running(int(pid)) for pid in pids):
        pass
    assert not any(is_running(int(pid)) for pid in pids)


def is_running(pid: int) -> bool:
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_a_process_left_behind_neither_holds_up_the_result_nor_lives_on(tmp_path: Path) -> None:
    hooks = hooks_of(
        tmp_path,
        "import subprocess, sys\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "def get_embeddings(): return {str(child.pid): [1]}" + LOSSES,
    )
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline and is_running(int(hooks.embeddings.tags[0])):
        pass
    assert not is_running(int(hooks.embeddings.tags[0]))


@pytest.mark.parametrize("ending", ["return {'a': 6.0}", "sys.exit(3)", "raise ValueError"])
@pytest.mark.parametrize("awaited", [True, False], ids=["awaited", "left alone"])
def test_a_fork_of_the_hooks_own_never_answers_for_them(
    tmp_path: Path, ending: str, awaited: bool
) -> None:
    text = f"""
import os, sys, time
def get_embeddings(): return {{"a": [1, 2]}}
def get_loss_trainset():
    child = os.fork()
    if not child:
        {ending}
    if {awaited}:
        os.waitpid(child, 0)
    return {{"a": 0.5}}
"""
    hooks = hooks_of(tmp_path, text)
    assert hooks.losses == {"a": 0.5}
    assert "Traceback" not in (tmp_path / "round" / "hooks.log").read_text()


def test_hooks_may_work_elsewhere_and_their_folder_may_hold_spaces(tmp_path: Path) -> None:
    folder = tmp_path / "my häoks"
    folder.mkdir()
    (folder / "active learning.py").write_text(
        "import os, tempfile\nos.chdir(tempfile.mkdtemp())\nimport numpy\n"
        "def get_embeddings():\n"
        "    numpy.savez('e.npz', tags=numpy.array(['a']), embeddings=numpy.eye(1))\n"
        "    return 'e.npz'\n" + LOSSES
    )
    learning = Learning(hooks=folder / "active learning.py", python=sys.executable)
    found = finish(run_hooks(Workspace(root=tmp_path, learning=learning), tmp_path / "round"))
    assert list(found.embeddings.tags) == ["a"]


def test_hooks_that_ask_a_question_fail_instead_of_waiting(tmp_path: Path) -> None:
    error = refusal(tmp_path, "input('which model? ')\ndef get_embeddings(): ..." + LOSSES)
    assert "EOFError" in error.cause


def test_hooks_that_raise_are_told_by_type_message_and_line(tmp_path: Path) -> None:
    text = (
        "def helper(): raise KeyError('layer4')\n"
        "def get_embeddings():\n"
        "    return helper()" + LOSSES
    )
    events: list[Progress] = []
    with pytest.raises(LabelpilotError) as caught:
        finish(run_hooks(workspace(tmp_path, text), tmp_path / "round"), events.append)
    error = caught.value
    assert error.exit_code == ExitCode.FAILED
    assert error.message == ("get_embeddings() in labeling/active_learning.py failed on line 1.")
    assert error.cause == "KeyError: 'layer4'"
    notes = [event.note for event in events]
    assert "Traceback (most recent call last):" not in notes
    log = (tmp_path / "round" / "hooks.log").read_text()
    assert log.startswith("Traceback (most recent call last):")
    assert "KeyError: 'layer4'" in log
    assert not any("hooks_runner" in note for note in notes)


def test_a_package_that_is_not_there_points_at_the_python_setting(tmp_path: Path) -> None:
    error = refusal(tmp_path, "import a_package_that_is_not_there")
    assert error.message == "labeling/active_learning.py failed on line 1."
    assert "[learning]" in error.next_step
    assert sys.executable in error.next_step


def test_a_syntax_error_is_told_with_its_line(tmp_path: Path) -> None:
    error = refusal(tmp_path, "\n\ndef get_embeddings(:\n")
    assert "line 3" in error.message
    assert error.cause.startswith("SyntaxError")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("import sys; sys.exit('no GPU')", "no GPU"),
        ("import os; os._exit(7)", "exit code 7"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "memory"),
    ],
)
def test_hooks_that_die_are_told_as_such(tmp_path: Path, text: str, said: str) -> None:
    assert said in refusal(tmp_path, text).cause


def test_a_result_of_an_earlier_run_is_never_taken_for_this_one(tmp_path: Path) -> None:
    hooks_of(tmp_path, "def get_embeddings(): return {'a': [1]}" + LOSSES)
    refusal(tmp_path, "import os; os._exit(0)")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("def get_embeddings(): pass" + LOSSES, "returned nothing"),
        ("def get_embeddings(): return {}" + LOSSES, "no vectors"),
        ("def get_embeddings(): return [1, 2, 3]" + LOSSES, "list"),
        ("def get_embeddings(): return ['a'], [[1], [2]]" + LOSSES, "1 tags and 2 vectors"),
        ("def get_embeddings(): return {'a': 'text'}" + LOSSES, "'a'"),
        ("def get_embeddings(): return {'a': None}" + LOSSES, "'a'"),
        ("import numpy\ndef get_embeddings(): return {'a': numpy.eye(2)}" + LOSSES, "(2, 2)"),
        ("def get_embeddings(): return {'a': [1]}\ndef get_loss_trainset(): pass", "nothing"),
        (
            "def get_embeddings(): return {'a': [1]}\ndef get_loss_trainset(): return {'a': []}",
            "'a'",
        ),
        ("import numpy\ndef get_embeddings(): return ['a'], numpy.eye(1) * 1j" + LOSSES, "complex"),
        ("import numpy\ndef get_embeddings(): return {'a': numpy.eye(1) * 1j}" + LOSSES, "complex"),
        (
            "def get_embeddings(): return {'a': [1]}\ndef get_tags_labeled(): return 'a'" + LOSSES,
            "get_tags_labeled",
        ),
    ],
)
def test_what_cannot_be_used_is_refused_with_what_it_is(
    tmp_path: Path, text: str, said: str
) -> None:
    error = refusal(tmp_path, text)
    assert error.exit_code == ExitCode.FAILED
    assert said in error.message


@pytest.mark.parametrize("kind", ["list", "numpy.array"])
def test_vectors_of_unequal_length_are_named_by_tag(tmp_path: Path, kind: str) -> None:
    error = refusal(
        tmp_path,
        "import numpy\ndef get_embeddings():\n"
        f"    return {{t: {kind}([1.0] * (2 if t in 'xy' else 3)) for t in 'xabcy'}}" + LOSSES,
    )
    assert "'x', 'y' (2)" in error.cause
    assert "'a'" not in error.cause


def test_a_missing_function_is_a_matter_of_configuration(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"get_loss_trainset\(\)"):
        hooks_of(tmp_path, "def get_embeddings(): return {'a': [1]}")


def test_a_missing_file_is_a_matter_of_configuration(tmp_path: Path) -> None:
    missing = Workspace(
        root=tmp_path, learning=Learning(hooks=tmp_path / "gone.py", python=sys.executable)
    )
    with pytest.raises(ConfigurationError, match=r"gone\.py"):
        finish(run_hooks(missing, tmp_path / "round"))
    assert not (tmp_path / "round").exists()


def test_a_missing_python_is_a_matter_of_configuration(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no/such/python"):
        hooks_of(tmp_path, LOSSES, "/no/such/python")


COUNTED = """
import json, pathlib
from model import VECTOR
def get_embeddings():
    runs = pathlib.Path("runs").read_text() if pathlib.Path("runs").exists() else ""
    with open("runs", "w") as file:
        file.write(runs + "x")
    return {"a": VECTOR, "b": json.loads(pathlib.Path("weights.json").read_text())}
def get_loss_trainset():
    return {"a": len(list(pathlib.Path("checkpoints").iterdir()))}
"""


def counted(root: Path) -> Workspace:
    ready = workspace(root, COUNTED)
    (root / "labeling" / "model.py").write_text("VECTOR = [1, 2]")
    (root / "weights.json").write_text("[3, 4]")
    (root / "checkpoints").mkdir()
    return ready


def second_look(ready: Workspace) -> Hooks:
    return finish(run_hooks(ready, ready.root / "round", reuse=True))


def test_a_second_look_costs_no_run_and_gives_the_same(tmp_path: Path) -> None:
    ready = counted(tmp_path)
    first = second_look(ready)
    (tmp_path / "round" / "unit.npy").touch()
    again = second_look(ready)
    assert (tmp_path / "runs").read_text() == "x"
    assert again.losses == first.losses
    assert list(again.embeddings.tags) == list(first.embeddings.tags)
    np.testing.assert_array_equal(again.embeddings.vectors, first.embeddings.vectors)


@pytest.mark.parametrize(
    "change",
    [
        lambda root: (root / "labeling/active_learning.py").write_text(COUNTED + "\n# changed"),
        lambda root: (root / "labeling/model.py").write_text("VECTOR = [1, 2, 3][:2]"),
        lambda root: (root / "weights.json").write_text("[3, 4.5]"),
        lambda root: (root / "checkpoints/new.pt").touch(),
        lambda root: (root / "round/embeddings.npy").write_bytes(b""),
    ],
    ids=["the hooks file", "a module of its own", "a file it reads", "a folder", "our own copy"],
)
def test_what_has_changed_since_makes_the_hooks_run_again(
    tmp_path: Path, change: Callable[[Path], object]
) -> None:
    ready = counted(tmp_path)
    second_look(ready)
    change(tmp_path)
    assert len(second_look(ready).embeddings.tags) == 2
    assert (tmp_path / "runs").read_text() == "xx"


def test_weights_that_a_library_opens_unseen_make_the_hooks_run_again(tmp_path: Path) -> None:
    ready = counted(tmp_path)
    weights = tmp_path / "checkpoints" / "best.safetensors"
    weights.write_bytes(b"old")
    second_look(ready)
    # The time of its content is that of the old one, as after `cp -p`.
    former = weights.stat()
    weights.write_bytes(b"new")
    os.utime(weights, ns=(former.st_atime_ns, former.st_mtime_ns))
    second_look(ready)
    assert (tmp_path / "runs").read_text() == "xx"


def test_what_was_overwritten_while_the_hooks_ran_is_not_taken_for_what_they_read(
    tmp_path: Path,
) -> None:
    ready = workspace(
        tmp_path,
        """
        text = open("weights.json").read()
        open("weights.json", "w").write(text + " ")
        open("runs", "a").write("x")
        def get_embeddings(): return {"a": [1, 2]}
        """
        + textwrap.indent(LOSSES, " " * 8),
    )
    (tmp_path / "weights.json").write_text("[3]")
    second_look(ready)
    second_look(ready)
    assert (tmp_path / "runs").read_text() == "xx"


@pytest.mark.parametrize(
    "outside",
    [
        "import subprocess; subprocess.run(['true'])",
        "import os; os.system('true')",
        "import socket; socket.create_server(('127.0.0.1', 0)); "
        "s = socket.socket(); s.connect_ex(('127.0.0.1', 9))",
    ],
    ids=["a program", "a shell", "the network"],
)
def test_hooks_that_reach_outside_run_again_each_time(tmp_path: Path, outside: str) -> None:
    text = f"{outside}\nopen('runs', 'a').write('x')\ndef get_embeddings(): return {{'a': [1]}}"
    ready = workspace(tmp_path, text + LOSSES)
    second_look(ready)
    second_look(ready)
    assert (tmp_path / "runs").read_text() == "xx"


def test_new_images_and_annotations_are_told_by_what_the_hooks_read_of_them(
    tmp_path: Path,
) -> None:
    images, annotations = tmp_path / "data" / "images", tmp_path / "data" / "annotations"
    ready = dataclasses.replace(
        counted(tmp_path),
        images=Images(path=images),
        annotations=Annotations(path=annotations, dataset=tmp_path / "data" / "dataset.json"),
    )
    images.mkdir(parents=True)
    annotations.mkdir()
    second_look(ready)
    (images / "1.png").touch()
    (annotations / "1").touch()
    second_look(ready)
    assert (tmp_path / "runs").read_text() == "x"


def test_a_second_look_says_from_when_what_it_uses_is(tmp_path: Path) -> None:
    ready = counted(tmp_path)
    second_look(ready)
    yesterday = time.time() - 24 * 3600
    os.utime(tmp_path / "round" / "result.json", (yesterday, yesterday))
    notes: list[str] = []
    finish(run_hooks(ready, tmp_path / "round", reuse=True), lambda event: notes.append(event.note))
    day = time.strftime("%Y-%m-%d at %H:%M", time.localtime(yesterday))
    assert any("not run again" in note and day in note for note in notes)


def test_another_python_runs_the_hooks_again(tmp_path: Path, bare_python: str) -> None:
    ready = counted(tmp_path)
    second_look(ready)
    second_look(workspace(tmp_path, COUNTED, bare_python))
    assert (tmp_path / "runs").read_text() == "xx"


def test_a_failed_run_is_never_taken_for_a_result(tmp_path: Path) -> None:
    ready = workspace(tmp_path, "raise ValueError('no')")
    for _ in range(2):
        with pytest.raises(LabelpilotError, match="line 1"):
            second_look(ready)


def test_what_is_still_in_use_from_an_earlier_run_stays_as_it_was(tmp_path: Path) -> None:
    first = hooks_of(tmp_path, "def get_embeddings(): return {'a': [1, 2]}" + LOSSES)
    hooks_of(tmp_path, "def get_embeddings(): return {'a': [3]}" + LOSSES)
    np.testing.assert_array_equal(first.embeddings.vectors, [[1, 2]])


def test_a_second_look_reads_the_users_own_file_of_vectors_if_it_is_the_same(
    tmp_path: Path,
) -> None:
    ready = workspace(
        tmp_path,
        "def get_embeddings(): return 'e.npz'" + LOSSES,
    )
    np.savez(tmp_path / "e.npz", tags=np.array(["a"]), embeddings=np.eye(1))
    second_look(ready)
    second_look(ready)
    np.savez(tmp_path / "e.npz", tags=np.array(["a", "b"]), embeddings=np.eye(2))
    assert list(second_look(ready).embeddings.tags) == ["a", "b"]


def test_a_second_look_at_a_folder_of_shards_sees_that_one_has_changed(tmp_path: Path) -> None:
    # Outside the workspace, so that only what the hooks gave tells.
    root, folder = tmp_path / "workspace", tmp_path / "shards"
    root.mkdir()
    folder.mkdir()
    write_shards(folder, np.eye(3), ["a", "b", "c"], rows=2)
    ready = workspace(root, f"def get_embeddings(): return {str(folder)!r}" + LOSSES)
    assert list(second_look(ready).embeddings.tags) == ["a", "b", "c"]
    write_shards(folder, np.eye(4), ["a", "b", "c", "d"], rows=2)
    assert list(second_look(ready).embeddings.tags) == ["a", "b", "c", "d"]
