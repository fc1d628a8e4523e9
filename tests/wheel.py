"""Builds the wheel, installs it in clean environments, and runs it outside this folder.

    python tests/wheel.py                 without any extra, then with `demo` added
    python tests/wheel.py --all-extras    and with each other extra, alone

With `demo` the whole example is walked, on a Label Studio that is started for the first time beside
the installed `core` of labelpilot's: Label Studio has a top-level `core` too. It migrates its
database, or finds the migrated one that MIGRATED_DATABASE names.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.constraints import named  # noqa: E402

EXTRAS = ("studio", "learning", "pictures", "sharp-pictures", "tables", "cluster")
SECONDS = 600
# Makes the example, and says where its server keeps its data.
MAKE = """
from pathlib import Path
from core.progress import finish
from core.setup.demo import make_demo
print(finish(make_demo(Path("example"))).state.make_server())
"""
IMAGES = 1797


def data_files() -> set[str]:
    """What the installed package must hold beside code."""
    found = [path for name in ("core", "tui") for path in (ROOT / name).rglob("*")]
    files = [path for path in found if path.is_file() and path.suffix not in (".py", ".pyc")]
    return {str(path.relative_to(ROOT)) for path in files} | {"screens.css"}


def build(folder: Path) -> Path:
    """The wheel, made in `folder`, with all that must be in it."""
    subprocess.run(["uv", "build", "-q", "--wheel", "-o", folder], cwd=ROOT, check=True)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        lacking = data_files() - set(archive.namelist())
    assert not lacking, f"the wheel lacks {lacking}"
    return wheel


@dataclass(frozen=True)
class Installed:
    """An environment that holds the wheel and what it needs, and a folder to run it in."""

    programs: Path
    folder: Path

    def run(
        self, *arguments: str, program: str = "labelpilot", codes: tuple[int, ...] = (0,)
    ) -> str:
        """What a command of labelpilot's, or of another installed program's, prints."""
        passed_on = {name: os.environ[name] for name in ("HOME", "LANG") if name in os.environ}
        done = subprocess.run(
            [self.programs / program, *arguments],
            cwd=self.folder,
            env=passed_on
            | {
                "PATH": f"{self.programs}:/usr/bin:/bin",
                "XDG_CONFIG_HOME": str(self.folder / "config"),
                "PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring",
            },
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS,
        )
        assert done.returncode in codes, (arguments, done.returncode, done.stderr)
        assert "Traceback" not in done.stderr, done.stderr
        return done.stdout


def new_environment(folder: Path) -> Path:
    """The folder of an environment without anything, in `folder`, which is made."""
    environment = folder / "environment"
    folder.mkdir()
    subprocess.run(["uv", "venv", "-q", "--python", sys.executable, environment], check=True)
    return environment


def install(wheel: Path, extra: str, environment: Path) -> Installed:
    """The wheel with one extra (or none), and what it needs at the tested versions, added to an
    environment; it runs in an empty folder."""
    folder = environment.parent
    python = environment / "bin" / "python"
    constraints = folder / "constraints.txt"
    constraints.write_text("\n".join(named()))
    command: list[str | Path] = ["uv", "pip", "install", "-q", "--python", python]
    command += ["--constraint", constraints, f"labelpilot[{extra}] @ {wheel.as_uri()}"]
    subprocess.run(command, cwd=folder, check=True)
    share_compiled(environment)
    empty = folder / f"empty {extra}"
    empty.mkdir()
    return Installed(environment / "bin", empty)


def share_compiled(environment: Path) -> None:
    """Give an environment what Python has compiled of the same files in this folder's own, if that
    lies on the same disk: it is compiled again where a file is another one."""
    lib = ROOT / ".venv" / "lib"
    with contextlib.suppress(OSError):
        for compiled in lib.glob("python*/site-packages/**/__pycache__"):
            beside = environment / "lib" / compiled.relative_to(lib)
            if beside.parent.is_dir() and not beside.exists():
                shutil.copytree(compiled, beside, copy_function=os.link)


def check(installed: Installed, version: str) -> None:
    """The commands that need nothing."""
    assert version in installed.run("--version")
    # In an empty folder much is still to do; it is said, and nothing breaks.
    assert json.loads(installed.run("doctor", "--json", codes=(0, 1)))["findings"]


def walk(installed: Installed) -> None:
    """The example, from a folder that does not exist to the next images to label."""
    database = Path(os.environ.get("MIGRATED_DATABASE", ""))
    if database.is_file():
        there = Path(installed.run("-c", MAKE, program="python").strip(), "label_studio.sqlite3")
        shutil.copyfile(database, there)
        there.chmod(0o600)
    try:
        done = json.loads(installed.run("demo", "--auto", "--json", "--dir", "example"))
    finally:
        installed.run("server", "stop", "--workspace", "example", codes=(0, 1, 2))
    assert done["tasks"] == done["images"] == IMAGES, done
    assert done["learning"]["scored"] > 0, done


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--all-extras", action="store_true", help="try each extra alone")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="labelpilot-wheel-") as name:
        folder = Path(name)
        wheel = build(folder)
        version = wheel.name.split("-")[1]
        first = new_environment(folder / "first")
        for extra in ("", "demo", *(EXTRAS if options.all_extras else ())):
            alone = new_environment(folder / extra) if extra in EXTRAS else first
            installed = install(wheel, extra, alone)
            check(installed, version)
            if extra == "demo":
                walk(installed)
            print(f"{wheel.name}{f'[{extra}]' if extra else ''}: installed, it runs")


if __name__ == "__main__":
    main()
