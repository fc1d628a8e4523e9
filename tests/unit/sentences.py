"""Each sentence that the program can print, to be read once more: is it plain English?

    uv run python -m tests.unit.sentences [PART OF A PATH]

Lists the texts of several words in the source with their places, a value as `{...}`. Of what
documents code, only what documents a command is printed, as its help.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# What is no English: code for another program, and what is sent to it.
_NO_SENTENCE = re.compile(
    r"^\s*(SELECT|INSERT|DELETE|UPDATE|CREATE|DROP|PRAGMA|BEGIN|ALTER)\b"
    r"|^\s*<|^[\W\d_]*$|\\[swd]|^import "
)
_WORDS = re.compile(r"[A-Za-z]{2,}[,;:.!?]?\s+(\{\.\.\.\}\s*)?[a-z`'\"({]")
# Read by Label Studio's process, or by nobody.
_ELSEWHERE = ("core/studio/launcher/",)


def sentences(part: str = "") -> Iterator[tuple[str, int, str]]:
    """(file, line, text) of each, in the order of the files."""
    for folder in ("core", "tui"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            name = path.relative_to(ROOT).as_posix()
            if part in name and not name.startswith(_ELSEWHERE):
                yield from ((name, *found) for found in _of(path))


def _of(path: Path) -> Iterator[tuple[int, str]]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    passed = set(_documentation(tree))
    for node in ast.walk(tree):
        if node in passed:
            continue
        if isinstance(node, ast.JoinedStr):
            passed.update(ast.walk(node))
        text = _text(node)
        if text and _WORDS.search(text) and not _NO_SENTENCE.search(text):
            yield node.lineno, " ".join(text.split())


def _documentation(tree: ast.Module) -> Iterator[ast.AST]:
    """The strings that document code; what documents a command is its help, and printed."""
    helps = {
        node.body[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef)
        and any(
            re.match(r"(click\.)?(command|group)\(", ast.unparse(one))
            for one in node.decorator_list
        )
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and node not in helps:
            yield node.value


def _text(node: ast.AST) -> str:
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else ""
    if isinstance(node, ast.JoinedStr):
        parts = [one.value if isinstance(one, ast.Constant) else "{...}" for one in node.values]
        return "".join(map(str, parts))
    return ""


if __name__ == "__main__":
    for file, line, text in sentences(*sys.argv[1:2]):
        print(f"{file}:{line}: {text}")
