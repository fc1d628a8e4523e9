"""What images are likely labeled as: by a head fitted here, or by the user's model where that is
shown to be good."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.labeling.questions import read_questions
from core.labeling.suggestions import Suggestions
from core.labeling_config import parse_labeling_config
from core.learning.hooks.run import Hooks
from core.learning.hooks.vector_files import TaggedVectors
from core.learning.suggesting.guesses import suggest
from core.progress import finish

CONFIG = parse_labeling_config("""
<View>
  <Image name="image" value="$image"/>
  <Choices name="pets" toName="image" choice="multiple">
    <Choice value="dog"/><Choice value="cat"/>
  </Choices>
</View>
""")
COUNT, LABELED = 240, 120
TAGS = [f"i{row}" for row in range(COUNT)]


VECTORS = np.random.default_rng(0).standard_normal((COUNT, 3)).astype(np.float32)
CLASSES = {
    tag: [name for name, there in zip(("cat", "dog"), VECTORS[row] > 0, strict=False) if there]
    for row, tag in enumerate(TAGS[:LABELED])
}
# Images that surely show a cat, and are not labeled.
CATS = [tag for row, tag in enumerate(TAGS) if row >= LABELED and VECTORS[row, 0] > 0.5]


def run(trained: int, *, probabilities: bool = False) -> Hooks:
    """What a training on the first so many labels gave: its probabilities are in the config's
    order."""
    likely = np.where(VECTORS[:, [1, 0]] > 0, 0.99, 0.01)
    return Hooks(
        TaggedVectors(TAGS, VECTORS),
        dict.fromkeys(TAGS[:trained], 0.1),
        None,
        TaggedVectors(TAGS, likely) if probabilities else None,
        0.0,
    )


def suggested(*runs: Hooks) -> Suggestions:
    return finish(suggest(CLASSES, TAGS[LABELED:], CONFIG, read_questions(CONFIG), runs, Path()))


def test_a_head_on_the_labels_ticks_what_an_image_likely_shows() -> None:
    found = suggested(run(0))
    assert found.precision.share is not None and found.precision.share >= 0.9
    ticked = [one for tag in CATS if (one := found.of(tag)) is not None]
    assert len(ticked) == len(CATS) > 20
    assert all("cat" in one.answers.get("pets", ()) for one in ticked)
    assert found.of(TAGS[0]) is None, "a labeled image needs no suggestion"


def test_labels_that_a_model_was_trained_on_tell_nothing_of_its_guesses() -> None:
    found = suggested(run(LABELED - 10))
    assert found.precision.threshold is None
    assert "and 10 came since the last training" in str(found.precision)
    # An earlier training has seen fewer of them.
    assert suggested(run(LABELED - 10), run(30)).precision.threshold is not None


def test_the_users_probabilities_count_where_labels_show_that_they_are_right() -> None:
    found = suggested(run(20, probabilities=True)).of(CATS[0])
    assert found is not None
    assert found.probabilities["pets", "cat"] == pytest.approx(0.99)
    wrong = run(20, probabilities=True)
    assert wrong.probabilities is not None
    opposite = TaggedVectors(TAGS, 1 - wrong.probabilities.vectors)
    own = suggested(replace(wrong, probabilities=opposite)).of(CATS[0])
    assert own is not None
    assert own.probabilities["pets", "cat"] != pytest.approx(0.01)


def test_without_labels_nothing_is_suggested() -> None:
    none = finish(suggest({}, TAGS, CONFIG, read_questions(CONFIG), [run(0)], Path()))
    assert "0 labels" in str(none.precision)
