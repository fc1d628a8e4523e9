"""A folder of files with names that have caused trouble, and Label Studio's own rule for it."""

from __future__ import annotations

import ast
import importlib.util
import logging
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

ODD_NAMES = (
    "plain.png",
    ".hidden.png",
    "with space.png",
    "hash#and%percent.png",
    "plus+amp&eq=.png",
    "brackets [1] (2).png",
    "quote'and\"double.png",
    "Ünïcödé 图像.png",
    "UPPER.PNG",
    "new\nline.png",
    "no_suffix",
    "notes.txt",
    "back\\slash.png",
    "question?d=mark.png",
    "d=",
    "&d=x.png",
    "percent%2e%2e%2F.png",
    "..png",
    "s3:..png",
    "composed é.png",
    "decomposed e\u0301.png",
    "smile 😀.png",
    "x" * 251 + ".png",
)


@pytest.fixture
def images(tmp_path: Path) -> Path:
    folder = tmp_path / "data" / "images"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture(scope="session")
def label_studios_rule() -> Callable[[Path, str, bool], list[str]]:
    """The files that Label Studio's sync takes, by the code of the installed Label Studio itself.

    Its module cannot be imported without a configured Django, so the one method is taken out of it.
    """
    package = importlib.util.find_spec("label_studio")
    if package is None or not package.submodule_search_locations:
        pytest.skip("Label Studio is not installed here")
    module = Path(package.submodule_search_locations[0]) / "io_storages/localfiles/models.py"
    method = next(
        node
        for node in ast.walk(ast.parse(module.read_text()))
        if isinstance(node, ast.FunctionDef) and node.name == "iter_objects"
    )
    names: dict[str, Any] = {"Path": Path, "os": os, "re": re, "logger": logging.getLogger()}
    exec(compile(ast.Module([method], []), str(module), "exec"), names)
    iter_objects: Callable[[Any], Iterator[Path]] = names["iter_objects"]

    def rule(folder: Path, pattern: str, recursive: bool) -> list[str]:
        storage = SimpleNamespace(
            _get_storage_path_or_raise=lambda: str(folder),
            regex_filter=pattern,
            recursive_scan=recursive,
        )
        return [str(file.relative_to(folder)) for file in iter_objects(storage)]

    return rule
