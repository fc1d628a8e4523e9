"""Holds the installation to the versions that pyproject.toml names, direct and indirect ones.

    python tests/constraints.py              says what would be installed otherwise
    python tests/constraints.py --write      names what is not named yet, drops what is not needed
    python tests/constraints.py --upgrade    names the newest versions of all

A lock file would name the hosts that packages came from; these are versions alone, for every
Python and system that labelpilot runs on.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from pathlib import Path

FILE = Path(__file__).resolve().parents[1] / "pyproject.toml"
LIST = re.compile(r"^constraint-dependencies = \[\n(.*?)^\]\n", re.MULTILINE | re.DOTALL)
EXPORT = "uv export --quiet --all-extras --no-hashes --no-annotate --no-header --no-emit-project"


def named() -> list[str]:
    """What pyproject.toml says, one `name==version ; marker` each."""
    found = LIST.search(FILE.read_text())
    assert found is not None, f"{FILE} has no constraint-dependencies"
    return re.findall(r'"(.*)"', found[1])


def resolved(*options: str) -> list[str]:
    """What uv comes to with the constraints that there are."""
    done = subprocess.run([*EXPORT.split(), *options], cwd=FILE.parent, stdout=subprocess.PIPE)
    if done.returncode:
        sys.exit("uv finds no versions that go together.")
    return done.stdout.decode().splitlines()


def write(constraints: list[str]) -> None:
    lines = "".join(f'    "{constraint}",\n' for constraint in constraints)
    text = f"constraint-dependencies = [\n{lines}]\n"
    FILE.write_text(LIST.sub(lambda _: text, FILE.read_text()))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--write", action="store_true", help="bring pyproject.toml up to date")
    parser.add_argument("--upgrade", action="store_true", help="and take the newest versions")
    options = parser.parse_args()
    before = named()
    if options.upgrade:
        write([])
    after = resolved("--upgrade") if options.upgrade else resolved()
    if options.write or options.upgrade:
        write(after)
    changes = [f"- {one}" for one in before if one not in after]
    changes += [f"+ {one}" for one in after if one not in before]
    print("\n".join(changes) or f"The {len(after)} versions are those that pyproject.toml names.")
    if changes and not (options.write or options.upgrade):
        sys.exit("pyproject.toml names others: `python tests/constraints.py --write`.")


if __name__ == "__main__":
    main()
