"""Tasks to annotations, and the people who make them."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from core.dataset.conflicts import Conflict
    from core.labeling.session import LabelSession
    from core.labeling.shares import Share
    from core.labeling.stream import LabelPage
    from core.progress import Work
    from core.studio.people import Person
    from core.workspace.settings import Workspace


class LabelingCalls:
    """Tasks to annotations, and the people who make them."""

    def label_page(self, workspace: Workspace, person: str = "") -> Work[LabelPage]:
        """The page to label on: everybody's, or the share of `person`."""
        from core.labeling.shares import share_page
        from core.labeling.stream import label_stream
        from core.progress import Progress
        from core.studio.project import open_project

        yield Progress("link")
        with open_project(workspace) as opened:
            return (yield from share_page(opened, person)) if person else label_stream(opened)

    def label_session(self, workspace: Workspace) -> LabelSession:
        """What is labeled in the terminal, one image after the other."""
        from core.labeling.session import LabelSession
        from core.studio.project import open_project

        with open_project(workspace) as opened:
            return LabelSession(opened)

    def task_page(self, workspace: Workspace, task_id: int) -> Work[LabelPage]:
        """The page with one task."""
        from core.labeling.stream import LabelPage, task_page
        from core.progress import Progress
        from core.studio.project import open_project

        yield Progress("link")
        with open_project(workspace) as opened:
            return LabelPage(task_page(opened, task_id))

    def conflicts_page(self, workspace: Workspace) -> Work[LabelPage]:
        """The page with the images on which people differ."""
        from core.dataset.conflicts import publish_conflicts
        from core.studio.project import open_project

        with open_project(workspace) as opened:
            return (yield from publish_conflicts(opened))

    def conflicts(self, workspace: Workspace) -> Work[tuple[Conflict, ...]]:
        from core.dataset.conflicts import find_conflicts
        from core.studio.project import open_project

        with open_project(workspace) as opened:
            return (yield from find_conflicts(opened))

    def settle(
        self, workspace: Workspace, annotation: int, right: bool, of: Conflict | None = None
    ) -> Work[tuple[Conflict, str]]:
        """Have an answer be the right one, or take that back; the conflict as it is then, and what
        to say of the rule. It is looked for where it is not known `of` which conflict it is."""
        from core.dataset.conflicts import judge
        from core.studio.project import open_project

        with open_project(workspace) as opened:
            return (yield from judge(opened, annotation, right, of))

    def share(self, workspace: Workspace, people: Sequence[str]) -> Work[tuple[Share, ...]]:
        """Deal the order out among `people`, or take all shares away where there are none."""
        from core.labeling.shares import deal, end_shares
        from core.studio.project import open_project
        from core.workspace.locks import only_one

        with only_one(workspace, "publish"), open_project(workspace) as opened:
            if not people:
                end_shares(opened)
                return ()
            return (yield from deal(opened, people))

    def invite(self, workspace: Workspace) -> Work[str]:
        """The link with which a colleague makes an account."""
        from core.progress import Progress
        from core.studio.people import invite
        from core.studio.project import connect

        yield Progress("invitation")
        with contextlib.closing(connect(workspace)) as client:
            return invite(client)

    def revoke_invitation(self, workspace: Workspace) -> Work[str]:
        """A new link; those that were given lead nowhere from now on."""
        from core.progress import Progress
        from core.studio.people import revoke_invitation
        from core.studio.project import connect

        yield Progress("invitation")
        with contextlib.closing(connect(workspace)) as client:
            return revoke_invitation(client)

    def people(self, workspace: Workspace) -> Work[list[Person]]:
        from core.studio.people import list_people
        from core.studio.project import open_project

        with open_project(workspace) as opened:
            return (yield from list_people(opened))
