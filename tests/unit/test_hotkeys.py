"""Which key gives which answer."""

from __future__ import annotations

import pytest

from core.labeling.questionnaire import Answer
from core.labeling.questions import read_questions
from core.labeling_config import parse_labeling_config
from tui.screens.label.hotkeys import allot


def keys(*choices: str) -> dict[str, Answer | None]:
    """Key -> answer, where these are asked for, each as `class` or `class hotkey`."""
    offered = "".join(
        f'<Choice value="{name}" hotkey="{key}"/>' if key else f'<Choice value="{name}"/>'
        for name, _, key in (choice.partition(" ") for choice in choices)
    )
    config = parse_labeling_config(
        f'<View><Image name="image" value="$image"/><Choices name="kind" toName="image">{offered}'
        "</Choices></View>"
    )
    return {key: press.answer for key, press in allot(read_questions(config)).items()}


@pytest.mark.parametrize(
    ("choices", "found"),
    [
        (("cat", "dog"), {"1": "cat", "2": "dog"}),
        (tuple("0123456789"), {digit: digit for digit in "0123456789"}),
        # The config's own keys are first, wherever they stand.
        (("3", "frog", "cat 3", "1"), {"3": "cat", "1": "1", "2": "3", "4": "frog"}),
        # The screen needs this one for itself.
        (("cat x", "dog"), {"1": "cat", "2": "dog"}),
    ],
)
def test_a_class_has_the_key_that_the_config_gives_it_or_its_own_digit_or_the_next_free_one(
    choices: tuple[str, ...], found: dict[str, str]
) -> None:
    assert keys(*choices) == found
