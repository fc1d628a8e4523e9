"""What commands open in `.labelpilot/`, and what they ask about, where a real server runs."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from pathlib import Path

from core.workspace.settings import load_workspace
from tests.studio.command import COMMAND_SECONDS
from tests.studio.conftest import Demo

# Commands of labelpilot's, one after the other, in which every opening of a file is looked at. A
# library may open by its name what was looked at first.
WATCHED = """
import os, sys, traceback
from pathlib import Path
folder = sys.argv.pop(1)
looked_at, opened, others = set(), [], set()
def watch(event, arguments):
    if event != "open" or not str(arguments[0]).startswith(folder + os.sep):
        return
    opened.append(str(arguments[0]))
    who = traceback.extract_stack(limit=3)[-2].filename
    # What takes a folder away looks itself that it is no link.
    if not arguments[2] & os.O_NOFOLLOW and str(arguments[0]) not in looked_at:
        if not who.endswith("shutil.py"):
            others.add((str(arguments[0]), who))
sys.addaudithook(watch)
from core import own_files
refuse_links, refuse_below = own_files.refuse_links, own_files.refuse_links_below
def noted(path):
    looked_at.add(str(path))
    return refuse_links(path)
own_files.refuse_links = noted
from tui.cli import main
import json
for command in sys.argv[1:]:
    looked_at.clear(), opened.clear(), others.clear()
    sys.argv = ["labelpilot", *command.split()]
    try:
        main()
    except SystemExit:
        pass
    told = {"command": command, "opened": sorted(set(opened)), "others": sorted(others)}
    print("\\0" + json.dumps(told))
"""
COMMANDS = (
    "doctor",
    "sync",
    "export",
    "report",
    "active-learning --model-version watched --fresh",
    "rounds",
    "rounds --undo watched",
    "suspects",
    "token show",
    "server logs",
)


def test_no_command_opens_anything_in_the_own_folder_in_a_way_that_follows_links(
    demo: Demo,
) -> None:
    opened: set[str] = set()
    done = subprocess.run(
        [sys.executable, "-c", WATCHED, str(demo.folder / ".labelpilot"), *COMMANDS],
        cwd=demo.folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=COMMAND_SECONDS,
        check=False,
    )
    told = [json.loads(line[1:]) for line in done.stdout.splitlines() if line.startswith("\0")]
    assert [one["command"] for one in told] == list(COMMANDS), done.stderr
    for one in told:
        assert one["others"] == [], (one["command"], done.stderr)
        opened |= set(one["opened"])
    names = {Path(path).name for path in opened}
    assert {"embeddings.npy", "hooks.log", "result.json", "round.json"} <= names, names
    assert {"label-studio.log", "labelpilot-server.json", "labelpilot-credentials.json"} <= names, (
        names
    )


def test_sync_setup_and_export_on_this_machine_ask_nobody(demo: Demo, tmp_path: Path) -> None:
    """Of a workspace that nobody has agreed to anything for."""
    nothing = {"LABELPILOT_TRUST": "", "XDG_CONFIG_HOME": str(tmp_path)}
    for command in ("setup", "sync", "export"):
        done = demo.run(command, **nothing)
        assert done.code == 0, done.err
    asked = demo.run("active-learning", "--model-version", "asked", **nothing)
    assert asked.code == 2
    assert "wants to run" in asked.err
    assert demo.run("trust", "--json", **nothing).json["agreed"] == []


def test_no_annotation_is_written_through_a_link(demo: Demo, tmp_path: Path) -> None:
    """Links that came with the annotation folder, named as the next annotations will be."""
    outside, nothing = tmp_path / "settings", tmp_path / "nothing"
    outside.write_text("the user's own")
    folder = load_workspace(demo.folder).annotations.path
    with contextlib.closing(demo.client()) as client:
        project = client.find_projects("Digits")[0]
        task = next(iter(client.tasks(project.id, project.image_key)))
        made = [client.annotate(task.id, [])]
        try:
            for target in (outside, nothing):
                (folder / str(made[-1] + 1)).symlink_to(target)
                made.append(client.annotate(task.id, []))
            assert outside.read_text() == "the user's own"
            assert not nothing.exists()
            assert all((folder / str(one)).is_file() for one in made)
            assert not any((folder / str(one)).is_symlink() for one in made)
        finally:
            for one in made:
                client.transport.send("DELETE", f"api/annotations/{one}/")
                (folder / str(one)).unlink(missing_ok=True)
            for link in filter(Path.is_symlink, folder.iterdir()):
                link.unlink()
