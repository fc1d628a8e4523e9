"""A round in words: what it is made with, how it was found, what comes before it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

from textual.content import Content

from core.extras import install_extra
from core.learning.inputs.sources import NETWORK, Source, embeddings_from
from tui.keys import key_of, section_key
from tui.text import count, duration, plain
from tui.widgets.histogram import histogram

if TYPE_CHECKING:
    from core.learning.rounds.options import RoundOptions
    from core.learning.rounds.planning import RoundPlan
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
    if options.suggest:
        parts.append(Content.assemble(("suggests ", "$muted"), "answers"))
    return Content("   ").join(parts)


def newer_words(plan: RoundPlan) -> list[Content | str]:
    """That labels came which dataset.json does not know, and the model neither."""
    if not plan.newer_labels:
        return []
    newer = count(plan.newer_labels, "image")
    text = f"{newer} labeled since the dataset was written: export ({section_key('export')}), train"
    return [plain(text, "$text-warning")]


def measured_on_digits(order: str) -> str:
    """What was measured for an order on digits; "" where that is not known."""
    from core.learning.measuring.label_efficiency import label_efficiency

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
    if plan.embeddings_of:
        whose = f"embeddings by {plan.embeddings_of}, losses by {plan.losses_of}"
        if plan.embeddings_of == plan.losses_of:
            whose = f"embeddings and losses by {plan.losses_of}"
        shown.append(plain(whose, "$muted"))
    if plan.precision is not None:
        words = str(plan.precision)
        told = words if plan.precision.threshold is None else f"Suggestions {words}."
        shown.append(plain(told, "$muted"))
    if len(plan.losses):
        bars, median, worst = histogram(plan.losses, 20)
        figures = f"  median {median:.2f}, worst {worst:.2f}"
        label = ("losses of the train set  ", "$muted")
        shown.append(Content.assemble(label, (bars, "$primary"), (figures, "$muted")))
    return shown


def before(workspace: Workspace, versions: Mapping[str, int] | None) -> list[Content | str]:
    """What a first plan needs, and what was published before."""
    plan, source = key_of("learning", "plan"), embeddings_from(workspace)
    parts = _whose(workspace, source)
    dataset = workspace.annotations.dataset
    if source in ("hooks", "file") and not os.path.isfile(dataset):
        text = f"There is no {workspace.relative(dataset)} yet. If they train on it, label "
        text += f"some images first ({section_key('label')}), and export them "
        parts += ["", plain(f"{text}({section_key('export')}).")]
    elif source == "network":
        text = f"Label some images first ({section_key('label')}), 40 or so. For a model of your "
        parts += ["", plain(f"{text}own, write a hooks file: labelpilot hooks --help.")]
        parts.append(f"{key_of('learning', 'embed')} makes the embeddings alone, ahead of that.")
    if source is not None:
        verb = {"hooks": "runs them", "network": "makes them"}.get(source, "takes them")
        parts.insert(1, f"{plan} {verb}, finds what to label next, and shows it first.")
    if versions:
        parts += ["", plain("Published before", "bold")]
        parts += [plain(f"  {v}: {count(n, 'score')}") for v, n in list(versions.items())[-5:]]
    return parts


def _whose(workspace: Workspace, source: Source | None) -> list[Content | str]:
    """Whose embeddings and losses a plan is made of."""
    learning, hooks = workspace.learning, workspace.relative(workspace.learning.hooks)
    by_head = "losses by a linear head on your labels"
    if source == "hooks":
        return [plain(f"Your hooks: {hooks}, run by {workspace.hooks_python}")]
    if source == "file" and learning.embeddings is not None:
        losses = learning.losses and f"losses of {workspace.relative(learning.losses)}"
        whose = f"Embeddings of {workspace.relative(learning.embeddings)}, {losses or by_head}."
        return [plain(whose)]
    if source == "network":
        network = NETWORK if learning.model is None else workspace.relative(learning.model)
        return [plain(f"Embeddings by {network}, {by_head}: no code is needed.")]
    plan, edit = key_of("learning", "plan"), key_of("setup", "edit")
    return [
        plain(f"There is no hooks file {hooks} yet.", "$text-warning"),
        "It gives get_embeddings(), get_loss_trainset() and get_tags_labeled().",
        f"{plan} writes one to complete; {edit} in Setup names another.",
        plain(f"Without one, labelpilot's own network does: {install_extra('embed')}"),
    ]
