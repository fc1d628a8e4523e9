"""From what the hooks returned to the order asked for."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits

from core.errors import ConfigurationError, LabelpilotError
from core.learning.hooks.run import Hooks
from core.learning.hooks.vector_files import TaggedVectors
from core.learning.inputs.pool import Pool, make_pool
from core.learning.measuring.suspects import without_suspects
from core.learning.orders.ranking import Ranking, herding_weights, rank
from core.learning.rounds.options import ORDERS, OrderName, RoundOptions
from core.progress import finish

DIGITS = load_digits()
TAGS = [f"digit_{row:04d}" for row in range(len(DIGITS.data))]
CLASSES = {tag: [str(digit)] for tag, digit in zip(TAGS, DIGITS.target, strict=True)}


def hooks(labeled: int = 60, **changes: object) -> Hooks:
    given = Hooks(
        TaggedVectors(TAGS, DIGITS.data),
        {tag: 1.0 + row for row, tag in enumerate(TAGS[:labeled])},
        None,
        None,
        0.0,
    )
    return dataclasses.replace(given, **changes)  # type: ignore[arg-type]


def pool(given: Hooks | None = None, **options: object) -> Pool:
    given = given or hooks()
    classes = {tag: CLASSES[tag] for tag in given.losses}
    return finish(make_pool(given, set(TAGS), classes=classes, **options))  # type: ignore[arg-type]


def ranked(name: OrderName, given: Pool, **options: object) -> Ranking:
    return finish(rank(given, RoundOptions("v1", order=name, **options)))  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ORDERS)
def test_every_order_ranks_unlabeled_images_only_and_repeats(name: OrderName) -> None:
    given = pool()
    found = ranked(name, given, batch_size=20)
    assert not given.labeled[found.order.indices].any()
    assert found.order.name == name
    assert (np.diff(found.order.scores) <= 0).all()
    again = ranked(name, given, batch_size=20)
    np.testing.assert_array_equal(found.order.indices, again.order.indices)


@pytest.mark.parametrize("name", [name for name in ORDERS if name != "nearest-loss"])
def test_all_orders_but_the_manuals_rank_every_candidate(name: OrderName) -> None:
    given = pool()
    found = ranked(name, given, batch_size=20)
    assert sorted(found.order.indices.tolist()) == given.candidate_rows.tolist()
    assert found.candidates == len(given.candidate_rows)


def test_nearest_loss_says_which_train_image_each_is_like() -> None:
    given = pool()
    found = ranked("nearest-loss", given, neighbours=3)
    assert (found.queries, found.engine, found.recall) == (60, "exact", 1.0)
    why = found.order.why
    assert why is not None
    assert given.labeled[why.queries].all()
    np.testing.assert_array_equal(given.losses[why.queries], found.order.scores)
    cosines = np.einsum("nd,nd->n", given.vectors[why.queries], given.vectors[found.order.indices])
    np.testing.assert_allclose(why.similarities, cosines, atol=1e-6)


def test_only_the_worst_train_images_ask_where_that_is_wanted() -> None:
    found = ranked("nearest-loss", pool(), worst=2, neighbours=3)
    assert found.queries == 2
    assert found.order.why is not None
    assert set(found.order.why.queries) <= {58, 59}


def test_what_is_labeled_by_anyones_account_is_no_candidate() -> None:
    given = pool(
        dataclasses.replace(hooks(3), labeled=frozenset(TAGS[3:5])),
        labeled={TAGS[5], "labeled but without an embedding"},
    )
    assert np.flatnonzero(given.labeled).tolist() == [0, 1, 2, 3, 4, 5]
    assert given.asking.tolist() == [0, 1, 2]


def test_an_image_that_is_no_task_is_no_candidate() -> None:
    given = pool(tasks=set(TAGS[:100]))
    assert given.candidate_rows.tolist() == list(range(60, 100))


def test_unlabeled_images_without_an_embedding_are_counted_aloud() -> None:
    given = hooks(embeddings=TaggedVectors(TAGS[:1000], DIGITS.data[:1000]))
    notes: list[str] = []
    finish(
        make_pool(given, set(TAGS), tasks=set(TAGS[:1100])), lambda event: notes.append(event.note)
    )
    assert "100 unlabeled images without an embedding cannot be asked for" in notes
    notes.clear()
    finish(make_pool(hooks(), set(TAGS)), lambda event: notes.append(event.note))
    assert not any(notes)


def test_probabilities_of_the_users_own_are_taken_where_there_are_any() -> None:
    sure = np.eye(10)[DIGITS.target]
    sure[500] = 0.1
    given = pool(hooks(probabilities=TaggedVectors(TAGS, sure)))
    assert ranked("margin", given).order.indices[0] == 500
    assert ranked("entropy", given).order.indices[0] == 500


def test_herding_weighs_by_the_users_model_and_by_a_linear_head_alike() -> None:
    unsure = np.full((len(TAGS), 10), 0.1)
    given = pool(hooks(probabilities=TaggedVectors(TAGS, unsure)))
    alone = dataclasses.replace(given, probabilities=None)
    head = finish(herding_weights(alone, np.random.default_rng(0)))
    both = finish(herding_weights(given, np.random.default_rng(0)))
    assert np.ptp(head) > 0.1
    np.testing.assert_allclose(both, (1 + head) / 2)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda p: p.__setitem__(500, np.nan), "outside"),
        (lambda p: p.__setitem__(500, 3.0), "outside"),
    ],
)
def test_probabilities_that_are_none_are_refused_by_name(change: object, said: str) -> None:
    probabilities = np.full((len(TAGS), 2), 0.5)
    change(probabilities)  # type: ignore[operator]
    with pytest.raises(LabelpilotError, match=said) as caught:
        pool(hooks(probabilities=TaggedVectors(TAGS, probabilities)))
    assert caught.value.cause == "'digit_0500'."


def test_a_candidate_without_probabilities_is_named() -> None:
    some = TaggedVectors(TAGS[:-1], np.full((len(TAGS) - 1, 2), 0.5))
    with pytest.raises(LabelpilotError) as caught:
        pool(hooks(probabilities=some))
    assert TAGS[-1] in caught.value.cause


def test_orders_that_need_classes_say_so_where_there_are_none() -> None:
    given = finish(make_pool(hooks(), set(TAGS)))
    for name in ("herding", "margin", "entropy"):
        with pytest.raises(ConfigurationError, match="classes"):
            ranked(name, given)  # type: ignore[arg-type]


def test_with_one_class_so_far_herding_covers_and_the_others_say_what_they_need() -> None:
    given = finish(make_pool(hooks(), set(TAGS), classes={tag: ["3"] for tag in TAGS[:60]}))
    assert len(ranked("herding", given).order.indices) == len(given.candidate_rows)
    with pytest.raises(ConfigurationError, match="two classes"):
        ranked("margin", given)


def test_no_candidates_are_told_in_a_sentence() -> None:
    with pytest.raises(ConfigurationError, match="none to choose"):
        ranked("random", pool(labeled=TAGS))


def test_a_share_at_random_is_marked(tmp_path: Path) -> None:
    given = pool(path=tmp_path / "unit.npy")
    assert isinstance(given.vectors, np.memmap)
    found = ranked("nearest-loss", given, random_share=0.2)
    assert found.order.control is not None
    assert found.order.why is not None
    assert found.order.control.any()
    assert not given.labeled[found.order.indices].any()
    assert given.labeled[found.order.why.queries[~found.order.control]].all()


def test_suspected_labels_ask_for_nothing_and_teach_nothing_if_they_are_left_out() -> None:
    wrong = {TAGS[row]: [str((DIGITS.target[row] + 5) % 10)] for row in (3, 70, 111)}
    classes = {tag: wrong.get(tag, CLASSES[tag]) for tag in TAGS[:300]}
    losses = {tag: 9.0 if tag in wrong else 0.1 for tag in classes}
    given = finish(make_pool(hooks(losses=losses), set(TAGS), classes=classes))
    trusted = finish(without_suspects(given))
    left_out = set(given.asking) - set(trusted.asking)
    assert left_out == {3, 70, 111}
    assert trusted.labels is not None
    assert not np.isin([3, 70, 111], trusted.labels.rows).any()
    np.testing.assert_array_equal(trusted.candidates, given.candidates)
    first = ranked("nearest-loss", given).order.why
    then = ranked("nearest-loss", trusted).order.why
    assert first is not None
    assert then is not None
    assert left_out <= set(first.queries)
    assert not left_out & set(then.queries)


def test_to_leave_out_suspects_takes_classes() -> None:
    with pytest.raises(ConfigurationError, match="classes") as caught:
        finish(without_suspects(dataclasses.replace(pool(), labels=None)))
    assert "labelpilot open" in caught.value.next_step
