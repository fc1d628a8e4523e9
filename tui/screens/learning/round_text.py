"""A round in words: what it is made with, how it was found, what comes before it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

from textual.content import Content

from tui.keys import key_of, section_key
from tui.text import count, duration, plain
from tui.widgets.histogram import histogram

if TYPE_CHECKING:
    from core.learning.options import RoundOptions
    from core.learning.planning import RoundPlan
    from core.workspace.settings import Workspace


def options_line(options: RoundOptions, workspace: Workspace | None) -> Content:
    """What a round is made with."""
    parts = [Content.assemble(("model version ", "$muted"), plain(options.model_version))]
    parts.append(Content.assemble(("order ", "$muted"), plain(options.order)))
    neighbours = options.neighbours or (workspace.learning.neighbours if workspace else 0)
    parts.append(Content.assemble(("neighbours ", "$muted"), f"{neighbours:,}"))
    if options.random_share:
        share = f"{options.random_share * 100:g} %"
        parts.append(Content.assemble(("random ", "$muted"), share))
    if options.worst:
        parts.append(Content.assemble(("worst ", "$muted"), f"{options.worst:,}"))
    return Content("    ").join(parts)


def newer_words(plan: RoundPlan) -> list[Content | str]:
    """That labels came which dataset.json does not know, and the model neither."""
    if not plan.newer_labels:
        return []
    newer = count(plan.newer_labels, "image")
    text = f"{newer} labeled since the dataset was written: export ({section_key('export')}), train"
    return [plain(text, "$text-warning")]


def measured_on_digits(order: str) -> str:
    """What was measured for an order on digits; "" where that is not known."""
    from core.learning.label_efficiency import label_efficiency

    # The figures are a help, and come with a release: nothing depends on them.
    with contextlib.suppress(OSError, ValueError, KeyError):
        return label_efficiency(order)
    return ""


def facts(plan: RoundPlan) -> list[Content | str]:
    """How a plan was found, and the losses behind it."""
    search = f"{plan.engine} search, " if plan.engine else ""
    sides = f"{plan.queries:,} asking x {plan.candidates:,} unlabeled"
    recall = f", recall {plan.recall:.2f}" if plan.engine else ""
    shown: list[Content | str] = [
        plain(f"{search}{sides}, {duration(plan.seconds)}{recall}", "$muted")
    ]
    if len(plan.losses):
        bars, median, worst = histogram(plan.losses, 20)
        figures = f"  median {median:.2f}, worst {worst:.2f}"
        label = ("losses of the train set  ", "$muted")
        shown.append(Content.assemble(label, (bars, "$primary"), (figures, "$muted")))
    return shown


def before(workspace: Workspace, versions: Mapping[str, int] | None) -> list[Content | str]:
    """What a first plan needs, and what was published before."""
    hooks = workspace.learning.hooks
    name, plan = workspace.relative(hooks), key_of("learning", "plan")
    parts: list[Content | str] = []
    if os.path.isfile(hooks):
        parts.append(plain(f"Your hooks: {name}, run by {workspace.hooks_python}"))
        parts.append(f"{plan} runs them, finds what to label next, and shows it first.")
        dataset = workspace.annotations.dataset
        if not os.path.isfile(dataset):
            text = f"There is no {workspace.relative(dataset)} yet. If they train on it, label "
            text += f"some images first ({key_of('learning', 'label')}), and export them "
            parts += ["", plain(f"{text}({section_key('export')}).")]
    else:
        parts.append(plain(f"There is no hooks file {name} yet.", "$text-warning"))
        parts.append("It gives get_embeddings(), get_loss_trainset() and get_tags_labeled().")
        edit = key_of("setup", "edit")
        parts.append(f"{plan} writes one to complete; {edit} in Setup names another.")
    if versions:
        parts += ["", plain("Published before", "bold")]
        parts += [plain(f"  {v}: {count(n, 'score')}") for v, n in list(versions.items())[-5:]]
    return parts
