"""Labeling: the image to be labeled now, those after it, and the labels on their way.

No call waits for the network. Two threads of the session do what takes long: one sends labels, the
other asks which images come next. They end with the session, and with the process at the latest:
whatever is not done then is on the disk.
"""

from __future__ import annotations

import contextlib
import secrets
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from core.errors import LabelpilotError, StudioRefused, StudioUnreachable
from core.images import ImagePaths
from core.labeling.item import LabelItem, item_of
from core.labeling.not_taken import sentence_of, write_not_taken
from core.labeling.outbox import REFUSED, Label, Outbox, new_id, whose
from core.labeling.questionnaire import Answers, Questionnaire
from core.labeling.questions import read_questions
from core.labeling.queue import advice, give_back, next_tasks
from core.labeling.sending import send
from core.labeling_config import parse_labeling_config
from core.studio.models import Account, Task
from core.studio.project import OpenProject, connect, require_project
from core.studio.transport import Broken
from core.words import count
from core.workspace.locks import Busy, first_free, only_one

# How many images are held: a server that is gone is not missed before they are labeled.
HELD = 16
# As many labelpilots can label in one workspace at the same time.
MOST_SESSIONS = 20
# After so many seconds it is said again that the images are held, and looked what else is new.
_AGAIN_SECONDS = 45.0
# Before a server that does not answer is asked again, at first and at most.
_FIRST_WAIT, _LONGEST_WAIT = 0.5, 8.0
# The status of an answer that a right is lacking, which may be that to one task.
_NO_RIGHT = 403
# How long the end may wait for what is being sent, and for what was held to be given back.
_END_SECONDS = 2.0


