"""Files that somebody made to do harm: each gets a sentence, in a moment, and does nothing.

What each got is in the table below: the exit code, and words of the sentence.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from core.workspace.settings import load_workspace
from tests.app.doubles import FakeBackend
from tests.studio import command
from tests.studio.command import Ran
from tui.app import LabelpilotApp

# Generous: what is let in takes minutes, or the machine's memory.
SECONDS = 20
IMAGE = '<Image name="image" value="$image"/>'
CHOICES = '<Choices name="kind" toName="image"><Choice value="cat"/></Choices>'
CONFIG = f"<View>{IMAGE}{CHOICES}</View>"
LAUGHS = (
    '<!DOCTYPE x [<!ENTITY a "ha">'
    + "".join(f'<!ENTITY {chr(98 + n)} "{f"&{chr(97 + n)};" * 10}">' for n in range(9))
    + f"]><View>{IMAGE}{CHOICES}&j;</View>"
)
SECRET = "what stands in another file"
# Sets the window's title, turns red, and turns the direction of what follows.
STEERING = "\x1b]0;owned\x07\x1b[31m\u202e\u200f\u2066gnp"


def config(text: str) -> Callable[[Path], None]:
    return lambda root: (root / "config.xml").write_text(text) and None


def entity(root: Path) -> None:
    (root / "other").write_text(SECRET)
    declared = f'<!DOCTYPE x [<!ENTITY e SYSTEM "file://{root}/other">]>'
    (root / "config.xml").write_text(f"{declared}<View>{IMAGE}{CHOICES}&e;</View>")


def large_config(root: Path) -> None:
    with open(root / "config.xml", "wb") as file:
        file.truncate(100_000_000)


def device(root: Path) -> None:
    (root / "config.xml").unlink()
    (root / "config.xml").symlink_to("/dev/zero")


def pipe(root: Path) -> None:
    (root / "config.xml").unlink()
    os.mkfifo(root / "config.xml")


def link(root: Path) -> None:
    (root / "data" / "images" / "evil.png").symlink_to("/etc/hostname")


def steering_link(root: Path) -> None:
    (root / "data" / "images" / f"{STEERING}.png").symlink_to("/etc/hostname")


def steering_key(root: Path) -> None:
    quoted = "".join(f"\\u{ord(character):04x}" for character in STEERING)
    (root / "labelpilot.toml").write_text(f'[images]\n"{quoted}" = 1\n')


def deep_toml(root: Path) -> None:
    (root / "labelpilot.toml").write_text("[images]\npath = " + "[" * 40_000 + "]" * 40_000)


def large_toml(root: Path) -> None:
    with open(root / "labelpilot.toml", "wb") as file:
        file.truncate(100_000_000)


def root_served(root: Path) -> None:
    (root / "labelpilot.toml").write_text(
        '[project]\nlabel_config = "config.xml"\n[images]\npath = "data/images"\n'
        '[annotations]\npath = "../../../../../../../../../../../etc"\n'
    )


TABLE: dict[str, tuple[Callable[[Path], None], int, str]] = {
    "billion laughs": (config(LAUGHS), 2, "DTDForbidden"),
    "external entity": (entity, 2, "DTDForbidden"),
    "tags nested 100,000 deep": (config("<a>" * 100_000 + "</a>" * 100_000), 2, "more than 100 "),
    "labeling config of 100 MB": (large_config, 2, "It is larger than 1,000,000 bytes"),
    "labeling config that never ends": (device, 2, "It is not a regular file"),
    "labeling config that waits for ever": (pipe, 2, "It is not a regular file"),
    "workspace file of 100 MB": (large_toml, 2, "It is larger than 100,000 bytes"),
    "workspace file nested 40,000 deep": (deep_toml, 2, "is not valid TOML"),
    "control codes in a key": (steering_key, 2, "is not known"),
    "link to /etc/hostname": (link, 2, "evil.png -> /etc/hostname"),
    "link whose name steers the terminal": (steering_link, 2, "-> /etc/hostname"),
    "`..` that would serve the whole disk": (root_served, 2, "would serve all of it"),
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    made = tmp_path / "workspace"
    (made / "data" / "images").mkdir(parents=True)
    (made / "data" / "annotations").mkdir()
    (made / "data" / "images" / "one.png").write_bytes(b"an image")
    (made / "config.xml").write_text(CONFIG)
    (made / "labelpilot.toml").write_text('[project]\nlabel_config = "config.xml"\n')
    return made


def run(root: Path, *arguments: str) -> Ran:
    return command.run(*arguments, "--workspace", str(root), seconds=SECONDS)


def steers(text: str) -> bool:
    steering = "[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u202a-\u202e\u2066-\u2069]"
    return re.search(steering, text) is not None


@pytest.mark.parametrize("case", TABLE)
def test_it_gets_a_sentence_and_nothing_is_made_of_it(root: Path, case: str) -> None:
    prepare, code, words = TABLE[case]
    prepare(root)
    done = run(root, "setup")
    assert done.code == code, done.err
    assert words in done.err
    assert SECRET not in done.err
    assert not steers(done.err + done.out)
    assert not (root / ".labelpilot" / "server").exists()


def annotation(number: int, image: str, choice: str = "cat") -> str:
    value = {"choices": [choice]}
    result = {"from_name": "kind", "to_name": "image", "type": "choices", "value": value}
    task = {"id": number, "data": {"image": image}}
    return json.dumps({"id": number, "result": [result], "task": task, "created_at": "2024-01-01"})


def test_annotations_made_to_do_harm_are_named_and_left_out(root: Path) -> None:
    folder = root / "data" / "annotations"
    (folder / "1").write_text(annotation(1, "/data/local-files/?d=images/one.png"))
    (folder / "2").write_text("[" * 10_000 + "]" * 10_000)
    (folder / "3").write_text('{"id": 3, "result": ' + "[" * 100_000 + "]" * 100_000 + "}")
    (folder / "4").write_text('{"a":' * 10_000 + "1" + "}" * 10_000)
    (folder / "5").write_text(annotation(5, "\ud800"))
    done = run(root, "export", "--json")
    assert done.code == 4, done.err
    assert json.loads(done.out)["images"] == 1
    assert json.loads(done.out)["unreadable"] == 4
    assert json.loads((root / "data" / "dataset.json").read_text()) == {"one": ["cat"]}


def test_no_file_is_written_outside_by_a_path_from_an_annotation(root: Path) -> None:
    folder = root / "data" / "annotations"
    for number, path in enumerate(
        ["images/../../../escaped.png", "%2e%2e/%2e%2e/escaped.png", "/etc/escaped.png"]
    ):
        (folder / str(number)).write_text(annotation(number, f"/data/local-files/?d={path}"))
    (root / "labelpilot.toml").write_text(
        '[images]\ntag = "path"\n[project]\nlabel_config = "config.xml"\n'
    )
    before = {path for path in root.parent.rglob("*") if root not in path.parents}
    for format_ in ("json", "yolo", "coco", "csv"):
        run(root, "export", "--format", format_, "--out", str(root / "out" / format_))
    assert {path for path in root.parent.rglob("*") if root not in path.parents} == before
    assert not Path("/etc/escaped.txt").exists()


@pytest.fixture
def named(root: Path) -> Path:
    """A workspace in which every name steers the terminal: an image's, a class's, a person's,
    an annotation file's."""
    name = f"{STEERING}.png"
    (root / "data" / "images" / name).write_bytes(b"an image")
    quoted = "".join(f"&#{ord(one)};" for one in STEERING if ord(one) > 31)
    (root / "config.xml").write_text(
        CONFIG.replace("</Choices>", f'<Choice value="{quoted}"/></Choices>')
    )
    annotations = root / "data" / "annotations"
    (annotations / "1").write_text(annotation(1, f"/data/local-files/?d=images/{name}", STEERING))
    other = json.loads(annotation(2, f"/data/local-files/?d=images/{name}"))
    other["completed_by"] = {"id": 2, "email": f"{STEERING}@example.com"}
    (annotations / "2").write_text(json.dumps(other))
    (annotations / f"3{STEERING}").write_text("{")
    return root


