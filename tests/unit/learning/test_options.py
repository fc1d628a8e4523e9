"""What a round is asked for is checked where it is said, and said again as a command."""

from __future__ import annotations

import pytest

from core.errors import ConfigurationError
from core.learning.rounds.options import RoundOptions
from tui.commands.exit_codes import ExitCode, exit_code


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"order": "sideways"}, "The order 'sideways' is not known."),
        ({"claim": "first"}, "The claim 'first' is not known."),
        ({"engine": "steam"}, "The engine 'steam' is not known."),
        ({"model_version": " "}, "needs a name"),
        ({"model_version": "a\nb"}, "needs a name"),
        ({"neighbours": 0}, "begin at 1"),
        ({"worst": 0}, "begin at 1"),
        ({"batch_size": 0}, "begin at 1"),
    ],
)
def test_what_cannot_be_asked_for_is_refused_in_a_sentence(
    change: dict[str, object], message: str
) -> None:
    with pytest.raises(ConfigurationError, match=message) as caught:
        RoundOptions(**{"model_version": "v1", **change})  # type: ignore[arg-type]
    assert exit_code(caught.value) == ExitCode.USAGE


def test_the_command_says_what_differs_from_the_defaults() -> None:
    assert RoundOptions("v 1").command == "labelpilot active-learning --model-version 'v 1'"
    options = RoundOptions(
        "v1", "nearest-loss", "lowest", 7, 20, "exact", 0.1, fresh=True, leave_out_suspects=True
    )
    assert options.command == (
        "labelpilot active-learning --model-version v1 --claim lowest -k 7 --worst 20 "
        "--engine exact --random-share 0.1 --leave-out-suspects --fresh"
    )
    assert RoundOptions("v1", "herding").command.endswith("--model-version v1 --order herding")
