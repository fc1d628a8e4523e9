"""Active learning: the plan before the publishing, the user's own output live, and a way back."""

from __future__ import annotations

import json
import threading

import pytest
from textual.widgets import Input

from core.extras import install_extra
from core.learning.measuring.label_efficiency import label_efficiency
from core.learning.rounds.following import RoundLabels
from core.learning.rounds.ledger import Pick, RoundRecord, save_record
from tests.app.conftest import Walker
from tests.app.doubles import FakeBackend, refusal
from tui.keys import key_of


@pytest.fixture
def without_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where labelpilot is installed without its own network."""
    monkeypatch.setattr("core.learning.inputs.sources.PACKAGES", ("no_such_package",))


async def test_enter_plans_and_shows_why_before_anything_is_published(
    ready: FakeBackend, walk: Walker
) -> None:
    async with walk(ready) as app:
        await app.press("5")
        assert "model version model_v1" in app.text
        await app.press("enter")
        assert "8 images would be asked for. p publishes them; nothing is written yet." in app.text
        assert "[b] weird [red]" in app.text
        assert "losses of the train set" in app.text
        assert "publish" not in ready.calls
        await app.press("j", "enter")
        assert "Why img_000" in app.text
        assert "alike by 0.900: img_010, of loss 4.0000" in app.text


async def test_the_output_of_the_hooks_is_seen_while_they_run(
    ready: FakeBackend, walk: Walker
) -> None:
    ready.hold = threading.Event()
    async with walk(ready) as app:
        await app.press("5")
        await app.strike("enter")
        await app.until(lambda: "[bold]loading[/] the model" in app.text)
        assert "Planning the round" in app.text
        await app.press("escape")
        assert ready.closed == ["hooks"]


@pytest.mark.usefixtures("without_network")
async def test_m_says_what_to_install_where_there_is_no_network(
    ready: FakeBackend, walk: Walker
) -> None:
    async with walk(ready) as app:
        await app.press("5", "m")
        assert app.toasts == [
            f"labelpilot's own network is not installed: {install_extra('embed')}"
        ]


async def test_a_plan_made_anew_runs_the_hooks_anew(ready: FakeBackend, walk: Walker) -> None:
    async with walk(ready) as app:
        await app.press("5", "enter")
        assert "--fresh" not in app.text
        assert "r plan again" in app.footer
        ready.hold = threading.Event()
        await app.strike("r")
        await app.until(
            lambda: "labelpilot active-learning --model-version model_v1 --fresh" in app.text
        )
        ready.hold.set()


async def test_publishing_then_taking_it_back(ready: FakeBackend, walk: Walker) -> None:
    async with walk(ready) as app:
        await app.press("5", "enter")
        await app.settled()
        await app.press("p")
        assert "Published: 8 images scored as model_v1." in app.text
        assert ready.published == {"model_v1": 8}
        await app.press("p")
        assert app.toasts == ["This plan is published already."]
        await app.press("u")
        assert "model_v1: 8 scores, as its last run left them." in app.text
        await app.press("enter")
        assert ready.published == {}


async def test_the_next_model_version_follows_what_is_published(
    ready: FakeBackend, walk: Walker
) -> None:
    ready.published = {"model_v2": 5, "other": 1, "model_v10": 4}
    async with walk(ready) as app:
        await app.press("5")
        assert "model version model_v11" in app.text


async def test_the_form_changes_what_is_planned_with(ready: FakeBackend, walk: Walker) -> None:
    async with walk(ready) as app:
        await app.press("5", "e", "end", *["backspace"] * 8)
        await app.write("[/b] v2")
        await app.press("tab", "end", *["backspace"] * 12)
        await app.write("sideways")
        await app.press("enter")
        assert "The order 'sideways' is not known." in app.text
        await app.press("end", *["backspace"] * 8)
        await app.write("random")
        await app.press("enter")
        assert "model version [/b] v2" in app.text
        await app.press("enter")
        command = "plan labelpilot active-learning --model-version '[/b] v2' --order random"
        assert command in ready.calls
        # No train image asks in this order, so none is named.
        assert "score" in app.text and "because of" not in app.text


async def test_hooks_that_fail_are_told_whole_and_r_plans_again(
    ready: FakeBackend, walk: Walker
) -> None:
    async with walk(ready) as app:
        await app.press("5")
        ready.fail[f"plan {'labelpilot active-learning --model-version model_v1'}"] = refusal()
        await app.press("enter")
        assert "Label Studio [said] no to [/b]." in app.text
        await app.press("enter")
        assert "What to do" in app.text
        await app.press("enter")
        ready.fail.clear()
        await app.press("r")
        assert "8 images would be asked for" in app.text


async def test_enter_pressed_too_early_plans_as_soon_as_the_versions_are_known(
    ready: FakeBackend, walk: Walker
) -> None:
    async with walk(ready) as app:
        await app.strike("5", "enter")
        await app.until(lambda: "8 images would be asked for" in app.text)
        assert app.toasts == []


async def test_a_filter_keeps_the_images_that_hold_a_text(ready: FakeBackend, walk: Walker) -> None:
    async with walk(ready) as app:
        await app.press("5", "enter")
        await app.press("slash")
        await app.write("WEIRD [")
        await app.settled()
        assert "[b] weird [red]" in app.text
        assert "img_000" not in app.text
        await app.press("enter", "enter")
        assert "Why [b] weird [red]" in app.text
        await app.press("enter", "slash", "escape")
        assert "img_000" in app.text


async def test_without_a_hooks_file_it_says_whose_embeddings_stand_in(
    ready: FakeBackend, walk: Walker
) -> None:
    ready.workspace.learning.hooks.unlink()
    async with walk(ready) as app:
        await app.press("5")
        assert "Embeddings by EfficientNet-Lite0, losses by a linear head on your" in app.text
        await app.press("enter")
        await app.until(lambda: "8 images would be asked for" in app.text)


@pytest.mark.usefixtures("without_network")
async def test_where_nothing_makes_embeddings_enter_writes_a_hooks_file_to_complete(
    ready: FakeBackend, walk: Walker
) -> None:
    hooks = ready.workspace.learning.hooks
    hooks.unlink()
    async with walk(ready) as app:
        await app.press("5")
        assert "There is no hooks file labeling/active_learning.py yet." in app.text
        assert "labelpilot's own network does: " in app.text
        assert app.footer.strip().startswith("enter write hooks")
        await app.press("enter")
        assert "def get_embeddings" in hooks.read_text()
        assert "enter runs them" in app.text


async def test_the_history_tells_what_came_of_each_round(ready: FakeBackend, walk: Walker) -> None:
    picks = (Pick("a", 1, 2.0), Pick("b", 2, 1.0, control=True))
    first = RoundRecord("[/b] v1", "nearest-loss", 1.0, 1, picks, {})
    second = RoundRecord("v2", "random", 2.0, 1, (), {"a": 3.0, "b": 0.5})
    save_record(ready.workspace, first)
    save_record(ready.workspace, second)
    async with walk(ready) as app:
        await app.press("5", "h")
        assert app.text.index("v2") < app.text.index("[/b] v1")
        await app.press("j")
        assert "2 images of them labeled when the next model was trained" in app.text
        assert "mean loss 3.000 on 1 picked in order" in app.text


async def test_the_form_says_what_an_order_is_and_takes_a_random_share_and_suggestions(
    ready: FakeBackend, walk: Walker
) -> None:
    async with walk(ready) as app:
        await app.press("5", "e")
        assert "nearest to what the model got wrong." in app.text
        await app.press(*["tab"] * 5)
        await app.press("end", *["backspace"] * 3)
        await app.write("20")
        await app.press("tab", "space", "enter")
        assert "random 20 %" in app.text and "suggests answers" in app.text
        assert "--random-share 0.2 --suggest" in " ".join(app.text.split())


DATASET = {"img_000": ["[/red]"], "img_001": ["dog"]}
HOOKS = """
def get_embeddings():
    names = ["[b] weird [red]", *(f"img_{number:03}" for number in range(11))]
    return {name: [1.0, number / 100] for number, name in enumerate(names)}
