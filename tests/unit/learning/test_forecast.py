"""What the next labels would bring is a range in whole points, and says what it lacks."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from core.errors import ConfigurationError
from core.learning.inputs.pool import Labels
from core.learning.measuring.forecast import Evidence, Forecast, forecast, scale
from core.progress import finish

CLASSES = ("cat", "dog", "indoors")


def known(count: int, drawn: int, *, several: bool = False, images: int = 500) -> Forecast:
    """The forecast after `count` labels of two kinds of images that are easy to tell apart."""
    random = np.random.default_rng(0)
    kinds = random.integers(0, 2, images)
    vectors = np.eye(8, dtype=np.float32)[kinds] + 0.1 * random.standard_normal((images, 8))
    matrix = np.eye(3, dtype=bool)[kinds]
    if several:
        matrix[:, 2] = vectors[:, 5] > 0
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    labels = Labels(np.arange(count), matrix[:count], CLASSES)
    at_random = np.arange(count) < drawn
    return finish(forecast(vectors.astype(np.float32), labels, at_random, random))


def test_where_labels_change_nothing_more_none_are_forecast_to() -> None:
    found = known(200, 200)
    assert (found.changed, found.gain, found.measure) == (0, 0, "accuracy")
    assert found.low is not None and found.high is not None
    assert found.low <= 0 <= found.high
    assert (found.checked, found.held) == (1, 1)
    assert found.stays_below(100 * found.high + 1) and not found.stays_below(100 * found.high)


def test_with_several_labels_an_image_it_is_mean_average_precision() -> None:
    found = known(120, 120, several=True)
    assert found.measure == "mean average precision"
    assert found.changed > 0
    assert found.gain is not None


def test_too_few_images_drawn_at_random_are_said_and_nothing_is_forecast() -> None:
    found = known(200, 12)
    assert (found.gain, found.low, found.high) == (None, None, None)
    assert "only 12 were drawn at random, and 50 are needed" in found.missing
    assert found.lines()[-1] == found.missing
    assert not found.stays_below(100)


@pytest.mark.parametrize(("count", "images"), [(99, 500), (200, 250)])
def test_too_few_labels_or_images_are_refused(count: int, images: int) -> None:
    with pytest.raises(ConfigurationError) as caught:
        known(count, count, images=images)
    assert "100 labeled images" in caught.value.message


def test_labels_that_are_all_alike_are_named_as_what_is_in_the_way() -> None:
    labels = Labels(np.arange(100), np.ones((100, 1), np.bool_), ("cat",))
    with pytest.raises(ConfigurationError) as caught:
        finish(
            forecast(np.eye(200, dtype="f4"), labels, labels.matrix[:, 0], np.random.default_rng(0))
        )
    assert caught.value.cause == "All 100 are labeled alike."


def test_labels_that_the_model_was_trained_on_are_told() -> None:
    found = known(200, 200)
    assert not any("training" in line for line in found.lines())
    learned = dataclasses.replace(found, learned=150)
    assert any("has seen 150 of the labels" in line for line in learned.lines())


def test_a_range_is_in_whole_points_around_its_middle_and_wider_with_less_known() -> None:
    widths = []
    for labels, changed in ((1000, 0.01), (200, 0.1), (100, 0.4)):
        evidence = Evidence(labels, 0.02, changed)
        low, high = scale().range(evidence)
        assert [round(100 * end, 6) % 1 for end in (low, high)] == [0, 0]
        assert low < scale().middle(evidence) < high
        widths.append(high - low)
    assert widths == sorted(widths)


def test_it_is_told_in_sentences() -> None:
    shown = " ".join(known(200, 200).lines())
    assert shown.startswith("The next 100 labels would bring about 0 points of accuracy, from ")
    assert "The last 100 of 200 labels changed the answer on 0 % of the unlabeled images." in shown
    assert "1 of 1 on your own labels" in shown
