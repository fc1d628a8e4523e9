"""What may import what: core knows no terminal, and only core/studio opens connections."""

from __future__ import annotations

import ast
import functools
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

# In one process, which reads each file's imports once.
pytestmark = pytest.mark.xdist_group("imports")

ROOT = Path(__file__).resolve().parents[2]
CORE = sorted((ROOT / "core").rglob("*.py"))
TUI = sorted((ROOT / "tui").rglob("*.py"))
# Run by path in the server's own process, and never imported: Label Studio's top-level package is
# named `core` too.
LAUNCHER = ROOT / "core" / "studio" / "launcher"
# The rooms of core in the order of the data: each imports those before it, and none behind it.
ORDER = (
    "",  # the files beside the folders: what everything stands on
    "workspace",
    "secrets",
    "studio",
    "tasks",
    "labeling",
    "dataset",
    "learning",
    "setup",
)
CONNECTING = (
    "aiohttp ftplib http.client httpx label_studio_sdk requests smtplib socket ssl urllib.request "
    "urllib3 websocket websockets xmlrpc.client"
).split()
HEAVY = "PIL annoy django httpx keyring label_studio_sdk secretstorage sklearn tomlkit".split()
NAMES_A_KEY = re.compile(
    r"press (?!enter)|, then [\w?:]\b|in the app\b|\([a-z0-9?:]\)|`[a-z0-9?:]`|\besc(ape)?\b", re.I
)
LEAN = ROOT / "core" / "studio" / "lean_httpx.py"
STARTING = "core httpx keyring label_studio_sdk numpy orjson psutil rich sklearn textual".split()


def module(path: Path) -> str:
    name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
    return name.removesuffix(".__init__")


@functools.cache
def imported(path: Path) -> tuple[str, ...]:
    """Every module that a file imports anywhere, in functions too; `from a import b` gives both."""
    return tuple(_imported(path))


def _imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            # The launcher's files have another name where they run.
            assert node.level == 0 or path.parent == LAUNCHER, f"{path} imports relatively"
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def of(names: list[str], name: str) -> bool:
    return any(name == one or name.startswith(f"{one}.") for one in names)


def loaded_by(code: str) -> set[str]:
    """The modules that are loaded once `code` has run in a fresh interpreter."""
    code += "\nimport json, sys\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    return set(json.loads(done.stdout))


@pytest.fixture(scope="module")
def loaded_by_core() -> set[str]:
    # Imported where httpx would be: in functions.
    names = [module(path) for path in CORE if path not in (LAUNCHER, LEAN)]
    return loaded_by("\n".join(f"import {name}" for name in names))


def room(name: str) -> str:
    """The folder of core that a module lies in; empty for the files beside the folders."""
    first = name.split(".")[1] if "." in name else ""
    return first if (ROOT / "core" / first).is_dir() else ""


def test_every_room_of_core_imports_only_those_before_it() -> None:
    assert {path.name for path in (ROOT / "core").iterdir() if path.is_dir()} - {
        "__pycache__"
    } <= set(ORDER)
    backwards = [
        f"{module(path)} imports {name}"
        for path in CORE
        for name in imported(path)
        if of(["core"], name) and ORDER.index(room(name)) > ORDER.index(room(module(path)))
    ]
    assert backwards == []


def test_the_help_on_development_shows_the_rooms_in_their_order() -> None:
    topic = (ROOT / "tui/help/development.md").read_text(encoding="utf-8")
    tree = topic.partition("\ncore/\n")[2].partition("\ntui/\n")[0]
    assert re.findall(r"^  (\w+)/ ", tree, re.M) == [name for name in ORDER if name]


def test_no_file_needs_itself_on_the_way_round() -> None:
    """No circles, neither through what is imported in a function or for the types alone."""
    modules = {module(path): path for path in [*CORE, *TUI]}
    needed = {
        name: {other for other in imported(path) if other in modules} - {name}
        for name, path in modules.items()
    }
    # Take away what needs nothing more, until what is left needs itself.
    while free := [name for name, others in needed.items() if not others & needed.keys()]:
        for name in free:
            del needed[name]
    assert sorted(needed) == []


def test_no_screen_knows_the_app() -> None:
    knowing = [
        module(path) for path in TUI if any(of(["tui.app"], name) for name in imported(path))
    ]
    assert knowing == ["tui.commands.console"]


def test_core_imports_no_terminal(loaded_by_core: set[str]) -> None:
    assert "core.setup.checklist" in loaded_by_core
    assert not {name for name in loaded_by_core if of(["textual", "rich", "click", "tui"], name)}


def test_core_imports_no_terminal_in_any_function_either() -> None:
    faces = ["textual", "rich", "click", "tui"]
    assert [path for path in CORE if any(of(faces, name) for name in imported(path))] == []


def test_core_names_no_key_of_the_app() -> None:
    """Its sentences name commands; which key does the same is known to the app alone."""
    naming = [
        (module(path), text)
        for path in CORE
        for text in sentences(path)
        if NAMES_A_KEY.search(text)
    ]
    assert naming == []


