"""The workspace file: what it says, where it is wrong, and what a change keeps of it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import ConfigurationError, LabelpilotError
from core.workspace.settings import (
    Workspace,
    default_title,
    find_workspace,
    load_workspace,
    parse_workspace,
    save_workspace,
)
from tui.commands.exit_codes import ExitCode, exit_code

ROOT = Path("/workspace")
WHOLE = """\
[studio]
url = "http://127.0.0.1:8080/"
[images]
path = "data/images"
pattern = ".*png"
recursive = false
[project]
title = "Minifigures"
label_config = "labeling/project_config.xml"
sampling = "random"      # first time labeling
[annotations]
path = "data/annotations"
dataset = "data/dataset.json"
[learning]
hooks = "labeling/active_learning.py"
python = ".venv/bin/python"
neighbours = 5
"""


def refused(text: str) -> ConfigurationError:
    with pytest.raises(ConfigurationError) as raised:
        parse_workspace(text, ROOT)
    return raised.value


def test_every_key_is_read_and_every_path_is_absolute() -> None:
    workspace = parse_workspace(WHOLE, ROOT)
    assert workspace.studio.url == "http://127.0.0.1:8080"
    assert workspace.images.path == ROOT / "data/images"
    assert workspace.images.pattern == ".*png"
    assert workspace.project.title == "Minifigures"
    assert workspace.project.label_config == ROOT / "labeling/project_config.xml"
    assert workspace.annotations.dataset == ROOT / "data/dataset.json"
    assert workspace.learning.hooks == ROOT / "labeling/active_learning.py"
    assert workspace.hooks_python == str(ROOT / ".venv/bin/python")
    assert not workspace.owns_server


def test_an_empty_file_is_a_workspace_with_its_own_server() -> None:
    workspace = parse_workspace("", ROOT)
    assert workspace.owns_server
    assert workspace.project.title == "workspace"
    assert workspace.images.path.is_absolute()


@pytest.mark.parametrize(
    ("text", "words", "hint"),
    [
        ("[images]\npatern = 'x'\n", "line 2: `patern` in [images] is not known", "`pattern`"),
        ("\n[imagez]\n", "line 2: `imagez` is not known", "`images`"),
        ("[studio]\nzzz = 1\n", "line 2: `zzz` in [studio] is not known", "Known there: url"),
        ("studio = 3\n", "line 1: `studio` must be a section", ""),
        ("[[images]]\n", "line 1: `images` must be a section", ""),
        ("[images]\nrecursive = 'yes'\n", "line 2: `recursive` must be true or false", ""),
        ("[learning]\nneighbours = true\n", "line 2: `neighbours` must be a whole number", ""),
        ("[learning]\nneighbours = 0\n", "line 2: `neighbours` must be 1 or more", ""),
        ("[learning]\nscheduler = 8786\n", "line 2: `scheduler` must be text in quotes", ""),
        ("[learning]\nscheduler = '10.0.0.1:8786'\n", "line 2: `scheduler` must be an addr", ""),
        ("[learning]\nscheduler = 'tcp://10.0.0.1'\n", "line 2: `scheduler` must be an addr", ""),
        ("[learning]\nscheduler = 'tcp://a:0'\n", "line 2: `scheduler` must be an address", ""),
        ("[learning]\nscheduler = 'http://a:1'\n", "line 2: `scheduler` must be an address", ""),
        ("[learning]\nscheduler_secret = 'a'\n", "line 2: `scheduler_secret` is for a `sched", ""),
        ("[images]\npath = ''\n", "line 2: `path` must be a path in quotes, not ''", ""),
        ("[images]\npath = 'a\\u0000b'\n".replace("'", '"'), "line 2: `path` must be a path", ""),
        ("[images]\npattern = '['\n", "line 2: `pattern` is not a regular expression", ""),
        ("[images]\ntag = 'name'\n", 'line 2: `tag` must be one of "stem", "path"', ""),
        ("[project]\nsampling = 'rnd'\n", "line 2: `sampling` must be one of", ""),
        ("[project]\ntitle = 'ab'\n", "line 2: `title` must have 3 to 50 characters", ""),
        ('[project]\ntitle = "a\\u001b[31m"\n', "line 2: `title` must have", ""),
        ("[project]\nid = 'x'\n", "line 2: `id` must be a whole number", ""),
        ("[images\n", "not valid TOML", ""),
        ("[a]\nb = " + "[" * 5000, "not valid TOML", ""),
        ("[studio]\nurl = 'ftp://x'\n", "line 2: `url` must begin with http:// or https://", ""),
    ],
)
def test_what_is_wrong_is_named_with_its_line(text: str, words: str, hint: str) -> None:
    error = refused(text)
    assert words in error.message
    assert hint in error.next_step
    assert exit_code(error) == ExitCode.USAGE


def test_a_value_in_an_error_is_cut() -> None:
    assert len(str(refused(f"[learning]\nneighbours = '{'x' * 50_000}'\n"))) < 300


@pytest.mark.parametrize(
    "url",
    [
        "https://",
        "https://user:password@studio.example.org",
        "https://studio.example.org?next=1",
        "https://studio.example.org#here",
        "http://127.0.0.1\\@evil.example.org",
        "http://127.0.0.1:8080 @evil.example.org",
        "https://studio.example.org:99999",
        "https://studio.example.org/\u202e",
        "https://studio..example.org",
    ],
)
def test_an_address_that_could_mean_two_hosts_is_refused(url: str) -> None:
    assert "`url` must be a plain address" in refused(f"[studio]\nurl = '{url}'\n").message


@pytest.mark.parametrize(
    "url",
    ["http://localhost:8080", "http://127.0.0.1", "http://127.8.9.1:1/x", "http://[::1]:8080"],
)
def test_this_machine_is_spoken_to_in_clear(url: str) -> None:
    assert parse_workspace(f"[studio]\nurl = '{url}'\n", ROOT).studio.url == url


@pytest.mark.parametrize(
    "url",
    [
        "http://studio.example.org",
        "http://10.0.0.9:8080",
        "http://127.example.org",
        "http://localhost.example.org",
        "http://[2001:db8::1]",
        "http://0.0.0.0:8080",
    ],
)
def test_another_machine_is_spoken_to_in_clear_only_if_the_workspace_says_so(url: str) -> None:
    text = f"[studio]\nurl = '{url}'\n"
    error = refused(text)
    assert "line 2" in error.message
    assert "without encryption" in error.message
    assert "allow_http = true" in error.next_step
    assert parse_workspace(text + "allow_http = true\n", ROOT).studio.url == url


def test_the_home_folder_may_be_written_as_a_tilde(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/anna")
    text = "[images]\npath = '~/images'\n[learning]\npython = '~/venv/bin/python'\n"
    workspace = parse_workspace(text, ROOT)
    assert workspace.images.path == Path("/home/anna/images")
    assert workspace.hooks_python == "/home/anna/venv/bin/python"
    unknown = parse_workspace("[images]\npath = '~nobody-of-that-name/images'\n", ROOT)
    assert unknown.images.path == ROOT / "~nobody-of-that-name/images"


def test_dots_are_resolved_and_links_keep_their_name(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    text = "[images]\npath = 'x/../link/./images'\n"
    assert parse_workspace(text, tmp_path).images.path == tmp_path / "link" / "images"


def test_the_python_of_the_hooks_is_the_workspaces_then_the_active_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    active = tmp_path / "active"
    monkeypatch.setenv("VIRTUAL_ENV", str(active))
    workspace = parse_workspace("", tmp_path)
    assert workspace.hooks_python not in (str(active / "bin/python"),)
    for folder in (active, tmp_path / ".venv"):
        (folder / "bin").mkdir(parents=True)
        (folder / "bin" / "python").touch()
        assert workspace.hooks_python == str(folder / "bin/python")


def test_a_missing_file_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"There is no labelpilot.toml") as raised:
        load_workspace(tmp_path)
    assert "labelpilot demo" in raised.value.next_step


@pytest.mark.parametrize("content", [b"\xff\xfe", b"#" * 200_000])
def test_a_file_that_is_no_workspace_file_is_a_sentence(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "labelpilot.toml").write_bytes(content)
    with pytest.raises(ConfigurationError):
        load_workspace(tmp_path)
    with pytest.raises(ConfigurationError):
        save_workspace(tmp_path, {"images": {"recursive": True}})
    assert (tmp_path / "labelpilot.toml").read_bytes() == content


def test_a_link_to_a_device_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "labelpilot.toml").symlink_to("/dev/zero")
    with pytest.raises(ConfigurationError, match="cannot be read"):
        load_workspace(tmp_path)


def test_the_nearest_folder_above_is_found(tmp_path: Path) -> None:
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    (tmp_path / "labelpilot.toml").touch()
    assert find_workspace(below) == tmp_path.resolve()


def test_a_change_keeps_comments_order_and_everything_else(tmp_path: Path) -> None:
    file = tmp_path / "labelpilot.toml"
    file.write_text("# ours\n" + WHOLE)
    changes = {"learning": {"neighbours": 7, "python": None}, "images": {"path": Path("other")}}
    workspace = save_workspace(tmp_path, changes)
    assert workspace == load_workspace(tmp_path)
    assert workspace.learning.neighbours == 7
    expected = WHOLE.replace("= 5", "= 7").replace('python = ".venv/bin/python"\n', "")
    assert file.read_text() == "# ours\n" + expected.replace('"data/images"', '"other"')


def test_a_change_that_does_not_fit_changes_nothing(tmp_path: Path) -> None:
    file = tmp_path / "labelpilot.toml"
    file.write_text(WHOLE)
    with pytest.raises(ConfigurationError):
        save_workspace(tmp_path, {"images": {"pattern": "["}})
    assert file.read_text() == WHOLE


def test_labelpilots_own_folder_is_private_and_ignored_by_git(tmp_path: Path) -> None:
    folder = Workspace(tmp_path).state.make()
    assert folder.stat().st_mode & 0o777 == 0o700
    assert (folder / ".gitignore").read_text() == "*\n"


@pytest.mark.parametrize("left", [b"", b"*\n!credentials.json\n"])
def test_git_takes_no_secret_whatever_git_ignore_was_left(tmp_path: Path, left: bytes) -> None:
    state = Workspace(tmp_path).state
    (state.make() / ".gitignore").write_bytes(left)
    state.make()
    (state.folder / "credentials.json").write_text("secret")
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    subprocess.run(["git", "-C", str(tmp_path), "add", "-A"], check=True)
    added = subprocess.run(
        ["git", "-C", str(tmp_path), "ls-files"], check=True, capture_output=True
    )
    assert added.stdout == b""


def test_a_full_disk_makes_no_folder_for_secrets_that_git_would_take(tmp_path: Path) -> None:
    limited = f"""
