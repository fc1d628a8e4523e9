"""Commands for those who label, and for whoever brings them together."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tui.commands.console import backend, command, link, open_workspace, say, show
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
    from tui.links import open_link

    if conflicts and person:
        raise click.UsageError("Give --for or --conflicts, not both.")
    workspace = open_workspace(root)
    work = backend.conflicts_page(workspace) if conflicts else None
    page = run(work or backend.label_page(workspace, person))
    for note in page.notes:
        say(note)
    url = link(page.url)
    show(as_json, {"url": url, "notes": page.notes}, url)
    if not as_json and sys.stdout.isatty():
        open_link(url)


@click.group(epilog="Example: labelpilot people list")
def people() -> None:
    """Who labels: invitations, what everybody has done, and shares of an order."""


@command("labelpilot people invite --revoke", name="invite", group=people)
@click.option("--revoke", is_flag=True, help="Take the links that were given back first.")
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
    return [f"{share.person}: {share.images:,} images at {link(share.url)}" for share in shares]
