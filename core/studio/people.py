"""Who may label: the invitation with which somebody comes in, and what everybody has done.

The link of an invitation holds a token: it is shown on purpose, and masked everywhere else.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime, timezone

from core.progress import Progress, Work
from core.studio.client import StudioClient
from core.studio.listings import column_filter
from core.studio.models import Account, Label
from core.studio.project import OpenProject


@dataclass(frozen=True, slots=True)
class Person:
    """How much somebody labeled in a project, in all and `today`; `last` is when, in ISO 8601."""

    email: str
    labeled: int
    today: int
    last: str | None

    def as_json(self) -> dict[str, object]:
        """One of the objects that `labelpilot people list --json` prints."""
        return asdict(self)


def invite(client: StudioClient) -> str:
    """The link to the page on which a colleague makes an account."""
    return f"{client.url}/{client.invitation()}"


def revoke_invitation(client: StudioClient) -> str:
    """Take every link that was given back, and return the new one. Accounts stay as they are."""
    return f"{client.url}/{client.renew_invitation()}"


def list_people(opened: OpenProject) -> Work[list[Person]]:
    """Everybody who may sign in, the busiest first. Today begins at midnight here."""
    client, accounts = opened.client, opened.client.accounts()
    yield Progress("people", 0, len(accounts))
    today = _labels_since(opened, midnight())
    # Of a task that one skipped and another labeled, both are annotators.
    mixed = column_filter("cancelled_annotations", "greater", "Number", 0)
    skipped = [one for task in client.labels(opened.id, mixed) for one in task.skipped]
    found = []
    for number, account in enumerate(accounts, start=1):
        labeled = client.annotated_by(opened.id, account.id) - skipped.count(account.id)
        its = [label.at for label in today if label.account == account.id]
        last = max(its, default=None) or (_last(opened, account) if labeled else None)
        found.append(Person(account.email, labeled, len(its), last))
        yield Progress("people", number, len(accounts))
    return sorted(found, key=lambda person: (-person.labeled, person.email))


def _labels_since(opened: OpenProject, moment: str) -> list[Label]:
    tasks = opened.client.labels(opened.id, since=moment)
    return [label for task in tasks for label in task.labels if label.at >= moment]


def _last(opened: OpenProject, account: Account) -> str | None:
    """When somebody labeled last, who did not today."""
    theirs = column_filter("annotators", "contains", "List", account.id)
    labels = [one for task in opened.client.newest_labels(opened.id, theirs) for one in task.labels]
    return max((one.at for one in labels if one.account == account.id), default=None)


def midnight() -> str:
    """When this day began here, as Label Studio writes times."""
    begun = datetime.now().astimezone().replace(hour=0, minute=0, second=0, microsecond=0)
    return f"{begun.astimezone(timezone.utc):%Y-%m-%dT%H:%M:%S.%f}Z"
