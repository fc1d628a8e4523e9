"""What the page asks of whoever opens it, where Label Studio does not see to the order by itself.

Our own server does, by its patches. On another one, and where a patch is closed, a browser in which
"Label All Tasks" was pressed last leaves the tab; one in which it never was takes the images by
their number; and two people get the same image.
"""

from __future__ import annotations

from core.studio.client.projects import SAMPLINGS
from core.studio.patches import UNKNOWN, closed_patches
from core.studio.project import OpenProject

# The patches of core/studio/launcher without which each of these is needed.
ROUND_ORDER = "round-order"
NO_FILTER = "no-filter"
AN_IMAGE_EACH = "an-image-each"

AS_DISPLAYED = (
    'If "Label All Tasks" was ever used in this browser, it shows other images: go back to the '
    'list and choose "Label Tasks As Displayed" once.'
)
ALL_TASKS = (
    'Unless "Label All Tasks" was used last in this browser, it shows the images by their number, '
    "not as the project's sampling says: go back to the list and choose it once."
)
SHARES = (
    "Two people who label at once get the same images here: "
    "`labelpilot people share` gives each their own."
)

SHARED = "The order is shared out: `labelpilot open --for EMAIL` is the link for each person."


def clicks(opened: OpenProject, *, tab: bool) -> tuple[str, ...]:
    """The one click that the page needs, if it needs one: on a `tab` of ours, or without one."""
    missing = _missing(opened)
    if tab:
        return (AS_DISPLAYED,) if ROUND_ORDER in missing else ()
    sequential = opened.remote.sampling == SAMPLINGS["sequential"]
    return (ALL_TASKS,) if NO_FILTER in missing and not sequential else ()


def apart(opened: OpenProject, *, shared: bool) -> tuple[str, ...]:
    """What several people must do to get different images, if they must; `shared`: the order is
    dealt out already."""
    if AN_IMAGE_EACH not in _missing(opened):
        return ()
    return (SHARED if shared else SHARES,)


def _missing(opened: OpenProject) -> set[str]:
    closed = closed_patches(opened.workspace)
    if not opened.workspace.owns_server or UNKNOWN in closed:
        return {ROUND_ORDER, NO_FILTER, AN_IMAGE_EACH}
    return {patch.name for patch in closed}
