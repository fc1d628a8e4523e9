"""Options whose values are names that core knows: what they may be, and their words.

Nothing of core is loaded before such an option is read, or help is shown.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

# Names, each with its words; the first is the one that is meant where none is named.
Names = Mapping[Any, str]


class Choice(click.ParamType[str]):
    """One of the names that `load` gives. Help shows it as `placeholder`."""

    name = "choice"

    def __init__(self, placeholder: str, load: Callable[[], Names]) -> None:
        self.placeholder = placeholder
        self.load = load

    def first(self) -> Any:
        return next(iter(self.load()))

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        from core.names import known_name

        return known_name(self.placeholder.lower(), value, self.load())

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        return self.placeholder

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        from click.shell_completion import CompletionItem

        fitting = ((n, words) for n, words in self.load().items() if n.startswith(incomplete))
        return [CompletionItem(name, help=words) for name, words in fitting]


class ChoiceOrPath(Choice):
    """One of the names, or the path of a folder or a file."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        looks_like_a_path = os.sep in value or "." in value or os.path.exists(value)
        if value not in self.load() and looks_like_a_path:
            return Path(os.path.abspath(value))
        return super().convert(value, param, ctx)


class CommandWithChoices(click.Command):
    """A command whose help ends with the names that its choices take, and with an example."""

    def __init__(self, name: str | None, example: str, **settings: Any) -> None:
        super().__init__(name, **settings)
        self.epilog = f"Example: {example}"

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        super().format_options(ctx, formatter)
        for option in self.params:
            if isinstance(option.type, Choice):
                shown = dict(option.type.load())
                if option.default == option.type.first:
                    shown[option.type.first()] += " (default)"
                with formatter.section(option.type.placeholder):
                    formatter.write_dl(list(shown.items()))


def _modes() -> Names:
    from core.tasks.options import MODES

    return MODES


def _of_dataset() -> ModuleType:
    from core.dataset import options

    return options


def _of_rounds() -> ModuleType:
    from core.learning.rounds import options

    return options


def _templates() -> Names:
    from core.learning.hooks.templates import TEMPLATES

    return TEMPLATES


def _steps() -> Names:
    from core.setup.steps import STEPS

    return {step.id: step.why for step in STEPS}


STEP = Choice("STEP", _steps)
MODE = Choice("MODE", _modes)
RULE = Choice("RULE", lambda: _of_dataset().RULES)
ORIGIN = ChoiceOrPath("ORIGIN", lambda: _of_dataset().ORIGINS)
FORMAT = Choice("FORMAT", lambda: _of_dataset().FORMATS)
TEMPLATE = Choice("TEMPLATE", _templates)
ORDER = Choice("ORDER", lambda: _of_rounds().ORDERS)
CLAIM = Choice("CLAIM", lambda: _of_rounds().CLAIMS)
ENGINE = Choice("ENGINE", lambda: _of_rounds().ENGINES)
