"""A tag with accents is one tag, however hooks and disk spell it."""

from __future__ import annotations

import numpy as np
import pytest

from core.learning.hooks.run import Hooks
from core.learning.hooks.vector_files import TaggedVectors
from core.learning.inputs.pool import make_pool
from core.progress import finish

APART, COMPOSED = "e\u0301", "é"


def hooks(*tags: str) -> Hooks:
    vectors = TaggedVectors(tags, np.eye(len(tags), dtype="f4"))
    return Hooks(vectors, {tags[0]: 0.5}, frozenset(tags[:1]), vectors, 0.0)


@pytest.mark.parametrize("on_disk", [APART, COMPOSED])
@pytest.mark.parametrize("in_hooks", [APART, COMPOSED])
def test_hooks_are_spelled_as_the_disk_is(on_disk: str, in_hooks: str) -> None:
    images = {on_disk, "plain", "ü"}
    pool = finish(make_pool(hooks(in_hooks, "plain", "u\u0308"), images, tasks=images))
    assert list(pool.tags) == [on_disk, "plain", "ü"]
    assert pool.labeled.tolist() == [True, False, False]
    assert pool.losses[0] == 0.5


def test_two_images_whose_tags_differ_in_form_alone_stay_two() -> None:
    given = hooks(APART, COMPOSED).spelled_as({APART, COMPOSED})
    assert list(given.embeddings.tags) == [APART, COMPOSED]