def test_no_name_steers_a_terminal_that_commands_print_to(named: Path) -> None:
    commands = [
        ("export", "--rule", "union"),
        ("export", "--format", "no such [31m"),
        ("report",),
        ("report", "--out", str(named / "report.txt")),
        ("report", "--out", str(named / "report.html")),
        ("setup", "--skip", STEERING),
        ("doctor",),
        ("token", STEERING),
    ]
    for arguments in commands:
        done = run(named, *arguments)
        assert not steers(done.out + done.err), arguments
    assert "gnp" in (named / "report.html").read_text()
    for report in ("report.txt", "report.html"):
        assert not steers((named / report).read_text()), report
    # What is data stays as it is.
    dataset = json.loads((named / "data" / "dataset.json").read_text())
    assert dataset == {STEERING: ["cat", STEERING]}


async def test_no_name_steers_the_terminal_that_the_app_is_in(named: Path) -> None:
    backend = FakeBackend(load_workspace(named))
    backend.everything()
    backend.done.discard("project")
    app = LabelpilotApp(named, backend, poll_seconds=0)
    shown = ""
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        for key in ("1", "2", "enter", "4", "d", "escape", "5", "enter", "enter", "L"):
            await pilot.press(key)
            await app.workers.wait_for_complete()
            await pilot.pause()
            strips = app.screen._compositor.render_strips()
            shown += "\n".join(strip.text for strip in strips) + "\n"
    assert "gnp" in shown
    assert not steers(shown)
