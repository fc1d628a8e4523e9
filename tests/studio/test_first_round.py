"""The first images by coverage: chosen by a step of the set-up, published and taken back as any."""

from __future__ import annotations

import pytest

from core.learning.rounds.ledger import last_round
from core.setup.checklist import probe_steps
from tests.studio.places import Place

# Three kinds of images, of very different numbers.
HOOKS = """
def get_embeddings():
    kinds = [[1.0, 0.0, 0.0]] * 8 + [[0.0, 1.0, 0.0]] * 3 + [[0.0, 0.0, 1.0]]
    return {str(n): [x + n / 1000 for x in kind] for n, kind in enumerate(kinds)}
def get_loss_trainset():
    return {}
"""


def sampling(place: Place) -> tuple[str, str]:
    """The state and the words of the step."""
    (report,) = [one for one in probe_steps(place.workspace) if one.id == "sampling"]
    return report.state, report.detail


def test_the_first_images_cover_the_others_and_are_published_as_a_round(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LABELPILOT_TRUST", str(place.root))
    for number in range(4, 12):
        (place.root / "data" / "images" / f"{number}.png").write_bytes(b"an image")
    place.write(project='sampling = "coverage"\n')
    assert place.states()["sampling"] == "done"
    assert "labelpilot embed" in sampling(place)[1]
    place.workspace.learning.hooks.parent.mkdir(exist_ok=True)
    place.workspace.learning.hooks.write_text(HOOKS)
    assert sampling(place) == ("to do", "the first images are to be chosen")

    place.set_up()
    record = last_round(place.workspace, place.project_id)
    assert record is not None
    first = [int(pick.tag) for pick in record.picks]
    assert sorted(first) == list(range(12))
    # One of each kind comes before a second one of any.
    assert {0 if n < 8 else 1 if n < 11 else 2 for n in first[:3]} == {0, 1, 2}
    assert place.client.project(place.project_id).model_version == record.model_version
    assert place.set_up().steps[-2].state == "done"

    undone = place.run("rounds", "--undo", record.model_version)
    assert undone.code == 0, undone.err
    assert sampling(place) == ("to do", "the first images are to be chosen")
    place.write()
    assert 'sampling = "coverage"' in sampling(place)[1]