import resource, signal
from pathlib import Path
from core.errors import LabelpilotError
from core.workspace.settings import Workspace
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
try:
    Workspace(Path({str(tmp_path)!r})).state.make()
except LabelpilotError:
    print("refused", flush=True)
"""
    ran = subprocess.run([sys.executable, "-c", limited], capture_output=True, timeout=60)
    assert ran.stderr == b"" and os.listdir(tmp_path / ".labelpilot") == []
    Workspace(tmp_path).state.make()
    assert (tmp_path / ".labelpilot" / ".gitignore").read_text() == "*\n"


@pytest.mark.parametrize("name", ["", "a", "images", "x" * 80, "a\nb\x1b"])
def test_a_folders_name_becomes_a_title_that_label_studio_takes(name: str) -> None:
    title = default_title(Path("/") / name)
    assert 3 <= len(title) <= 50
    assert title.isprintable()


names = st.sampled_from(
    ["studio", "images", "project", "annotations", "learning", "url", "allow_http", "path", "tag"]
) | st.text(max_size=8)
names |= st.sampled_from(["pattern", "title", "sampling", "id", "hooks", "python", "neighbours"])
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text()
    | st.sampled_from(["~x", "~", "/", "..", "http://[", "https://x", "(?i:", "stem", "random"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=8,
)


def written(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{quoted(k)} = {written(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(written, value)) + "]"
    if isinstance(value, str):
        return quoted(value)
    return {None: "1979-05-27", True: "true", False: "false"}.get(value, str(value))  # type: ignore[call-overload,no-any-return]


def quoted(text: str) -> str:
    return '"' + "".join(f"\\U{ord(character):08x}" for character in text) + '"'


@given(st.dictionaries(names, st.dictionaries(names, values, max_size=4) | values, max_size=4))
def test_any_toml_is_a_workspace_or_one_of_our_errors(data: dict[str, object]) -> None:
    text = "\n".join(f"{quoted(name)} = {written(value)}" for name, value in data.items())
    try:
        workspace = parse_workspace(text, ROOT)
    except ConfigurationError as error:
        assert error.message.startswith("labelpilot.toml")
    else:
        assert all(os.path.isabs(path) for path in (workspace.images.path, workspace.file))


@given(st.text(max_size=200) | st.text("[]{}=\"'#\n.,studiomages 1", max_size=200))
def test_any_text_is_a_workspace_or_one_of_our_errors(text: str) -> None:
    try:
        assert isinstance(parse_workspace(text, ROOT), Workspace)
    except ConfigurationError as error:
        assert str(error)


@pytest.mark.parametrize(
    "text",
    [
        "studio.url = 'https://x.example.org'\nimages.recursive = true\n",
        "images = {path = 'x'}\n",
        "[images]\npath='x'\n[project]\n[learning]\n",
        "images = 3\n",
        "[images]\nzzz = 1\n",
        "[images]\npath = 'x'\npath = 'y'\n",
        "[images.path]\nx = 1\n",
    ],
)
def test_a_change_of_any_file_is_saved_whole_or_changes_nothing(tmp_path: Path, text: str) -> None:
    file = tmp_path / "labelpilot.toml"
    file.write_text(text)
    try:
        workspace = save_workspace(tmp_path, {"images": {"recursive": True}})
    except LabelpilotError:
        assert file.read_text() == text
    else:
        assert workspace.images.recursive
        assert load_workspace(tmp_path) == workspace