class LabelSession:
    """What a face asks and tells while somebody labels.

    `questionnaire` is what the project asks of each image; `advice` what several people must do to
    get different ones, where they must, and None before that is known.
    """

    questionnaire: Questionnaire
    advice: str | None = None

    def __init__(self, opened: OpenProject, again: Sequence[LabelItem] | None = None) -> None:
        """Begin with the project as it is now; `again`: label these images, and not those of the
        label stream.

        Raises LabelpilotError where the disk refuses, or too many label here.
        """
        config = parse_labeling_config(opened.remote.label_config, "the project's labeling config")
        self.questionnaire = read_questions(config)
        self._workspace = opened.workspace
        self._of = whose(opened)
        self._session = secrets.token_hex(8)
        self._paths = ImagePaths(opened.workspace.images.path)
        self._streams = again is None
        # An image that is labeled, or taken back, is at no moment neither ahead nor on its way.
        self._lock = threading.RLock()
        # What is asked to be held is asked of what was held last.
        self._holding = threading.Lock()
        self._ahead: list[LabelItem] = list(again or ())
        # How many times another order was told of.
        self._orders = 0
        # Taken back a moment ago: to be shown although they have a label still.
        self._pinned: set[int] = set()
        # Look-alikes that are shown beside the image in front.
        self._beside: tuple[int, ...] = ()
        self._at_end = False
        self._done = 0
        self._problems: dict[str, str] = {}
        # The labels that were refused and stand in a file for people.
        self._told: list[Label] | None = None
        self._connection: tuple[OpenProject, Account] | None = None
        self._connecting = threading.Lock()
        self._ending = threading.Event()
        self._stack = contextlib.ExitStack()
        try:
            slot = self._stack.enter_context(first_free(self._workspace, "label", MOST_SESSIONS))
            self._outbox = Outbox(self._workspace, self._of, slot)
            # What stood in the way may be gone by now.
            self._outbox.send_again()
        except BaseException:
            self._stack.close()
            raise
        self._wake = {"send": threading.Event(), "fill": threading.Event()}
        self._threads = [
            threading.Thread(target=self._run, args=one, daemon=True, name=f"label {one[0]}")
            for one in (("send", self._send), ("fill", self._fill))[: 2 if self._streams else 1]
        ]
        for thread in self._threads:
            thread.start()

    def ahead(self, count: int) -> Sequence[LabelItem]:
        """The image to be labeled now, then those after it; fewer where they are not known yet."""
        with self._lock:
            return self._ahead[:count]

    @property
    def at_end(self) -> bool:
        """Whether no image is left to be labeled, as far as is known."""
        with self._lock:
            return not self._ahead and (self._at_end or not self._streams)

    def follow_order(self, front: LabelItem | None = None) -> None:
        """Let go of the images that were fetched ahead, but for the one in `front`: another order
        is published, and those that come next are its."""
        with self._lock:
            staying = self._pinned | ({front.task_id} if front is not None else set())
            self._ahead = [one for one in self._ahead if one.task_id in staying]
            self._orders += 1
            self._at_end = False
        self._wake_up()

    def submit(self, item: LabelItem, answers: Answers, lead_time: float) -> None:
        """Label an image: the label is on the disk when this returns, and is sent behind it.

        Raises LabelpilotError where the disk refuses; nothing is lost but this key.
        """
        self._add(item, self.questionnaire.result(answers), lead_time, skipped=False)

    def submit_together(
        self, items: Sequence[LabelItem], answers: Answers, lead_time: float
    ) -> None:
        """Label look-alikes with the same answers, which share the time that they took. Taking one
        back takes back all of them. Raises as `submit` does."""
        together, seconds = new_id(), lead_time / max(len(items), 1)
        for item in items:
            result = self.questionnaire.result(answers)
            self._add(item, result, seconds, skipped=False, together=together)

    def hold_beside(self, tasks: Sequence[int]) -> list[LabelItem]:
        """Hold `tasks`, look-alikes of the image in front, and those only: the images of those
        that are still to be labeled, and that nobody else has. Waits for the network.

        Raises StudioRefused, StudioUnreachable.
        """
        self._beside = tuple(tasks)
        with self._holding:
            found, _, sent = self._hold(0)
        items = {task.id: self._item(task) for task in found if task.id not in sent}
        return [items[task] for task in tasks if task in items]

    def skip(self, item: LabelItem, lead_time: float = 0.0) -> None:
        """Skip an image, as Label Studio's page does; one that is labeled again stays as it is."""
        if self._streams:
            self._add(item, [], lead_time, skipped=True)
        else:
            self._drop(item)

    def take_back(self) -> LabelItem | None:
        """Take the last label or skip back, also one of a former session; None where there is none.

        Its image is the one to be labeled now, with what was said ticked; those that were labeled
        together with it come next.
        """
        with self._lock:
            label = self._outbox.take_back()
            if label is None:
                return None
            labels = [label]
            while label.together and (other := self._outbox.take_back(label.together)):
                labels.append(other)
            items = [self._taken_back(one) for one in reversed(labels)]
            tasks = {item.task_id for item in items}
            self._ahead = [*items, *(one for one in self._ahead if one.task_id not in tasks)]
            self._pinned |= tasks
        self._done -= sum(not one.skips for one in labels)
        self._wake_up()
        return items[0]

    def _taken_back(self, label: Label) -> LabelItem:
        said = None if label.skips else self.questionnaire.answers_of(label.body["result"])
        task = Task(label.task, label.url, 0)
        return replace(self._item(task), tag=label.tag, annotation=label.changes, suggestion=said)

    @property
    def on_their_way(self) -> int:
        """How many labels are on the disk and not known to have arrived."""
        return self._outbox.on_the_way

    @property
    def done_by_me(self) -> int:
        """How many images were labeled in this session."""
        return max(self._done, 0)

    @property
    def failed(self) -> tuple[str, ...]:
        """What went wrong, in sentences: labels that were refused, a server that is gone."""
        refused = self._outbox.labels(REFUSED)
        kept = [sentence_of(self._workspace, refused)] if refused else []
        others = self._outbox.of_others
        if others:
            kept.append(
                f"{count(others, 'label')} of another project or server kept in this workspace."
            )
        return (*self._problems.values(), *kept)

    def close(self) -> None:
        """Give back the images that are held; labels on their way stay on the disk."""
        self._ending.set()
        self._wake_up()
        end = time.monotonic() + _END_SECONDS
        for thread in self._threads:
            thread.join(max(end - time.monotonic(), 0.0))
        self._stack.close()
        if not any(thread.is_alive() for thread in self._threads):
            self._outbox.close()

    def __enter__(self) -> LabelSession:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _add(
        self,
        item: LabelItem,
        result: list[dict[str, object]],
        lead_time: float,
        *,
        skipped: bool,
        together: str = "",
    ) -> None:
        body = {"result": result, "lead_time": round(lead_time, 3), "was_cancelled": skipped}
        label = Label(new_id(), item.task_id, item.tag, item.url, body, changes=item.annotation)
        with self._lock:
            self._outbox.add(replace(label, together=together))
            self._drop(item)
        self._done += not skipped

    def _drop(self, item: LabelItem) -> None:
        with self._lock:
            self._ahead = [one for one in self._ahead if one.task_id != item.task_id]
            self._pinned.discard(item.task_id)
        self._wake_up()

    def _wake_up(self) -> None:
        for event in self._wake.values():
            event.set()

    # In the session's threads

    def _run(self, name: str, work: Callable[[], float]) -> None:
        """Do `work` whenever there is some; it says after how many seconds there is anyway."""
        wait = _FIRST_WAIT
        while not self._ending.is_set():
            self._wake[name].clear()
            try:
                seconds = work()
                self._problems.pop(name, None)
                wait = _FIRST_WAIT
            except LabelpilotError as error:
                if isinstance(error, StudioUnreachable):
                    self._forget_connection()
                self._problems[name] = error.in_short
                # Whoever labels on meanwhile does not make a server come back.
                self._ending.wait(wait)
                wait = min(wait * 2, _LONGEST_WAIT)
                continue
            self._wake[name].wait(seconds)
        if name == "fill":
            with contextlib.suppress(LabelpilotError):
                give_back(self._connected()[0], self._outbox, self._session)

    def _send(self) -> float:
        """Send what is on its way, the oldest first, and see to what was refused."""
        if not self._outbox.on_the_way:
            return _AGAIN_SECONDS
        opened, account = self._connected()
        broken: LabelpilotError | None = None
        try:
            with only_one(self._workspace, "outbox"):
                last = ""
                while not self._ending.is_set() and (label := self._outbox.begin(last)):
                    last = label.id
                    try:
                        send(opened, account, self._outbox, label)
                    except StudioRefused as error:
                        # Of this label alone, maybe: then the others need not wait for it.
                        if not isinstance(error, Broken) and error.status != _NO_RIGHT:
                            raise
                        broken = error
                    self._wake["fill"].set()
        except Busy:
            # Another labelpilot of the workspace is sending; it sends these too.
            return 1.0
        refused = self._outbox.labels(REFUSED)
        if refused != self._told:
            write_not_taken(self._workspace, opened.remote.image_key, refused)
            self._told = refused
        if broken is not None:
            raise broken
        return 0.0 if self._outbox.on_the_way else _AGAIN_SECONDS

    def _fill(self) -> float:
        """Hold the images that come next, and let go of those that are labeled meanwhile."""
        with self._holding:
            if self.advice is None:
                self.advice = advice(*self._connected(), self._session)
            orders = self._orders
            found, mine, sent = self._hold(HELD)
            asked = {*mine, *sent, *self._beside}
            kept = {task.id for task in found}
            new = [self._item(task) for task in found if task.id not in asked]
            with self._lock:
                if orders != self._orders:
                    # They may be of the order before.
                    return 0.0
                sent |= set(self._outbox.tasks_on_the_way())
                self._pinned &= {one.task_id for one in self._ahead}
                staying = kept | self._pinned | {one.task_id for one in self._ahead} - set(mine)
                left = [one for one in self._ahead if one.task_id in staying]
                # What was ahead and is not to be labeled now may be so at the next look; and a list
                # from which labels are taken while it is read may pass over some of it. Labels that
                # the server refuses take nothing from it.
                moving = bool(sent) and "send" not in self._problems
                unsure = moving or len(left) < len(self._ahead)
                self._ahead = left
                here = {one.task_id for one in self._ahead} | sent
                self._ahead += [one for one in new if one.task_id not in here]
                at_end = not new and len(mine) < HELD
                self._at_end = at_end and not unsure
        return _FIRST_WAIT if at_end and unsure else _AGAIN_SECONDS

    def _hold(self, count: int) -> tuple[list[Task], list[int], set[int]]:
        """Hold what is ahead or beside, and more where less than `count` is ahead; the tasks that
        are held, those that were ahead, and those whose labels are on their way.

        The last are held too: for all that the server knows, they are to be labeled still.
        """
        opened, account = self._connected()
        with self._lock:
            mine = [one.task_id for one in self._ahead]
            sent = set(self._outbox.tasks_on_the_way())
        others = sent.union(self._beside).difference(mine)
        more = max(count - len(mine), 0)
        asked = [*mine, *others]
        found = next_tasks(opened, account, self._outbox, self._session, asked, more)
        return found, mine, sent

    def _item(self, task: Task) -> LabelItem:
        return item_of(task, self._workspace.images, self._paths)

    def _connected(self) -> tuple[OpenProject, Account]:
        """The project and whose token it is, on the server as it is now."""
        with self._connecting:
            if self._connection is None:
                client = connect(self._workspace)
                try:
                    project = require_project(client, self._workspace)
                    opened = OpenProject(self._workspace, client, project)
                    if whose(opened) != self._of:
                        raise StudioUnreachable(
                            "Another project answers than the one that is labeled.",
                            next_step="Leave, and start again.",
                        )
                    self._connection = opened, client.whoami()
                except BaseException:
                    client.close()
                    raise
            return self._connection

    def _forget_connection(self) -> None:
        with self._connecting:
            # The other thread may be using it still: it is closed when nobody does.
            self._connection = None
