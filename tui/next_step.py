"""What is sensible to do next, as things stand: said on the dashboard, and first in the palette."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tui.keys import Place, key_of, section_key

if TYPE_CHECKING:
    from tui.state import WorkspaceState

# So many images of the example are labeled by a key, and so many anywhere make an export worth it.
EXAMPLE_LABELS = 100


@dataclass(frozen=True, slots=True)
class NextStep:
    """Something to do: the section, its action (empty: to open it), and what for."""

    place: Place
    action: str
    words: str

    @property
    def key(self) -> str:
        return key_of(self.place, self.action) if self.action else section_key(self.place)


def next_steps(state: WorkspaceState) -> list[NextStep]:
    """What can be done now, the most sensible first; nothing while that is not known."""
    if state.missing:
        return [NextStep("setup", "do", "Say where the images are, and make a workspace")]
    if state.workspace is None or not state.known:
        return []
    if not state.all_done:
        return [NextStep("setup", "do_all", "Do every step that needs no answer")]
    labels = state.labels.labels if state.labels is not None else 0
    here = NextStep("label", "", "Label here, one after the other")
    browser = NextStep("setup", "label", "Label in the browser")
    export = NextStep("export", "", "Export the labels to the dataset")
    learn = NextStep("learning", "", "See what to label next, and why")
    example = NextStep("setup", "annotate", f"Label {EXAMPLE_LABELS} known digits")
    none = state.labels is not None and not labels
    every = [here, browser, *([] if none else [export]), learn]
    if state.example and labels < EXAMPLE_LABELS:
        return [example, *every]
    if labels < EXAMPLE_LABELS or _is_round_open(state):
        return every
    standing = state.standing
    unwritten = standing is not None and (standing.exported is None or standing.newer)
    first = export if unwritten else learn
    return [first, *(one for one in every if one is not first)]


def _is_round_open(state: WorkspaceState) -> bool:
    """Whether the last round asks for images that are not labeled yet."""
    labels = state.labels
    return labels is not None and len(labels.labeled) < labels.asked
