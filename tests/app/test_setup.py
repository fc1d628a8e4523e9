"""The checklist: true states, one key for a step, one for all, and a reason for every other."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from core.errors import ConfigurationError
from core.progress import Work
from core.setup.steps import STEPS
from core.workspace.settings import load_workspace
from tests.app.conftest import Walker
from tests.app.doubles import FakeBackend, refusal
from tests.app.toys import IMAGES


async def test_a_first_look_names_every_step_and_puts_the_cursor_on_the_first_to_do(
    backend: FakeBackend, walk: Walker
) -> None:
    async with walk(backend) as app:
        assert "· to do  Server" in app.text
        assert app.text.count("waits") == len(STEPS) - 1
        assert "server stopped" in app.text.splitlines()[0]
        assert "same as: labelpilot server start" in app.text
        assert app.footer.strip().startswith("enter do it")


async def test_enter_does_the_chosen_step_and_the_cursor_goes_on(
    backend: FakeBackend, walk: Walker
) -> None:
    async with walk(backend) as app:
        await app.press("enter")
        assert backend.calls == ["apply server"]
        assert "✓ done   Server" in app.text
        assert "server running :8080" in app.text
        assert "· to do  Account" in app.text


async def test_a_does_everything_and_says_what_comes_next(
    backend: FakeBackend, walk: Walker
) -> None:
    async with walk(backend) as app:
        await app.press("a")
        assert "✓ All is set up." in app.text
        assert "Label in the browser" in app.text
        await app.press("a")
        assert backend.calls.count("set_up") == 1
        await app.press("enter")
        assert app.text.count("✓ done") == len(STEPS)
        await app.press("enter")
        assert "✓ done" not in app.text


async def test_while_it_is_set_up_each_step_says_what_is_there_by_now(
    backend: FakeBackend, walk: Walker, monkeypatch: pytest.MonkeyPatch
) -> None:
    held, work = threading.Event(), backend.work

    def until_the_project(name: str, total: int) -> Work[None]:
        backend.hold = held if name == "project" else None
        return work(name, total)

    monkeypatch.setattr(backend, "work", until_the_project)
    async with walk(backend) as app:
        await app.strike("a")
        await app.until(lambda: "doing  Project" in app.text)
        await app.until(lambda: "✓ done   Token" in app.text)
        assert "comes after token" not in app.text.split("Project", 1)[1].splitlines()[0]
        held.set()


async def test_a_server_stopped_outside_turns_its_step_back_to_to_do(
    ready: FakeBackend, walk: Walker
) -> None:
    async with walk(ready) as app:
        assert "✓ All is set up." in app.text
        ready.running = False
        app.app.watcher.poll()
        await app.until(lambda: "· to do  Server" in app.text)
        await app.settled()
        await app.press("s")
        assert "✓ All is set up." in app.text


async def test_a_changed_workspace_file_is_seen(ready: FakeBackend, walk: Walker) -> None:
    async with walk(ready) as app:
        file = ready.workspace.file
        file.write_text(file.read_text().replace("Toys", "Robots and more"))
        app.app.watcher.poll()
        await app.until(lambda: "Robots and more" in app.text)


async def test_stopping_the_server_asks_first(ready: FakeBackend, walk: Walker) -> None:
    async with walk(ready) as app:
        await app.press("s")
        assert "Stop Label Studio?" in app.text
        await app.press("escape")
        assert ready.running
        await app.press("s", "enter")
        assert not ready.running
        assert "server stopped" in app.text


async def test_a_step_that_is_done_says_so_instead_of_being_done_again(
    ready: FakeBackend, walk: Walker
) -> None:
    ready.done.remove("sampling")
    async with walk(ready) as app:
        await app.press("g", "enter")
        assert app.toasts == ["Server is done already."]
        assert ready.calls == []


async def test_a_failed_step_is_told_in_a_sentence_then_whole_then_tried_again(
    backend: FakeBackend, walk: Walker
) -> None:
    backend.fail["apply server"] = refusal()
    async with walk(backend) as app:
        await app.press("enter")
        assert "Label Studio [said] no to [/b]." in app.text
        assert app.footer.strip().startswith("enter why")
        await app.press("enter")
        assert "detail: [red]bad[/red] [link=x]" in app.text
        assert "Mend [it], and try again." in app.text
        await app.press("enter")
        del backend.fail["apply server"]
        await app.press("r", "enter")
        assert "✓ done   Server" in app.text


async def test_escape_stops_a_set_up_by_closing_it(backend: FakeBackend, walk: Walker) -> None:
    backend.hold = threading.Event()
    async with walk(backend) as app:
        await app.strike("a")
        await app.until(lambda: " doing  Server" in app.text)
        await app.press("escape")
        assert backend.closed == ["server"]
        assert "doing" not in app.text


async def test_our_own_mistake_is_told_as_such_without_the_values_of_variables(
    backend: FakeBackend, walk: Walker
) -> None:
    backend.fail["apply server"] = ZeroDivisionError("by [zero]")
    async with walk(backend) as app:
        await app.press("enter", "enter")
        assert "labelpilot made a mistake" in app.text
        assert "ZeroDivisionError: by [zero]" in app.text
        assert "doubles.py, line" in app.text


async def test_a_folder_without_a_workspace_asks_two_questions(
    backend: FakeBackend, walk: Walker, tmp_path: Path
) -> None:
    root = tmp_path / "[/b] new"
    pictures = root / "raw" / "[/b] weird"
    pictures.mkdir(parents=True)
    for name in IMAGES:
        (pictures / name).touch()
    async with walk(backend, root=root) as app:
        assert "A new workspace" in app.text
        assert "raw/[/b] weird" in app.text
        await app.until(lambda: "12 images (png 12)" in app.text)
        await app.write("[red], dog , [red], a<b")
        await app.press("enter")
        made = load_workspace(root)
        assert made.images.path == pictures
        assert made.annotations.path == pictures.parent / "annotations"
        config = made.project.label_config.read_text()
        assert config.count("<Choice value=") == 3
        assert 'value="a&lt;b"' in config
        assert "· to do  Server" in app.text


async def test_the_first_form_takes_the_parent_of_the_folders_and_their_names_as_labels(
    backend: FakeBackend, walk: Walker, tmp_path: Path
) -> None:
    root = tmp_path / "mine"
    for folder, names in (("cat", 3), ("dog", 2), ("[red] car", 1)):
        (root / "photos" / folder).mkdir(parents=True)
        for number in range(names):
            (root / "photos" / folder / f"{number}.{'jpg' if number else 'PNG'}").touch()
    (root / "photos" / "notes.txt").touch()
    async with walk(backend, root=root) as app:
        await app.until(lambda: "6 images in 3 folders (jpg 3, png 3)" in app.text)
        assert "each is known by its path" in app.text
        assert "[red] car 1, cat 3, dog 2" in app.text
        # What is typed and taken back again leaves nothing behind.
        await app.strike("up", "up", "x")
        await app.until(lambda: "There is no such folder." in app.text)
        await app.strike("backspace")
        await app.until(lambda: "6 images in 3 folders" in app.text)
        await app.press("down", "down", "down", "space", "enter")
        made = load_workspace(root)
        assert (made.images.path, made.images.recursive) == (root / "photos", True)
        assert made.images.tag == "path"
        config = made.project.label_config.read_text()
        assert [config.count(f'value="{name}"') for name in ("cat", "dog", "[red] car")] == [1] * 3


async def test_the_first_form_makes_no_workspace_without_an_image(
    backend: FakeBackend, walk: Walker, tmp_path: Path
) -> None:
    root = tmp_path / "mine"
    (root / "texts" / "photos").mkdir(parents=True)
    (root / "texts" / "a.txt").touch()
    async with walk(backend, root=root) as app:
        await app.write("texts")
        # In a burst: it waits for the count.
        await app.strike("tab", "tab")
        await app.write("cat")
        await app.press("enter")
        assert "nothing to label in texts: no image among 1 file (txt 1)." in app.text
        assert not (root / "labelpilot.toml").exists()
        (root / "texts" / "photos" / "a.png").touch()
        await app.strike("up", "up", "/", "enter")
        await app.until(lambda: (root / "labelpilot.toml").exists())
        assert load_workspace(root).images.recursive


async def test_the_first_form_takes_a_bucket_for_the_images(
    backend: FakeBackend, walk: Walker, tmp_path: Path
) -> None:
    root = tmp_path / "empty"
    root.mkdir()
    async with walk(backend, root=root) as app:
        await app.write("s3://bucket/day")
        await app.until(lambda: "where only Label Studio looks" in app.text)
        await app.press("enter")
        await app.write("cat, dog")
        await app.press("enter")
        assert load_workspace(root).images.url == "s3://bucket/day"


async def test_the_first_form_refuses_a_folder_that_is_not_there(
    backend: FakeBackend, walk: Walker, tmp_path: Path
) -> None:
    root = tmp_path / "empty"
    root.mkdir()
    async with walk(backend, root=root) as app:
        await app.write("nowhere")
        await app.press("enter")
        assert "There is no folder nowhere." in app.text
        await app.press("escape")
        assert not (root / "labelpilot.toml").exists()
        assert "enter asks where the images are" in app.text


async def test_the_settings_form_tries_the_pattern_live_and_writes_only_what_changed(
    ready: FakeBackend, walk: Walker
) -> None:
    async with walk(ready) as app:
        await app.press("e")
        await app.until(lambda: "12 of 13 files match; left out: notes.txt" in app.text)
        assert "3 labels: [/red], dog, cat & co" in app.text
        await app.press("tab", *["backspace"] * 5)
        await app.write("img_00[0-4].*")
        await app.until(lambda: "5 of 13 files match" in app.text)
        before = ready.workspace.file.read_text()
        await app.press("enter")
        changed = ready.workspace.file.read_text()
        assert changed == before.replace(".*png", "img_00[0-4].*")


async def test_down_goes_to_the_next_field_also_where_the_form_scrolls(
    ready: FakeBackend, walk: Walker
) -> None:
    async with walk(ready, size=(60, 20)) as app:
        await app.press("e", "down", "down", "space", "enter")
        assert load_workspace(ready.workspace.root).images.recursive


async def test_a_setting_that_cannot_be_is_refused_in_the_form(
    ready: FakeBackend, walk: Walker
) -> None:
    async with walk(ready) as app:
        before = ready.workspace.file.read_text()
        await app.press("e", "tab", *["backspace"] * 5)
        await app.write("([")
        await app.until(lambda: "not a regular expression" in app.text)
        await app.press("enter")
        assert "`pattern` is not a regular expression" in app.text
        assert ready.workspace.file.read_text() == before


async def test_a_broken_workspace_file_is_explained(ready: FakeBackend, walk: Walker) -> None:
    ready.workspace.file.write_text("[imagez]\n")
    async with walk(ready) as app:
        assert "labelpilot.toml, line 1: `imagez` is not known." in app.text
        assert "Did you mean `images`?" in app.text


async def test_the_token_of_another_server_is_asked_for_and_never_shown(
    backend: FakeBackend, walk: Walker
) -> None:
    file = backend.workspace.file
    file.write_text(file.read_text() + '[studio]\nurl = "https://studio.example"\n')
    backend.running = True
    secret = "f" * 40
    async with walk(backend) as app:
        await app.press("a")
        assert "Personal Access Token" in app.text
        await app.write(secret)
        assert secret not in app.text
        await app.press("enter")
        assert backend.token == "session"
        assert "token session" in app.text
        assert not any(secret in line for line in app.app.journal.lines)
        await app.press("s")
        assert any("not labelpilot's to start or stop" in words for words in app.toasts)


async def test_b_shows_the_link_where_no_browser_can_be_opened(
    ready: FakeBackend, walk: Walker
) -> None:
    async with walk(ready) as app:
        await app.press("b")
        assert "http://127.0.0.1:8080/projects/1/data?labeling=1" in app.text


async def test_in_a_codespace_the_link_is_the_forwarded_one(
    ready: FakeBackend, walk: Walker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CODESPACE_NAME", "fluffy-disco")
    monkeypatch.setenv("GITHUB_CODESPACES_PORT_FORWARDING_DOMAIN", "app.github.dev")
    async with walk(ready) as app:
        await app.press("b")
        assert "https://fluffy-disco-8080.app.github.dev/projects/1/data" in app.text


async def test_a_workspace_error_during_a_set_up_changes_nothing(
    backend: FakeBackend, walk: Walker
) -> None:
    backend.fail["set_up"] = ConfigurationError("The image folder [x] does not exist.")
    async with walk(backend) as app:
        await app.press("a")
        assert "The image folder [x] does not exist." in app.text
        assert "· to do  Server" in app.text


async def test_the_link_says_what_to_sign_in_with_and_p_shows_the_password(
    ready: FakeBackend, walk: Walker
) -> None:
    async with walk(ready) as app:
        await app.press("b")
        await app.until(lambda: "labelpilot@localhost" in app.text)
        assert "a [secret] word" not in app.text
        await app.press("p")
        assert "a [secret] word" in app.text
        await app.press("p")
        assert "a [secret] word" not in app.text


@pytest.mark.parametrize("key", ["s", "a"])
async def test_the_status_line_says_that_our_server_is_starting(
    backend: FakeBackend, walk: Walker, key: str
) -> None:
    backend.hold = threading.Event()
    async with walk(backend) as app:
        assert "server stopped" in app.text
        await app.strike(key)
        await app.until(lambda: "server starting …" in app.text)
        backend.hold.set()
        await app.settled()
        assert "server running" in app.text


async def test_a_config_that_somebody_else_wrote_is_replaced_only_after_a_yes(
    ready: FakeBackend, walk: Walker
) -> None:
    ready.config_diff = '-  <Choice value="[red]"/>'
    async with walk(ready) as app:
        await app.press("enter")
        assert "Replace the labeling config?" in app.text
        assert ready.config_diff in app.text
        await app.press("escape")
        assert ready.calls == []
        await app.press("enter", "y")
        assert ready.calls == ["apply labeling-config replacing"]
