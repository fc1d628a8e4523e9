"""Shares: the order dealt out to several people, a tab for each, so that nobody gets another's
image also where Label Studio itself does not see to that.

Each share holds every n-th image of the order that nobody has finished. Dealing again, for more
people or fewer, moves only what nobody has begun: one with a draft stays with whoever has it, and
so does the first of a share, at which its person is. Label Studio tells nobody who has which image
open. What a share holds stands in its tab and nowhere else.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import asdict, dataclass

from core.errors import ConfigurationError
from core.labeling.fallback import clicks
from core.labeling.stream import ORDER, LabelPage, mend_order, stream_page
from core.labeling.tabs import (
    SHARE,
    Tab,
    changed_parts,
    find_tabs,
    of_tasks,
    save_tab,
    tasks_of,
)
from core.names import nearest
from core.progress import Progress, Work
from core.studio.models import View
from core.studio.project import OpenProject

# A share is sent by the page with each image that it asks for. A thousand are more than anybody
# labels between two trainings; then they are dealt again.
MOST_IMAGES = 1_000
MOST_PEOPLE = 20
LONGEST_NAME = 100


@dataclass(frozen=True, slots=True)
class Share:
    """What one person labels: `images` that are not finished, and the link to them."""

    person: str
    images: int
    url: str

    def as_json(self) -> dict[str, object]:
        """One of the objects of `shares` in JSON."""
        return asdict(self)


def people_of(text: str) -> tuple[str, ...]:
    """The names in `text`: a number of people, or e-mail addresses with commas between them.

    Raises ConfigurationError for a number that is none of people, and for names that are no names.
    """
    names = tuple(dict.fromkeys(filter(None, (name.strip() for name in text.split(",")))))
    if any(len(name) > LONGEST_NAME or not name.isprintable() for name in names):
        raise ConfigurationError(
            f"The name of a person has visible characters, at most {LONGEST_NAME}.",
            next_step="Give e-mail addresses with commas between them: anna@x.org,ben@x.org.",
        )
    if len(names) == 1 and names[0].isdecimal():
        names = tuple(map(str, range(1, min(int(names[0]), MOST_PEOPLE + 1) + 1)))
    if not 1 <= len(names) <= MOST_PEOPLE:
        raise ConfigurationError(
            f"An order can be shared among 1 to {MOST_PEOPLE} people.",
            next_step="Give how many there are, or their e-mail addresses: anna@x.org,ben@x.org.",
        )
    return names


def deal(opened: OpenProject, people: Sequence[str]) -> Work[tuple[Share, ...]]:
    """Deal the tab's order out among `people`, and return their shares.

    Raises ConfigurationError where there is no order yet.
    """
    tabs = find_tabs(opened)
    order_tab = tabs.get(ORDER.name)
    if order_tab is None:
        raise ConfigurationError(
            "There is no order to share yet.",
            next_step="Publish a round: `labelpilot active-learning`.",
        )
    mend_order(opened, order_tab)
    yield Progress("share", 0, len(people))
    client, views = opened.client, _views(tabs)
    shown = client.view_tasks(opened.id, order_tab.id, MOST_IMAGES * len(people))
    order = [task_id for task_id, _ in shown]
    former = {person: tasks_of(view) for person, view in views.items()}
    twice, drafted = client.asked_twice(opened.id), client.drafted_tasks(opened.id)
    begun = {person: ids & drafted for person, ids in former.items()}
    for person in former.keys() & set(people):
        first = next((task_id for task_id in order if task_id in former[person]), None)
        # Who gave one opinion of two must not be asked for the other.
        begun[person] |= former[person] & (twice | {first})
    parts = dealt(order, people, begun, twice)
    # What somebody loses goes first, so that at no time two have the same.
    for person, view in views.items():
        kept = former[person] & parts.get(person, set())
        if not parts.get(person):
            client.delete_view(opened.id, view.id)
        elif kept != former[person]:
            save_tab(opened, _tab(person, kept), view)
    shares = []
    for number, (person, ids) in enumerate(sorted(parts.items()), start=1):
        if ids:
            view = save_tab(opened, _tab(person, ids), views.get(person))
            shares.append(Share(person, len(ids), stream_page(opened, view.id)))
        yield Progress("share", number, len(parts))
    return tuple(shares)


def dealt(
    order: Sequence[int],
    people: Sequence[str],
    begun: Mapping[str, AbstractSet[int]],
    twice: AbstractSet[int],
) -> dict[str, set[int]]:
    """Who gets which of the tasks in `order`: one after the other in turn.

    What somebody has `begun` stays theirs, also where they are not among `people`. Tasks that are
    asked of two people (`twice`) go to two.
    """
    parts: dict[str, set[int]] = {person: set() for person in people}
    for person, ids in begun.items():
        parts.setdefault(person, set()).update(ids & set(order))
    for turn, task_id in enumerate(order):
        missing = min(2 if task_id in twice else 1, len(people))
        missing -= sum(task_id in ids for ids in parts.values())
        for step in range(len(people)):
            part = parts[people[(turn + step) % len(people)]]
            if missing > 0 and task_id not in part:
                part.add(task_id)
                missing -= 1
    return parts


def deal_again(opened: OpenProject) -> Work[tuple[Share, ...]]:
    """Deal a new order among those who share the one before; () where nobody does."""
    tabs = find_tabs(opened)
    people = sorted(_views(tabs))
    return (yield from deal(opened, people)) if people and ORDER.name in tabs else ()


def end_shares(opened: OpenProject) -> int:
    """Take every share away, and return how many there were. The order and labels stay."""
    views = _views(find_tabs(opened))
    for view in views.values():
        opened.client.delete_view(opened.id, view.id)
    return len(views)


def share_page(opened: OpenProject, person: str) -> Work[LabelPage]:
    """The page with the share of `person`. What somebody changed in its tab is dealt anew.

    Raises ConfigurationError where they have none.
    """
    views = _views(find_tabs(opened))
    if person not in views:
        near = nearest(person, views)
        known = ", ".join(sorted(views)) or "nobody"
        raise ConfigurationError(
            f"There is no share for {person!r}.",
            next_step=(f"Did you mean {near}? " if near else "")
            + f"The order is shared by: {known}. Share it with `labelpilot people share`.",
        )
    notes: tuple[str, ...] = ()
    if changed_parts(views[person]):
        yield from deal(opened, sorted(views))
        notes = (f"The tab of {person} was changed in the browser; its images are dealt again.",)
        views = _views(find_tabs(opened))
    return LabelPage(stream_page(opened, views[person].id), notes + clicks(opened, tab=True))


def _views(tabs: Mapping[str, View]) -> dict[str, View]:
    """Person -> the tab with their share."""
    return {name.removeprefix(SHARE): view for name, view in tabs.items() if name.startswith(SHARE)}


def _tab(person: str, ids: Iterable[int]) -> Tab:
    return of_tasks(f"{SHARE}{person}", f"{ORDER.title}: {person}", ids)
