"""What a request to Label Studio's leaves out: its own middleware, with an address book of ours."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from core.studio.process import LAUNCHER

LOAD = """
import importlib.util, json, os, sys, types
import label_studio
sys.path.insert(0, os.path.dirname(label_studio.__file__))
spec = importlib.util.spec_from_file_location(
    "launcher", sys.argv[1] + "/__init__.py", submodule_search_locations=[sys.argv[1]])
sys.modules["launcher"] = importlib.util.module_from_spec(spec)
requests = importlib.import_module("launcher.requests")
"""
PROBE = """
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
FLAGS = """
from django.conf import settings
import core.settings.base as own
own = {name: getattr(own, name) for name in dir(own) if name.isupper()}
settings.configure(**own | dict(
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes"],
    AUTH_USER_MODEL="auth.User", LOGGING={}, SECRET_KEY="x",
    FEATURE_FLAGS_FROM_FILE=True, FEATURE_FLAGS_OFFLINE=False))
import django
django.setup()
flags = importlib.import_module("core.feature_flags")
client, asked = flags.base.client, []
stock = client.variation
def variation(key, context, default):
    asked.append(key)
    return stock(key, context, default)
client.variation = variation
names = json.load(open(flags.base.feature_flags_file))["flags"]
people = [{"key": "a@x.org", "custom": {"organization": "x"}}, {"key": "b@x.org"}]
def answers():
    return [client.variation(name, who, default)
        for name in [*names, "no flag"] for who in people for default in (True, False)]
before = answers()
requests.keep_flags()
asked.clear()
same = answers() == answers() == before
once = len(asked) == len(before)
settings.FEATURE_FLAGS_FROM_FILE = False
try:
    requests.keep_flags()
except requests.Closed:
    print(json.dumps({"same": same, "once": once}))
"""


def ran(folder: Path, program: str, *arguments: str) -> Any:
    """What a program prints in the end, which begins as `LOAD` says."""
    done = subprocess.run(
        [sys.executable, "-c", LOAD + program, str(LAUNCHER), *arguments],
        capture_output=True,
        text=True,
        timeout=300,
        env=os.environ
        | {"LABEL_STUDIO_BASE_DATA_DIR": str(folder), "LATEST_VERSION_CHECK": "false"},
        cwd=folder,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_a_page_without_its_slash_is_found_at_once_and_answers_as_ever(tmp_path: Path) -> None:
    stock, ours = ran(tmp_path, PROBE), ran(tmp_path, PROBE, "patched")
    assert ours["asked"] == stock["asked"]
    assert stock["missed"] == ["/a", "/a", "/b/", "/c", "/c/"]
    assert ours["missed"] == ["/b/", "/c", "/c/"]


def test_a_flag_is_what_it_was_and_worked_out_once(tmp_path: Path) -> None:
    assert ran(tmp_path, FLAGS) == {"same": True, "once": True}
