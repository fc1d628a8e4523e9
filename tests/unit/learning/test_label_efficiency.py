"""What was measured of an order is said where it is chosen, in the benchmark's own figures."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from core.learning.measuring import label_efficiency as module
from core.learning.measuring.label_efficiency import label_efficiency
from core.learning.rounds.options import ORDERS


@pytest.fixture
def figures(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    labels = {"best": {"a": 90, "b": 100}, "mixed": {"a": 150, "b": None}, "worst": {"a": None}}
    labels |= {"both": {"a, network": 90, "c, network": 170, "c, linear": 200}, "several": {"c": 7}}
    file = tmp_path / "label_efficiency.json"
    file.write_text(json.dumps({"random": 280, "labels": labels, "several": ["c"]}))
    monkeypatch.setattr(module, "FILE", file)


@pytest.mark.parametrize(
    ("order", "said"),
    [
        ("best", "90 to 100 labels do what 280 random ones do."),
        (
            "both",
            "Measured on digits: 90 labels do what 280 random ones do; where images have several "
            "classes, 170 to 200 labels do what 280 random ones do.",
        ),
        ("several", "on digits: where images have several classes, 7 labels do what 280"),
        ("mixed", "worse than random in 1 of 2 trials."),
        ("worst", "Measured on digits: worse than random in 1 of 1 trials."),
    ],
)
def test_the_figures_become_a_sentence(figures: None, order: str, said: str) -> None:
    assert said in label_efficiency(order)


@pytest.mark.usefixtures("figures")
def test_an_order_that_was_not_measured_says_nothing() -> None:
    assert label_efficiency("random") == ""


def test_every_order_but_random_has_figures_in_the_file_that_is_shipped() -> None:
    assert [order for order in ORDERS if not label_efficiency(order)] == ["random"]
