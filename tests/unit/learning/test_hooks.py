"""The user's hooks file runs unchanged, in their own Python, and its errors come back as theirs."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest

from core.errors import ConfigurationError, LabelpilotError
from core.learning.hooks.run import RUNNER, run_hooks
from core.progress import Progress, finish
from core.workspace.settings import Learning, Workspace
from tests.unit.learning.hooks_file import LOSSES, hooks_of, refusal, workspace
from tui.commands.exit_codes import ExitCode, exit_code


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


def test_the_runners_folder_hides_no_module_of_the_users(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [path.stem for path in RUNNER.parent.glob("*.py") if path.stem != "__init__"]
    assert {"cache", "run", "runner", "templates"} <= {*names}
    installed = tmp_path / "installed"
    installed.mkdir()
    for name in names:
        (installed / f"{name}.py").write_text("OWNER = 'the user'")
    monkeypatch.setenv("PYTHONPATH", str(installed))
    owners = "".join(f"import {name}\nowners[{name!r}] = {name}.OWNER\n" for name in names)
    text = f"owners = {{}}\n{owners}def get_embeddings(): return {{f'{{n}}: {{o}}': [1] "
    hooks = hooks_of(tmp_path, text + "for n, o in owners.items()}" + LOSSES)
    assert {*hooks.embeddings.tags} == {f"{name}: the user" for name in names}


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


def test_an_error_that_names_a_file_of_odd_bytes_is_told(tmp_path: Path) -> None:
    text = "import os\ndef get_embeddings(): open(os.fsdecode(b'no\\xff.png'))" + LOSSES
    error = refusal(tmp_path, text)
    assert "no\\udcff.png" in error.cause
    assert "no\\udcff.png" in (tmp_path / "round" / "hooks.log").read_text()


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
    assert exit_code(error) == ExitCode.FAILED
    assert error.message == ("get_embeddings() in labeling/active_learning.py failed on line 1.")
    assert error.cause == "KeyError: 'layer4'"
    notes = [event.note for event in events]
    assert "Traceback (most recent call last):" not in notes
    log = (tmp_path / "round" / "hooks.log").read_text()
    assert log.startswith("Traceback (most recent call last):")
    assert "KeyError: 'layer4'" in log
    assert not any("runner.py" in note for note in notes)


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
    assert exit_code(error) == ExitCode.FAILED
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


def test_a_function_that_is_missing_or_still_to_be_completed_gives_nothing(tmp_path: Path) -> None:
    stub = "def get_embeddings():\n    raise NotImplementedError('yours')\n"
    hooks = hooks_of(tmp_path, stub)
    assert (hooks.embeddings, hooks.losses, hooks.labeled, hooks.probabilities) == (None,) * 4
    assert hooks_of(tmp_path, stub + LOSSES).losses == {"a": 0.5}
    assert hooks_of(tmp_path, "def get_embeddings(): return {'a': [1]}").losses is None


def test_what_is_not_implemented_in_the_users_libraries_is_an_error_of_theirs(
    tmp_path: Path,
) -> None:
    inner = "def layer():\n    raise NotImplementedError('no such kernel')\n"
    error = refusal(tmp_path, inner + "def get_embeddings():\n    return layer()\n")
    assert "no such kernel" in error.cause


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
