"""What is ticked before somebody looks, and what is said of its worth."""

from __future__ import annotations

import numpy as np

from core.labeling.suggestions import (
    FEWEST_LABELS,
    Precision,
    Suggestions,
    exclusive_choices,
    measure,
    share,
)

CHOICES = (("pets", "cat"), ("pets", "dog"))


def guessed(given: np.ndarray, right: float, random: np.random.Generator) -> np.ndarray:
    """Probabilities, surer the more likely they are right: below 0.75 every other one is wrong."""
    sure = random.uniform(0.5, 1.0, given.shape)
    wrong = (sure < 0.75) & (random.random(given.shape) > right)
    return np.where(given ^ wrong, sure, 1 - sure)


def labeled(count: int, random: np.random.Generator) -> np.ndarray:
    return random.random((count, 2)) < 0.5


def test_a_class_is_ticked_from_the_probability_on_at_which_ticks_are_right() -> None:
    random = np.random.default_rng(0)
    given = labeled(600, random)
    found = measure(guessed(given, 0.5, random), given)
    assert found.threshold is not None and 0.55 < found.threshold < 0.75
    assert 0.87 <= found.right / found.ticks < 0.95
    assert found.images <= 600 and found.accepted <= found.images


def test_what_was_measured_holds_for_others() -> None:
    random = np.random.default_rng(1)
    given, others = labeled(400, random), labeled(4_000, random)
    found = measure(guessed(given, 0.5, random), given)
    assert found.threshold is not None
    on = guessed(others, 0.5, random) >= found.threshold
    assert abs((on & others).sum() / on.sum() - found.right / found.ticks) < 0.04


def test_few_labels_suggest_nothing_and_say_how_many_are_needed() -> None:
    random = np.random.default_rng(0)
    given = labeled(FEWEST_LABELS - 1, random)
    found = measure(given.astype(float), given)
    assert found.threshold is None and found.share is None
    assert f"they need {FEWEST_LABELS} labels, and {FEWEST_LABELS - 1} came so far" in str(found)


def test_guesses_that_know_nothing_suggest_nothing() -> None:
    random = np.random.default_rng(0)
    found = measure(random.random((500, 2)), labeled(500, random))
    assert found.threshold is None
    assert "no threshold" in str(found)


def test_of_answers_that_exclude_each_other_the_likeliest_alone_is_ticked() -> None:
    given = np.array([[True, False], [False, True]] * 40)
    exclusive = exclusive_choices(CHOICES, given)
    assert [columns.tolist() for columns in exclusive] == [[0, 1]]
    both = given.copy()
    both[0] = True
    assert exclusive_choices(CHOICES, both) == ()
    likely = np.array([[0.9, 0.95]])
    suggested = Suggestions(Precision(0.5), CHOICES, {"a": 0}, likely, exclusive).of("a")
    assert suggested is not None
    assert suggested.answers == {"pets": ("dog",)}
    assert suggested.probabilities == {("pets", "cat"): 0.9, ("pets", "dog"): 0.95}


def test_an_image_that_is_not_known_has_no_suggestion() -> None:
    assert Suggestions(Precision(0.5), CHOICES).of("a") is None
    assert Suggestions(Precision(), CHOICES, {"a": 0}, np.ones((1, 2))).of("a") is None


def test_no_figure_is_finer_than_the_labels_that_it_is_of() -> None:
    assert share(38, 40) == "38 of 40"
    assert share(199, 212) == "93 % of 212"
    assert share(1_999, 2_000) == "99 % of 2,000"
    assert str(Precision(0.5, 212, 199, 212, 199)) == "accepted as they are: 93 % of 212"
