"""The nearest neighbours are the true ones, whatever the blocks, and ties always fall alike."""

from __future__ import annotations

import re
import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import ConfigurationError
from core.learning.search import exact as exact_search
from core.learning.search.neighbours import Neighbours, choose_engine, find_neighbours
from core.progress import Progress, finish


def unit(vectors: np.ndarray) -> np.ndarray:
    scaled = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return scaled.astype(np.float32)


def clusters(rows: int, length: int, seed: int = 0) -> np.ndarray:
    random = np.random.default_rng(seed)
    centres = random.standard_normal((20, length))
    return unit(centres[random.integers(0, 20, rows)] + random.standard_normal((rows, length)))


def by_hand(
    queries: np.ndarray, candidates: np.ndarray, k: int, allowed: np.ndarray | None = None
) -> np.ndarray:
    """The plain definition: every cosine in double precision, ties by the lower row."""
    cosines = (queries.astype(np.float64) @ candidates.T.astype(np.float64)).astype(np.float32)
    if allowed is not None:
        cosines[:, ~allowed] = -np.inf
    return np.argsort(-cosines, axis=1, kind="stable")[:, :k]


def exact(queries: np.ndarray, candidates: np.ndarray, k: int, **options: np.ndarray) -> Neighbours:
    return finish(find_neighbours(queries, candidates, k, "exact", **options))


@settings(max_examples=40, deadline=None)
@given(
    queries=st.integers(1, 20),
    candidates=st.integers(1, 200),
    length=st.integers(1, 9),
    k=st.integers(1, 12),
    blocks=st.tuples(st.integers(1, 50), st.integers(1, 7)),
    share=st.floats(0, 1),
    seed=st.integers(0, 99),
)
def test_exact_search_finds_what_the_definition_says(
    queries: int,
    candidates: int,
    length: int,
    k: int,
    blocks: tuple[int, int],
    share: float,
    seed: int,
) -> None:
    random = np.random.default_rng(seed)
    # Few distinct whole numbers, so that many similarities are equal.
    everything = unit(random.integers(1, 4, (candidates, length)))
    some = unit(random.integers(1, 4, (queries, length)))
    allowed = random.random(candidates) < share
    allowed[random.integers(candidates)] = True
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(exact_search, "ROWS_AT_ONCE", blocks[0])
        patch.setattr(exact_search, "QUERIES_AT_ONCE", blocks[1])
        found = exact(some, everything, k, allowed=allowed)
    cosines = some.astype(np.float64) @ everything.T.astype(np.float64)
    cosines[:, ~allowed] = -np.inf
    best = -np.sort(-cosines, axis=1)[:, : min(k, np.count_nonzero(allowed))]
    assert found.indices.shape == best.shape
    assert allowed[found.indices].all()
    assert all(len(set(row)) == len(row) for row in found.indices.tolist())
    np.testing.assert_allclose(found.similarities, best, atol=1e-6)
    assert found.recall == 1.0


def test_many_blocks_and_threads_give_the_very_neighbours_of_the_definition() -> None:
    candidates, queries = clusters(10_000, 16), clusters(300, 16, seed=1)
    found = exact(queries, candidates, 10)
    np.testing.assert_array_equal(found.indices, by_hand(queries, candidates, 10))


def test_equal_vectors_come_in_the_order_of_their_rows() -> None:
    one, others = clusters(1, 256), clusters(10_000, 256, seed=1)
    candidates = np.insert(others, [5_000], np.repeat(one, 9, axis=0), axis=0)
    found = exact(one, candidates, 5)
    assert found.indices.tolist() == [[5_000, 5_001, 5_002, 5_003, 5_004]]


def test_only_allowed_candidates_are_found() -> None:
    candidates = clusters(5_000, 8)
    allowed = np.arange(5_000) % 3 == 0
    found = exact(candidates[:50], candidates, 4, allowed=allowed)
    np.testing.assert_array_equal(found.indices, by_hand(candidates[:50], candidates, 4, allowed))


def test_fewer_candidates_than_k_give_them_all() -> None:
    candidates = clusters(3, 4)
    assert exact(candidates[:2], candidates, 10).indices.shape == (2, 3)


def test_candidates_in_a_file_of_half_precision_are_taken() -> None:
    candidates = clusters(500, 8).astype(np.float16)
    found = exact(clusters(3, 8, seed=2), candidates, 5)
    expected = by_hand(clusters(3, 8, seed=2), candidates.astype(np.float32), 5)
    np.testing.assert_array_equal(found.indices, expected)


@pytest.mark.parametrize(
    ("queries", "candidates", "said"), [(0, 5, "No labeled image"), (5, 0, "labeled already")]
)
def test_nothing_to_search_is_said_in_a_sentence(queries: int, candidates: int, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        exact(clusters(9, 4)[:queries], clusters(9, 4)[:candidates], 3)


def test_progress_counts_candidates_to_the_end() -> None:
    events: list[Progress] = []
    finish(find_neighbours(clusters(5, 4), clusters(9_000, 4), 3, "exact"), events.append)
    assert (events[-1].done, events[-1].total) == (9_000, 9_000)


def test_closing_the_generator_ends_its_threads() -> None:
    before = threading.active_count()
    candidates = np.random.default_rng(0).standard_normal((200_000, 64), np.float32)
    work = find_neighbours(candidates[:4_000], candidates, 10, "exact")
    next(work)
    work.close()
    assert threading.active_count() == before


def test_annoy_tells_its_recall_and_true_similarities() -> None:
    candidates, queries = clusters(3_000, 16), clusters(200, 16, seed=1)
    found = finish(find_neighbours(queries, candidates, 5, "annoy"))
    true = by_hand(queries, candidates, 5)
    hits = [np.isin(a, b).mean() for a, b in zip(true, found.indices, strict=True)]
    assert found.engine == "annoy"
    assert found.recall == pytest.approx(np.mean(hits), abs=0.1)
    cosines = np.einsum("qkd,qd->qk", candidates[found.indices], queries)
    np.testing.assert_allclose(found.similarities, cosines, atol=1e-6)


def test_annoy_too_passes_over_what_is_not_allowed() -> None:
    candidates = clusters(1_000, 8)
    allowed = np.arange(1_000) >= 900
    found = finish(find_neighbours(candidates[:20], candidates, 5, "annoy", allowed=allowed))
    assert found.indices.min() >= 900


def test_a_round_of_ordinary_size_is_searched_exactly() -> None:
    choice = choose_engine(queries=10_000, candidates=1_000_000, length=512)
    assert choice.engine == "exact"
    assert "10,000 x 1,000,000" in choice.reason


@pytest.mark.parametrize("candidates", [1_000, 1_000_000, 50_000_000])
@pytest.mark.parametrize("cluster", [False, True])
def test_the_choice_is_a_sentence_with_each_duration_said_once(
    candidates: int, cluster: bool
) -> None:
    choice = choose_engine(10_000, candidates, 512, cluster=cluster)
    duration = r"(less than a second|about [\d,]+ (s|min))"
    assert re.match(rf"[\d,]+ x [\d,]+ (takes|would take) {duration}", choice.reason)
    assert not re.search(r"about (less|about)", choice.reason)


def test_annoy_is_chosen_only_where_it_saves_much_time() -> None:
    choice = choose_engine(queries=1_000_000, candidates=10_000_000, length=512)
    assert choice.engine == "annoy"
    assert "misses some neighbours" in choice.reason