def sentences(path: Path) -> Iterator[str]:
    """The strings of a file that are no docstring; of a formatted one, the parts."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    told = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in told:
            yield node.value


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("`labelpilot`, then t", True),
        ("or 3 and enter in the app.", True),
        ("Press r to look again.", True),
        ("press `a`", True),
        ("label some first (b), and export them (3)", True),
        ("`t` in the app offers others", True),
        ("esc stops it", True),
        ("paste the token and press enter", False),
        ("(`labelpilot sync`), then again", False),
        ("a (very) long one", False),
    ],
)
def test_a_key_in_a_sentence_is_told(text: str, names: bool) -> None:
    assert bool(NAMES_A_KEY.search(text)) is names


def test_heavy_packages_are_imported_when_they_are_used(loaded_by_core: set[str]) -> None:
    assert not {name for name in loaded_by_core if of(HEAVY, name)}


def test_httpx_is_imported_without_what_it_loads_for_others() -> None:
    loaded = loaded_by("import core.studio.lean_httpx")
    assert "httpcore" in loaded
    assert not {name for name in loaded if of(["rich", "click", "trio", "anyio"], name)}
    # What is imported for types alone stands outside of functions.
    assert not [
        path
        for path in CORE
        for function in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(function, ast.FunctionDef)
        for node in ast.walk(function)
        if isinstance(node, ast.Import) and "httpx" in (alias.name for alias in node.names)
    ]


def test_only_core_studio_opens_connections() -> None:
    opening = [
        path
        for path in [*CORE, *TUI]
        if "studio" not in path.relative_to(ROOT).parts
        and any(of(CONNECTING, name) for name in imported(path))
        and not asks_only_for_the_hosts_name(path)
    ]
    assert opening == []


def asks_only_for_the_hosts_name(path: Path) -> bool:
    """Whether all that a file has of the network is `socket.gethostname`."""
    connecting = {name for name in imported(path) if of(CONNECTING, name)}
    used = {
        node.attr
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "socket"
    }
    return connecting == {"socket"} and used == {"gethostname"}


@pytest.mark.parametrize(
    ("what", "file"),
    [
        (r"httpx\.(Client|AsyncClient|get|post|request|stream)\(", "studio/http.py"),
        (r"\bPopen\(|subprocess\.(run|call|check_\w+)\(|os\.(system|fork)\(", "processes.py"),
        (r"(?<!shlex\.)\b(un)?quote\(|local-files/", "images.py"),
        (r"\bfromstring\(|\biterparse\(|minidom", "labeling_config.py"),
    ],
    ids=["requests", "processes", "URLs of images", "labeling configs"],
)
def test_each_is_the_business_of_one_file(what: str, file: str) -> None:
    # The tether is a program of its own, which imports nothing of core.
    found = {
        path.relative_to(ROOT).as_posix()
        for path in [*CORE, *TUI]
        if path.name != "tether.py" and re.search(what, path.read_text(encoding="utf-8"))
    }
    assert found == {f"core/{file}"}


def test_a_request_is_sent_without_what_takes_long_to_load() -> None:
    loaded = loaded_by(
        """
from core.errors import StudioUnreachable
from core.studio.client import StudioClient
try:
    StudioClient("http://127.0.0.1:1", "a token").whoami()
except StudioUnreachable:
    pass
"""
    )
    assert "label_studio_sdk.core.client_wrapper" in loaded
    heavy = "label_studio_sdk.client stamina tenacity azure boto3 numpy pandas PIL sklearn".split()
    assert not {name for name in loaded if of(heavy, name)}


def test_nothing_of_labelpilots_process_imports_label_studio(loaded_by_core: set[str]) -> None:
    importing = [
        path
        for path in [*CORE, *TUI]
        if any(of(["label_studio", "django"], name) for name in imported(path))
    ]
    assert {path.parent for path in importing} == {LAUNCHER}
    assert not {name for name in loaded_by_core if of(["label_studio"], name)}
    launcher = [module(LAUNCHER / "__init__.py")]
    every = [*CORE, *TUI]
    assert [path for path in every if any(of(launcher, name) for name in imported(path))] == []


def test_the_launcher_imports_nothing_of_labelpilots() -> None:
    every = [name for path in LAUNCHER.glob("*.py") for name in imported(path)]
    assert not [name for name in every if of(["core", "tui"], name)]


def test_the_command_line_starts_with_little() -> None:
    loaded = loaded_by("import tui.cli")
    assert not {name for name in loaded if of(STARTING, name)}


def test_the_names_of_options_are_had_for_next_to_nothing() -> None:
    loaded = loaded_by("import core.dataset.options, core.learning.rounds.options")
    assert not {name for name in loaded if of([*STARTING[1:], "msgspec"], name)}


def named(path: Path) -> set[str]:
    """What a module's own text gives a name to, outside of functions and classes."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.alias):
            found.add(node.asname or node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
    return found


def test_commands_that_no_test_runs_import_what_is_there() -> None:
    """A benchmark takes long, so that nobody sees at once where a module of its has moved."""
    lacking = []
    for path in [
        p for room in ("benchmarks", "fuzz") for p in (ROOT / "tests" / room).glob("*.py")
    ]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.ImportFrom) or node.module is None:
                continue
            place = node.module.replace(".", "/")
            first = place.partition("/")[0]
            beside = path.parent / f"{place}.py"
            if not beside.exists() and first not in ("core", "tui", "tests"):
                continue
            file = beside if beside.exists() else ROOT / f"{place}.py"
            package = ROOT / place / "__init__.py"
            names = named(file) if file.exists() else named(package) if package.exists() else set()
            for name in {alias.name for alias in node.names} - names:
                if not (ROOT / place / f"{name}.py").exists():
                    lacking.append(f"{path.name}: {node.module}.{name}")
    assert lacking == []
