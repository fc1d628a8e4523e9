"""Commands of active learning."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tui.commands.choices import CLAIM, ENGINE, ORDER, TEMPLATE
from tui.commands.console import (
    backend,
    command,
    link,
    open_workspace,
    say,
    show,
    show_line,
    show_page,
)
from tui.commands.labeling import share_lines
from tui.commands.progress_bar import run

if TYPE_CHECKING:
    from core.learning.hooks.templates import Template
    from core.learning.rounds.ledger import RoundOutcome

# Files that are no image: so many are named.
MOST_NAMED = 10
NOT_MEASURED = "No order is measured on your own labels yet: `labelpilot replay` does that."


@command("labelpilot active-learning --model-version v2 --order margin", name="active-learning")
@click.option("--model-version", required=True, help="The name of this round's scores.")
@click.option("--order", type=ORDER, default=ORDER.first, help="What to label first.")
@click.option(
    "--claim",
    type=CLAIM,
    default=CLAIM.first,
    help="Which train image counts where several are near.",
)
@click.option("-k", "--neighbours", type=click.IntRange(1), help="Neighbours a train image.")
@click.option("--worst", type=click.IntRange(1), help="Only this many worst train images ask.")
@click.option("--engine", type=ENGINE, default=ENGINE.first, help="How neighbours are found.")
@click.option(
    "--random-share",
    type=click.FloatRange(0, 0.9),
    default=0.0,
    show_default=True,
    help="Share of images drawn at random, to compare the order with.",
)
@click.option(
    "--leave-out-suspects",
    is_flag=True,
    help="Leave out labels that are likely wrong: see `labelpilot suspects`.",
)
@click.option(
    "--suggest",
    is_flag=True,
    help="Tick what each image is likely labeled as, if your labels show how far to trust that.",
)
@click.option("--fresh", is_flag=True, help="Run the hooks again, whatever they gave before.")
@click.option(
    "--people",
    metavar="N|EMAIL,...",
    help="Share the order out: how many people, or their e-mail addresses.",
)
def active_learning(people: str | None, root: Path | None, as_json: bool, **options: Any) -> None:
    """Score unlabeled images, and make a tab in their order."""
    from core.labeling.shares import people_of
    from core.learning.measuring.comparison import compare, recommended, summary
    from core.learning.measuring.label_efficiency import label_efficiency
    from core.learning.rounds.options import RoundOptions
    from core.words import count

    names = people_of(people) if people is not None else ()
    work = backend.run_round(open_workspace(root), RoundOptions(**options), names)
    plan, result = run(work)
    asking = (
        f"{result.queries:,} labeled images ask for neighbours among {result.candidates:,} "
        f"unlabeled ones ({plan.engine} search: {plan.reason})"
        if plan.engine
        else f"{result.candidates:,} unlabeled images to choose from"
    )
    best = None
    known = [label_efficiency(result.order), NOT_MEASURED]
    if plan.measured is not None:
        known = [summary(plan.measured, result.order)]
        best = recommended(compare(plan.measured))
    lines = [
        f"{result.order}: {asking}",
        f"embeddings by {plan.embeddings_of}, losses by {plan.losses_of}",
        *known,
        f"{count(result.scored, 'image')} scored as {result.model_version}, "
        f"{result.replaced:,} earlier scores replaced",
        f"{result.suggested:,} of them tick what they are likely labeled as; on your labels, "
        f"{plan.precision}"
        if plan.precision and result.suggested
        else str(plan.precision or ""),
        f"{result.second_opinions:,} of them are asked of two people"
        if result.second_opinions
        else "",
        *(share_lines(result.shares) or [f"Label them in order: {link(result.view_url)}"]),
    ]
    also = {
        "embeddings_of": plan.embeddings_of,
        "losses_of": plan.losses_of,
        "recommended": best and best.order,
        "measured_on": plan.measured and plan.measured.images,
    }
    show(as_json, result.as_json() | also, "\n".join(line for line in lines if line))


@command("labelpilot replay --embeddings vectors.npz --labels dataset.json")
@click.option(
    "--embeddings",
    "embeddings_file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Embeddings of the labeled images, .npz or .npy; without it, those of your hooks.",
)
@click.option(
    "--labels",
    "labels_file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Their classes, in dataset.json's format; without it, your dataset.json.",
)
def replay(
    embeddings_file: Path | None, labels_file: Path | None, root: Path | None, as_json: bool
) -> None:
    """Say which order pays, on images already labeled."""
    from core.learning.measuring.comparison import describe, rows_of

    if embeddings_file is not None and labels_file is not None:
        curves = run(backend.replay_files(embeddings_file, labels_file))
    elif embeddings_file is None and labels_file is None:
        curves = run(backend.replay(open_workspace(root)))
    else:
        raise click.UsageError("Give both --embeddings and --labels, or neither.")
    show(as_json, [asdict(row) for row in rows_of(curves)], describe(curves))


@command("labelpilot embed --model models/mine.onnx")
@click.option(
    "--model",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="An ONNX network of your own, noted as `model` under [learning] for later runs too.",
)
def embed(model: Path | None, root: Path | None, as_json: bool) -> None:
    """Make embeddings of all images, without a model of your own.

    By EfficientNet-Lite0, or by an ONNX file that takes (N, 3, height, width) or (N, height, width,
    3). Pixels are given as 0 to 1, less `mean`, by `std`: the file's own properties of these names,
    or ImageNet's; a network that takes bytes gets them as they are. Only images that are new or
    have changed are looked at; a run that is stopped goes on from there.
    """
    from core.words import count

    workspace = open_workspace(root)
    if model is not None:
        workspace = backend.choose_model(workspace, model)
    found = run(backend.embed(workspace))
    lines = [
        f"Embeddings of {found.network}: {count(found.images, 'image')}, {found.computed:,} made "
        f"now ({found.rate:,.1f} a second), {found.reused:,} as they were",
        f"{count(len(found.unreadable), 'file')} cannot be read as images"
        if found.unreadable
        else "",
        *(f"  {path}: {why}" for path, why in list(found.unreadable.items())[:MOST_NAMED]),
        f"They lie in {workspace.relative(found.path)}",
    ]
    show(as_json, found.as_json(), "\n".join(line for line in lines if line))


@command("labelpilot forecast --json")
def forecast(root: Path | None, as_json: bool) -> None:
    """Say what the next 100 labels would bring.

    A range, how often such ranges held, and on how many unlabeled images the last 100 labels
    changed the answer. In JSON all are shares: a gain of 0.02 is two points.
    """
    found = run(backend.forecast(open_workspace(root)))
    show(as_json, found.as_json(), "\n".join(found.lines()))


@command("labelpilot watch --after 50 -- python train.py --epochs 10")
@click.option("--after", type=click.IntRange(1), required=True, help="Train at so many new labels.")
@click.option("--order", type=ORDER, default=ORDER.first, help="What to label first.")
@click.option(
    "--random-share",
    type=click.FloatRange(0, 0.9),
    default=0.1,
    show_default=True,
    help="Share of images drawn at random, which a forecast is checked against.",
)
@click.option(
    "--until-gain",
    type=float,
    metavar="POINTS",
    help="End where no more is to be expected of the next 100 labels.",
)
@click.option("--once", is_flag=True, help="End after one round.")
@click.argument("training", nargs=-1, required=True, metavar="-- COMMAND...")
def watch(
    training: tuple[str, ...], root: Path | None, as_json: bool, once: bool, **options: Any
) -> None:
    """Train whenever enough labels are new, and publish the next round.

    Each round exports, runs COMMAND in this folder, plans and publishes. What COMMAND prints goes
    to .labelpilot/logs/training.log; where it fails, the next round is due after as many new labels
    again. One line a round on standard error, and with --json one object a round, each on a line of
    its own. It goes on where it was stopped.
    """
    from core.learning.rounds.watch import WatchOptions

    workspace = open_workspace(root)
    asked = WatchOptions(command=training, once=once, **options)
    with backend.watching(workspace, asked):
        while True:
            done = run(backend.watched_round(workspace, asked))
            say(str(done))
            if as_json:
                show_line(done.as_json())
            if once or done.ended:
                return


@command("labelpilot suspects --publish")
@click.option("--publish", is_flag=True, help="Make a tab of their images, and print its link.")
def suspects(publish: bool, root: Path | None, as_json: bool) -> None:
    """List labels that are likely wrong.

    Each with the classes that are doubted: there though they should not be, or lacking.
    """
    workspace = open_workspace(root)
    found = run(backend.suspects(workspace))
    if publish:
        show_page(run(backend.suspects_page(workspace, found)), as_json)
        return
    lines = [f"{one.tag}: {one.summary} (loss {one.loss:.2f})" for one in found]
    nothing = "No label is likely wrong: none has all its neighbours against it."
    show(as_json, [asdict(one) for one in found], "\n".join(lines) or nothing)


@command("labelpilot hooks --template timm")
@click.option(
    "--template",
    type=TEMPLATE,
    default=TEMPLATE.first,
    help="The library that your model uses.",
)
def hooks(template: Template, root: Path | None, as_json: bool) -> None:
    """Write a hooks file to start from.

    What it leaves out, labelpilot stands in for: embeddings by a network of its own, losses from
    the labels. `files` writes no code: it names what your training writes, as .npz, .npy, .csv or
    .parquet, under [learning] in labelpilot.toml.
    """
    workspace = open_workspace(root)
    file = backend.write_hooks(workspace, template)
    left = {"manual": "complete its functions", "files": "write the files that it names"}
    show(as_json, {"hooks": file}, f"{file} is there; {left.get(template, 'it runs as it is')}.")


@command("labelpilot rounds --undo model_v2")
@click.option("--undo", metavar="VERSION", help="Take the last run of a model version back.")
def rounds(undo: str | None, root: Path | None, as_json: bool) -> None:
    """Say what came of each round, or take one back."""
    from core.errors import LabelpilotError
    from core.words import count

    workspace = open_workspace(root)
    if undo is not None:
        changed = run(backend.remove_version(workspace, undo))
        show(
            as_json,
            {"model_version": undo, "changed": changed},
            f"{count(changed, 'score')} taken back",
        )
        return
    records, found = backend.history(workspace)
    labeled: dict[str, int] = {}
    try:
        labeled = backend.labeled_of_rounds(workspace) if records else {}
    except LabelpilotError as error:
        say(f"How many are labeled is not known. {error.message}")
    lines = [
        f"{r.model_version}: {r.order}, "
        + (f"{labeled[r.model_version]:,} of " if r.model_version in labeled else "")
        + f"{count(len(r.picks), 'image')} "
        + ("labeled" if r.model_version in labeled else "asked for")
        for r in records
    ]
    lines += map(_outcome_words, found)
    shown = {
        "rounds": [r.model_version for r in records],
        "labeled": labeled,
        "outcomes": [asdict(outcome) for outcome in found],
    }
    show(as_json, shown, "\n".join(lines) or "No round is published yet.")


def _outcome_words(found: RoundOutcome) -> str:
    """What came of a round, as far as it is known."""
    if not found.labeled:
        return f"{found.model_version}: no training has seen what it asked for yet"
    words = f"{found.model_version}: {found.labeled:,} labeled since; mean loss "
    means = [
        f"{mean:.3f} on {count:,} {kind}"
        for mean, count, kind in (
            (found.ordered_loss, found.ordered, "ordered picks"),
            (found.random_loss, found.random, "random ones"),
        )
        if count
    ]
    return words + ", ".join(means)
