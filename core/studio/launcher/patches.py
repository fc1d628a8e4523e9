"""What a patch of Label Studio is, and how all of them are applied.

A patch is a function that looks at what it will change and then changes it. It raises, whatever it
is, where something is not as it knows it, and has then changed nothing.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.metadata
import inspect
import json
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any

# The versions of Label Studio whose insides the patches were tried with.
TRIED = frozenset({"1.23.2"})
# Names of patches, with commas between: they are closed as a version that was not tried closes
# them. For tests.
CLOSED_VARIABLE = "LABELPILOT_CLOSED_PATCHES"
# In the server's data folder: which patches are closed in the process `pid`.
RECORD = "labelpilot-patches.json"


class Closed(Exception):
    """Label Studio does not look as a patch knows it."""


@dataclass(frozen=True)
class Patch:
    """One change. `without` says to people what no longer holds where it is closed."""

    name: str
    without: str
    early: bool
    any_version: bool
    apply: Callable[[], None]


PATCHES: list[Patch] = []
_closed: list[Patch] = []


def patch(
    name: str, without: str, *, early: bool = False, any_version: bool = False
) -> Callable[[Callable[[], None]], Callable[[], None]]:
    """Make a function a patch, applied once Label Studio's modules can be imported.

    An `early` one is applied before Django knows its settings. `any_version` is for what hangs on
    no inside of Label Studio's.
    """

    def registered(apply: Callable[[], None]) -> Callable[[], None]:
        PATCHES.append(Patch(name, without, early, any_version, apply))
        return apply

    return registered


def takes(function: Callable[..., object], *parameters: str) -> None:
    """Raise Closed unless `function` takes these parameters, and no others."""
    if tuple(inspect.signature(function).parameters) != parameters:
        raise Closed(f"{function.__qualname__} no longer takes {', '.join(parameters)}")


def answer_at(url: str, view: Any) -> None:
    """Have a view answer at `url`. Raises Closed where that cannot be."""
    from django.urls import path

    # Label Studio's own package of this name, not labelpilot's.
    urls = importlib.import_module("core.urls")
    if not hasattr(urls, "urlpatterns"):
        raise Closed("addresses are registered in another way")
    urls.urlpatterns.insert(0, path(url, view.as_view()))


def project_of(view: Any, request: Any) -> Any:
    """The project that a request to `view` names, if whoever asks may see it."""
    from django.shortcuts import get_object_or_404
    from projects.models import Project

    project = get_object_or_404(Project, pk=request.query_params.get("project"))
    view.check_object_permissions(request, project)
    return project


def apply_early() -> None:
    """Apply what must be there before Label Studio is loaded."""
    _apply(early=True)


def apply_once_loaded(server: ModuleType) -> None:
    """Have the other patches applied as soon as `label_studio.server` has loaded all the rest."""
    load = getattr(server, "_setup_env", None)
    if load is None:
        _closed.extend(patch for patch in PATCHES if not patch.early)
        _record()
        return

    def setup_env() -> None:
        load()
        _apply(early=False)
        _record()

    server._setup_env = setup_env  # type: ignore[attr-defined]


def _apply(early: bool) -> None:
    asked = os.environ.get(CLOSED_VARIABLE, "").split(",")
    for patch in PATCHES:
        if patch.early != early:
            continue
        try:
            version = importlib.metadata.version("label-studio")
            if patch.name in asked or not (patch.any_version or version in TRIED):
                raise Closed(f"not tried with Label Studio {version}")
            patch.apply()
        except Exception as error:  # whatever is missing, Label Studio starts without the patch
            _closed.append(patch)
            print(f"labelpilot: {patch.name} is closed: {error}. {patch.without}", flush=True)


def _record() -> None:
    """Write down which patches are closed, for labelpilot to say."""
    print(f"labelpilot: {len(PATCHES) - len(_closed)} of {len(PATCHES)} patches hold", flush=True)
    folder = os.environ.get("LABEL_STUDIO_BASE_DATA_DIR")
    if folder is None or "start" not in sys.argv[1:2]:
        return
    closed = [{"name": patch.name, "without": patch.without} for patch in _closed]
    file = os.path.join(folder, RECORD)
    # Without it, labelpilot says that the patches may not hold.
    with contextlib.suppress(OSError):
        with open(f"{file}.part", "w", encoding="utf-8") as written:
            json.dump({"pid": os.getpid(), "closed": closed}, written)
        os.replace(f"{file}.part", file)
