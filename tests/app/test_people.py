"""Several people, as the app shows them: invited, sharing an order, seen as they label."""

from __future__ import annotations

from core.learning.rounds.following import RoundLabels
from tests.app.conftest import Walker
from tests.app.doubles import FakeBackend, refusal


async def test_the_invitation_is_shown_as_it_is_and_nowhere_else(
    ready: FakeBackend, walk: Walker
) -> None:
    async with walk(ready, size=(100, 30)) as app:
        await app.press("i")
        assert "http://127.0.0.1:8080/user/signup/?token=[b]invited" in app.text
        assert "ssh -N -L 8080:127.0.0.1:8080" in app.text
        await app.press("escape")
        assert "invited" not in app.text
    logs = ready.workspace.state.logs
    assert not any("invited" in file.read_text() for file in logs.glob("*"))


async def test_an_invitation_that_is_refused_is_a_sentence(
    ready: FakeBackend, walk: Walker
) -> None:
    ready.fail["invite"] = refusal()
    async with walk(ready) as app:
        await app.press("i")
        assert "Label Studio [said] no to [/b]." in app.toasts


async def test_a_published_order_is_shared_and_each_link_shown(
    ready: FakeBackend, walk: Walker
) -> None:
    ready.published = {"model_v1": 8}
    async with walk(ready, size=(100, 30)) as app:
        await app.press("5", "i")
        await app.write("anna@x.org, [b]")
        await app.press("enter")
        assert ready.calls[-1] == "share anna@x.org [b]"
        assert "anna@x.org  4 images" in app.text
        assert "labeling=1&tab=3" in app.text
        assert "[b]  4 images" in app.text
        await app.press("escape", "i")
        assert "anna@x.org,[b]" in app.text
        await app.press(*["backspace"] * 20, "enter")
        assert ready.calls[-1] == "share "
        assert "All label in one order." in app.text


async def test_there_is_nothing_to_share_before_a_round(ready: FakeBackend, walk: Walker) -> None:
    async with walk(ready) as app:
        await app.press("5", "i")
        assert "No model version is published." in app.toasts


async def test_labels_that_come_are_counted_on_top_and_ticked_in_the_plan(
    ready: FakeBackend, walk: Walker
) -> None:
    async with walk(ready, size=(120, 30)) as app:
        await app.press("5", "enter")
        assert "✓" not in app.text
        labeled = {0: ("anna@x.org",), 2: ("[b]@x.org",), 77: ("anna@x.org",)}
        app.app.watcher._polled(False, RoundLabels("model_v1", 8, 3, labeled))
        await app.taken_in()
        assert "3 of 8 labeled" in app.text.splitlines()[0]
        assert "anna 2, [b] 1" in app.text.splitlines()[0]
        rows = [line for line in app.text.splitlines() if "✓" in line]
        assert len(rows) == 2
        app.app.watcher._polled(False, RoundLabels("model_v1", 8, 3, {}))
        await app.taken_in()
        assert "✓" not in app.text
