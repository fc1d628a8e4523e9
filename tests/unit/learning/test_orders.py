"""`nearest-loss`: an image takes on the loss of a train image that it is a neighbour of."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.datasets import load_digits
from sklearn.neighbors import NearestNeighbors

from core.learning.hooks.vector_files import TaggedVectors
from core.learning.inputs.embeddings import unit_vectors
from core.learning.orders.nearest_loss import nearest_loss, worst
from core.learning.orders.order import Order
from core.learning.rounds.options import Claim
from core.learning.search.neighbours import Neighbours, find_neighbours
from core.progress import finish


def neighbours(indices: list[list[int]], similarities: list[list[float]]) -> Neighbours:
    return Neighbours(
        np.array(indices), np.array(similarities, np.float32), "exact", "in a test", 1.0, 0.0
    )


def scores(order: Order) -> dict[int, float]:
    return dict(zip(order.indices.tolist(), order.scores.tolist(), strict=True))


@pytest.mark.parametrize(
    ("claim", "expected"), [("highest", 3.0), ("nearest", 2.0), ("lowest", 1.0)]
)
def test_the_rule_says_which_train_image_wins(claim: Claim, expected: float) -> None:
    found = neighbours([[0], [0], [0]], [[0.5], [0.9], [0.7]])
    order = nearest_loss(np.array([1.0, 2.0, 3.0]), found, claim)
    assert scores(order) == {0: expected}


def test_the_worst_losses_come_first_and_each_says_why() -> None:
    found = neighbours([[4, 2], [2, 7]], [[0.9, 0.6], [0.8, 0.7]])
    order = nearest_loss(np.array([0.5, 2.0]), found)
    assert order.name == "nearest-loss"
    assert order.indices.tolist() == [2, 7, 4]
    assert order.scores.tolist() == [2.0, 2.0, 0.5]
    assert order.why is not None
    assert order.why.queries.tolist() == [1, 1, 0]
    assert order.why.losses.tolist() == [2.0, 2.0, 0.5]
    np.testing.assert_allclose(order.why.similarities, [0.8, 0.7, 0.9])
    assert order.why.ranks.tolist() == [1, 2, 1]


def test_among_equal_losses_the_more_similar_image_comes_first() -> None:
    found = neighbours([[3, 1]], [[0.9, 0.9]])
    assert nearest_loss(np.array([1.0]), found).indices.tolist() == [1, 3]
    found = neighbours([[3, 1]], [[0.9, 0.8]])
    assert nearest_loss(np.array([1.0]), found).indices.tolist() == [3, 1]


@given(st.data(), st.sampled_from(["highest", "nearest", "lowest"]))
def test_every_claimed_image_stands_once_with_the_loss_that_its_rule_gives(
    data: st.DataObject, claim: Claim
) -> None:
    count, k = data.draw(st.integers(1, 8)), data.draw(st.integers(1, 4))
    row = st.lists(st.integers(0, 9), min_size=k, max_size=k, unique=True)
    indices = data.draw(st.lists(row, min_size=count, max_size=count))
    level = st.integers(-4, 4).map(lambda number: number / 4)
    cosines = [sorted(data.draw(st.lists(level, min_size=k, max_size=k)))[::-1] for _ in indices]
    losses = np.array(data.draw(st.lists(level, min_size=count, max_size=count)))
    order = nearest_loss(losses, neighbours(indices, cosines), claim)
    claims: dict[int, list[tuple[float, float]]] = {}
    for loss, images, near in zip(losses, indices, cosines, strict=True):
        for image, cosine in zip(images, near, strict=True):
            claims.setdefault(image, []).append((float(loss), cosine))
    chosen = {
        "highest": lambda found: max(found)[0],
        "nearest": lambda found: max((cosine, loss) for loss, cosine in found)[1],
        "lowest": lambda found: min(found)[0],
    }[claim]
    assert scores(order) == {image: chosen(found) for image, found in claims.items()}
    assert (np.diff(order.scores) <= 0).all()


def test_only_the_worst_ask_where_that_is_wanted() -> None:
    losses = np.array([1.0, 3.0, 2.0, 3.0])
    assert worst(losses, 3).tolist() == [1, 3, 2]
    assert worst(losses).tolist() == [1, 3, 2, 0]


def test_the_lowest_claim_gives_the_very_scores_of_the_manual_script() -> None:
    """The manual's script, step by step: one query at a time, worst loss first, later ones win."""
    vectors = load_digits().data
    tags = [f"digit_{row:04d}" for row in range(len(vectors))]
    random = np.random.default_rng(0)
    train = random.permutation(len(vectors))[:200]
    drawn = zip(train, random.gamma(1.0, size=200), strict=True)
    losses = {tags[row]: float(loss) for row, loss in drawn}
    unlabeled = [row for row in range(len(vectors)) if tags[row] not in losses]
    search = NearestNeighbors(n_neighbors=5, algorithm="brute", metric="cosine")
    search.fit(vectors[unlabeled])
    expected: dict[str, float] = {}
    for tag in sorted(losses, key=lambda tag: -losses[tag]):
        (found,) = search.kneighbors(vectors[[tags.index(tag)]], return_distance=False)
        expected.update({tags[unlabeled[column]]: losses[tag] for column in found})

    unit = finish(unit_vectors(TaggedVectors(tags, vectors)))
    queries = [tags.index(tag) for tag in losses]
    allowed = np.array([tag not in losses for tag in tags])
    found = finish(find_neighbours(unit[queries], unit, 5, "exact", allowed=allowed))
    order = nearest_loss(np.array(list(losses.values())), found, "lowest")
    assert {tags[row]: score for row, score in scores(order).items()} == expected