def get_loss_trainset():
    return {name: 9.0 if name == "img_003" else 0.1 for name in get_embeddings()}
"""


async def test_o_shows_which_order_pays_and_enter_takes_it(
    ready: FakeBackend, walk: Walker
) -> None:
    ready.workspace.annotations.dataset.write_text(json.dumps(DATASET))
    async with walk(ready, size=(80, 40)) as app:
        await app.press("5", "o")
        assert "herding pays most on your labels: +17.5 ± 0.0 points" in app.text
        assert "labels to reach" in app.text
        assert "76.0 ± 1.0" in app.text
        await app.press("enter")
        assert "order herding" in app.text
        assert "Measured on your 40 labels: +17.5 ± 0.0 points over random ones." in app.text
        await app.press("o")
        assert "enter close" in app.text
        assert ready.calls.count("replay") == 1


async def test_orders_can_be_stopped_and_what_is_found_waits_for_the_user(
    ready: FakeBackend, walk: Walker
) -> None:
    ready.workspace.annotations.dataset.write_text(json.dumps(DATASET))
    ready.hold = threading.Event()
    async with walk(ready) as app:
        await app.press("5")
        await app.strike("o")
        await app.until(lambda: "same as: labelpilot replay" in app.text)
        await app.press("escape")
        assert ready.closed == ["replay"]
        await app.strike("o", "1")
        ready.hold.set()
        await app.settled()
        assert "Which order pays" not in app.text
        await app.press("5")
        assert "Which order pays" in app.text


@pytest.mark.usefixtures("without_network")
async def test_where_labels_or_embeddings_are_not_there_yet_it_says_what_to_do(
    ready: FakeBackend, walk: Walker
) -> None:
    async with walk(ready) as app:
        await app.press("5", "o", "s")
        assert "There is no data/dataset.json yet. If they train on it" in app.text
        assert "o tells on yours" not in app.text
        assert app.toasts == ["There is no data/dataset.json yet: 4, then enter, writes it."] * 2
        ready.workspace.learning.hooks.unlink()
        await app.press("s")
        assert app.toasts[-1].startswith("There are no embeddings yet: enter writes a hooks file")


async def test_s_lists_labels_that_all_their_neighbours_contradict(
    backend: FakeBackend, walk: Walker
) -> None:
    # Without an annotation, the labels are those of the dataset.
    backend.everything()
    backend.workspace.learning.hooks.write_text(HOOKS)
    labels = {f"img_{n:03}": ["dog" if n == 3 else "[/red]"] for n in range(8)}
    backend.workspace.annotations.dataset.write_text(json.dumps(labels))
    async with walk(backend) as app:
        await app.press("5", "s")
        assert "1 label is likely wrong." in app.text
        row = next(line for line in app.text.splitlines() if "img_003" in line)
        assert "9.00  dog  " in row
        assert "alike    all say [/red]; none says dog" in app.text


async def test_hooks_that_fail_while_looking_back_are_told_and_r_tries_again(
    ready: FakeBackend, walk: Walker
) -> None:
    ready.workspace.learning.hooks.write_text("raise ValueError('[/b] no')")
    ready.workspace.annotations.dataset.write_text(json.dumps(DATASET))
    async with walk(ready) as app:
        await app.press("5", "s")
        assert "labeling/active_learning.py failed on line 1." in app.text
        ready.workspace.learning.hooks.write_text(HOOKS)
        await app.press("r")
        assert "No label is likely wrong: none has all its neighbours against it." in app.text


async def test_the_plan_and_the_form_say_what_was_measured_of_the_order(
    ready: FakeBackend, walk: Walker
) -> None:
    ready.workspace.annotations.dataset.write_text(json.dumps(DATASET))
    async with walk(ready) as app:
        await app.press("5", "enter")
        words = label_efficiency("nearest-loss")
        assert f"{words} o tells on yours." in app.text
        await app.press("e")
        assert words.split()[-1] in app.text and "Measured on" in app.text


async def test_orders_are_measured_by_themselves_as_labels_come_and_the_best_is_preselected(
    ready: FakeBackend, walk: Walker
) -> None:
    ready.workspace.annotations.dataset.write_text(json.dumps(DATASET))
    async with walk(ready) as app:

        async def labeled(count: int) -> int:
            """How often orders were measured when there are so many labels."""
            app.app.watcher._polled(False, RoundLabels("model_v1", 8, count))
            await app.settled()
            return ready.calls.count("measure")

        assert [await labeled(99), await labeled(100), await labeled(101)] == [0, 1, 1]
        await app.press("5", "e")
        assert "random: not measured on yours yet" in app.text
        # Nothing was at hand to measure on; a plan makes it.
        ready.measured = ready.curves(104)
        await app.press("escape", "enter")
        assert ready.calls.count("measure") == 2
        words = "measured on your 104 labels"
        assert f"herding pays most: {key_of('learning', 'edit')} chooses it." in app.text
        await app.press("e")
        assert app.app.screen.query_one("#order", Input).value == "herding"
        shown = " ".join(app.text.replace("│", " ").split())
        assert f"{words}: herding +17.5 ± 0.0 (recommended), margin" in shown
        await app.press("enter")
        assert "order herding" in app.text
        assert await labeled(112) == 3


async def test_measuring_orders_ends_with_the_app_without_a_question(
    ready: FakeBackend, walk: Walker
) -> None:
    ready.hold = threading.Event()
    async with walk(ready) as app:
        app.app.watcher._polled(False, RoundLabels("model_v1", 8, 100))
        await app.until(lambda: "measure" in ready.calls)
        await app.press("q")
        assert ready.closed == ["measure"]
