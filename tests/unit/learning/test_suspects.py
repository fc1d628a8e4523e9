"""Train images whose label is likely wrong are listed, so that somebody looks at them."""

from __future__ import annotations

import numpy as np
import pytest

from core.learning.builtin.head import fit_head
from core.learning.inputs.pool import Labels
from core.learning.measuring.suspects import Doubt, Suspect, suspects
from core.progress import finish

TAGS = [str(row) for row in range(600)]


def unit(vectors: np.ndarray) -> np.ndarray:
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def two_groups(count: int = 20) -> np.ndarray:
    random = np.random.default_rng(0)
    centres = np.repeat(np.eye(2, 8), count, axis=0)
    return unit(centres + 0.05 * random.standard_normal((2 * count, 8)))


def listed(losses: np.ndarray, matrix: np.ndarray, names: tuple[str, ...]) -> list[Suspect]:
    labels = Labels(np.arange(len(matrix)), matrix.astype(bool), names)
    return finish(suspects(TAGS, two_groups(), losses, labels))


@pytest.fixture
def right() -> np.ndarray:
    return np.repeat(np.eye(2), 20, axis=0)


def test_a_label_that_all_neighbours_contradict_is_listed_with_what_they_say(
    right: np.ndarray,
) -> None:
    right[3] = [0, 1]
    losses = np.where(np.arange(40) == 3, 4.0, 0.1)
    (found,) = listed(losses, right, ("cat", "dog"))
    doubts = (Doubt("cat", present=False), Doubt("dog", present=True))
    assert found == Suspect("3", 4.0, ("dog",), ("dog",), ("cat",), doubts)


def test_a_high_loss_alone_is_no_suspicion(right: np.ndarray) -> None:
    losses = np.where(np.arange(40) == 3, 4.0, 0.1)
    assert listed(losses, right, ("cat", "dog")) == []


def test_a_contradiction_with_a_low_loss_is_no_suspicion(right: np.ndarray) -> None:
    right[3] = [0, 1]
    losses = np.where(np.arange(40) == 3, 0.01, 1.0 + np.arange(40))
    assert listed(losses, right, ("cat", "dog")) == []


def test_one_forgotten_class_of_several_is_found(right: np.ndarray) -> None:
    right = np.concatenate([right, np.ones((40, 1))], axis=1)
    right[7, 2] = 0
    losses = np.where(np.arange(40) == 7, 4.0, 0.1)
    (found,) = listed(losses, right, ("cat", "dog", "indoors"))
    (doubt,) = found.doubts
    assert (doubt.name, doubt.present) == ("indoors", False)
    assert doubt.probability is not None and doubt.probability > 0.9
    assert (found.unsupported, found.expected) == ((), ("indoors",))
    assert "also indoors? (" in found.summary


def test_the_highest_loss_comes_first(right: np.ndarray) -> None:
    right[[3, 9]] = [0, 1]
    losses = np.full(40, 0.1)
    losses[[3, 9]] = [2.0, 3.0]
    assert [suspect.tag for suspect in listed(losses, right, ("cat", "dog"))] == ["9", "3"]


def test_most_wrong_labels_of_real_digits_are_found_and_few_right_ones_accused() -> None:
    from sklearn.datasets import load_digits

    data, random = load_digits(), np.random.default_rng(0)
    vectors = unit(data.data[:600])
    wrong = random.permutation(600)[:30]
    given = data.target[:600].copy()
    given[wrong] = (given[wrong] + 1) % 10
    labels = Labels(np.arange(600), np.eye(10, dtype=bool)[given], tuple("0123456789"))
    head = fit_head(vectors, labels, random)
    assert head is not None
    losses = -np.log(head.probabilities(vectors)[np.arange(600), given])
    found = {int(one.tag) for one in finish(suspects(TAGS, vectors, losses, labels))}
    assert len(found & set(wrong.tolist())) >= 20
    assert len(found - set(wrong.tolist())) <= 10


@pytest.mark.parametrize("count", [0, 3])
def test_too_few_labels_raise_no_suspicion(count: int) -> None:
    labels = Labels(np.arange(count), np.ones((count, 1), bool), ("a",))
    assert finish(suspects(TAGS, two_groups(), np.ones(40), labels)) == []
