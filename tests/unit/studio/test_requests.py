"""What a request to Label Studio's leaves out: its own middleware, with an address book of ours."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from core.studio.process import LAUNCHER

PROBE = """
import importlib.util, json, os, sys, types
import label_studio
sys.path.insert(0, os.path.dirname(label_studio.__file__))
spec = importlib.util.spec_from_file_location(
    "launcher", sys.argv[1] + "/__init__.py", submodule_search_locations=[sys.argv[1]])
sys.modules["launcher"] = importlib.util.module_from_spec(spec)
requests = importlib.import_module("launcher.requests")
import django
from django.conf import settings
from django.http import HttpResponse
from django.urls import path
missed = []
def not_found(request, exception):
    missed.append(request.path)
    return HttpResponse(status=404)
def page(request):
    return HttpResponse(request.path + " " + request.GET.get("q", "") + " " + request.method)
urls = types.ModuleType("urls")
urls.urlpatterns = [path("a/", page), path("b", page)]
urls.handler404 = not_found
sys.modules["urls"] = urls
import core.settings.base as own
own = {name: getattr(own, name) for name in dir(own) if name.isupper()}
settings.configure(**own | dict(
    ROOT_URLCONF="urls", INSTALLED_APPS=[], LOGGING={}, DEBUG=False, SECRET_KEY="x",
    MIDDLEWARE=["core.middleware.CommonMiddlewareAppendSlashWithoutRedirect"]))
import core.middleware
if len(sys.argv) > 2:
    requests.append_slash_at_once()
from django.test import Client
asked = {}
for method, address in (("get", "/a?q=1"), ("post", "/a?q=1"), ("get", "/a/"), ("get", "/b"),
        ("get", "/b/"), ("get", "/c")):
    answer = getattr(Client(), method)(address)
    asked[method + address] = [answer.status_code, answer.content.decode()]
print(json.dumps({"asked": asked, "missed": missed}))
"""


def asked(folder: Path, *arguments: str) -> dict[str, dict[str, object]]:
    """The answers, and the pages that were made to say "not found"."""
    done = subprocess.run(
        [sys.executable, "-c", PROBE, str(LAUNCHER), *arguments],
        capture_output=True,
        text=True,
        timeout=300,
        env=os.environ
        | {"LABEL_STUDIO_BASE_DATA_DIR": str(folder), "LATEST_VERSION_CHECK": "false"},
        cwd=folder,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, dict[str, object]] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_a_page_without_its_slash_is_found_at_once_and_answers_as_ever(tmp_path: Path) -> None:
    stock, ours = asked(tmp_path), asked(tmp_path, "patched")
    assert ours["asked"] == stock["asked"]
    assert stock["missed"] == ["/a", "/a", "/b/", "/c", "/c/"]
    assert ours["missed"] == ["/b/", "/c", "/c/"]
