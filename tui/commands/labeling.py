"""Commands for those who label, and for whoever brings them together."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tui.commands.console import (
    backend,
    command,
    link,
    open_app,
    open_workspace,
    say,
    show,
    show_page,
)
from tui.commands.exit_codes import ExitCode
from tui.commands.progress_bar import run

if TYPE_CHECKING:
    from core.labeling.shares import Share


@command("labelpilot open --for anna@example.com", name="open")
@click.option("--for", "person", default="", metavar="EMAIL", help="One person's share of a round.")
@click.option("--conflicts", is_flag=True, help="The images on which people differ, in a tab.")
def open_(person: str, conflicts: bool, root: Path | None, as_json: bool) -> None:
    """Print the link to the label stream, and open it.

    It is opened where there is a browser.
    """
    if conflicts and person:
        raise click.UsageError("Give --for or --conflicts, not both.")
    workspace = open_workspace(root)
    work = backend.conflicts_page(workspace) if conflicts else None
    show_page(run(work or backend.label_page(workspace, person)), as_json)


@command("labelpilot label")
@click.option(
    "--second-opinions",
    is_flag=True,
    help="Begin with the images that rounds ask of two people and somebody else has labeled.",
)
def label(second_opinions: bool, root: Path | None, as_json: bool) -> None:
    """Label in the terminal: open the app where one image comes after the other."""
    if as_json:
        raise click.UsageError("labelpilot label opens the app, and prints nothing.")
    open_app(open_workspace(root).root, "label", second_opinions=second_opinions)


@command("labelpilot conflicts --settle 17")
@click.option("--settle", type=int, metavar="ANNOTATION", help="Have this answer be the right one.")
@click.option("--undo", type=int, metavar="ANNOTATION", help="Take that back.")
@click.option("--publish", is_flag=True, help="Make a tab of those that are not settled.")
def conflicts(
    settle: int | None, undo: int | None, publish: bool, root: Path | None, as_json: bool
) -> None:
    """List the images on which people differ, with who said what, or settle one.

    Each answer stands with the number of its annotation. The right one is marked as ground truth,
    which counts with the rule ground-truth; exit code 4 while any is not settled.
    """
    from core.words import count

    if sum((settle is not None, undo is not None, publish)) > 1:
        raise click.UsageError("Give one of --settle, --undo and --publish.")
    workspace = open_workspace(root)
    if publish:
        show_page(run(backend.conflicts_page(workspace)), as_json)
        return
    number = settle if settle is not None else undo
    if number is not None:
        after, remark = run(backend.settle(workspace, number, undo is None))
        show(as_json, after.as_json(), str(after))
        if remark:
            say(remark)
        return
    found = run(backend.conflicts(workspace))
    still = sum(one.settled is None for one in found)
    shown = {"conflicts": [one.as_json() for one in found], "open": still}
    words = f"{count(len(found), 'image')} on which people differ, {still:,} of them not settled"
    show(as_json, shown, "\n".join([*map(str, found), words]))
    if still:
        sys.exit(ExitCode.PARTLY)


@click.group(epilog="Example: labelpilot people list")
def people() -> None:
    """Who labels: invitations, what everybody has done, and shares of an order."""


@command("labelpilot people invite --revoke", name="invite", group=people)
@click.option("--revoke", is_flag=True, help="Have the links given so far lead nowhere first.")
def people_invite(revoke: bool, root: Path | None, as_json: bool) -> None:
    """Print the link with which a colleague makes an account.

    Whoever has the link can sign up. Accounts that were made stay.
    """
    from tui.links import reach

    workspace = open_workspace(root)
    url = run((backend.revoke_invitation if revoke else backend.invite)(workspace))
    if advice := reach(url):
        say(advice)
    show(as_json, {"signup_url": link(url)}, link(url))


@command("labelpilot people list", name="list", group=people)
def people_list(root: Path | None, as_json: bool) -> None:
    """Say who labeled how much, today, and when last."""
    found = run(backend.people(open_workspace(root)))
    lines = [
        f"{one.labeled:>8,}  {one.email}"
        + (f", {one.today:,} today" if one.today else "")
        + (f", last {one.last[:16].replace('T', ' ')} UTC" if one.last else "")
        for one in found
    ]
    show(as_json, {"people": [one.as_json() for one in found]}, "\n".join(lines))


@command("labelpilot people share anna@example.com ben@example.com", name="share", group=people)
@click.argument("names", nargs=-1, metavar="[N | EMAIL...]")
@click.option("--end", is_flag=True, help="Take all shares away; everybody labels in one order.")
def people_share(names: tuple[str, ...], end: bool, root: Path | None, as_json: bool) -> None:
    """Deal the round's order out, a tab and a link for each person.

    Run again, for more people or fewer, it moves only images that nobody has begun.
    """
    from core.labeling.shares import people_of

    if end == bool(names):
        raise click.UsageError("Name the people, or how many there are; or give --end.")
    workspace = open_workspace(root)
    shares = run(backend.share(workspace, people_of(",".join(names)) if names else ()))
    shown = [{**share.as_json(), "url": link(share.url)} for share in shares]
    none = "Everybody labels in one order again." if end else "No image is left to be shared."
    words = "\n".join(share_lines(shares)) or none
    show(as_json, {"shares": shown}, words)


def share_lines(shares: Sequence[Share]) -> list[str]:
    """Each share and its link, in a line."""
    from core.words import count

    return [
        f"{share.person}: {count(share.images, 'image')} at {link(share.url)}" for share in shares
    ]
