"""Label: one image at a time, as large as the terminal allows, and the keys that answer for it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType

from core.errors import LabelpilotError
from core.labeling.questionnaire import Questionnaire, toggled
from core.read_only import is_read_only
from tui.actions import LOOKING_ONLY, Action
from tui.dialogs.dialog import sentence
from tui.dialogs.link import show_task_link
from tui.keys import Place, bindings, keys_of
from tui.screens.label.answers import found, found_rows, number_in, rows_of
from tui.screens.label.front import NO_PICTURE, Front
from tui.screens.label.hotkeys import Press, allot
from tui.screens.label.pace import Pace, state_line
from tui.screens.section import Section
from tui.text import harmless, plain
from tui.widgets.finder import Finder
from tui.widgets.key_bar import KeyBar
from tui.widgets.live_text import LiveText

if TYPE_CHECKING:
    from core.labeling.questionnaire import Answers
    from core.labeling.session import LabelItem, LabelSession
    from core.studio.server import ServerStatus

# How many pictures are made before they are wanted.
AHEAD = 6
# How long the end of the app waits for labels that are being sent.
END_SECONDS = 2.0
# How often is looked whether labels have arrived and other images are there.
LOOK_SECONDS = 0.5


class LabelScreen(Section):
    """Shows what the session has in front, and hands it what is answered."""

    PLACE: ClassVar[Place] = "label"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("label")]

    def __init__(self) -> None:
        super().__init__()
        self._session: LabelSession | None = None
        self._opening = False
        # Why there is no session, and the server that said so: another one is asked again.
        self._refused: Exception | None = None
        self._asked_of: ServerStatus | None = None
        self._answers: Answers = {}
        self._keys: dict[str, Press] = {}
        self._pace = Pace()
        self._note: tuple[str, str] = ("", "")
        self._early = 0

    def body(self) -> ComposeResult:
        yield LiveText(id="state")
        yield Front()
        yield LiveText(id="answers")
        yield LiveText(id="note")
        yield Finder()

    def on_mount(self) -> None:
        self.set_interval(LOOK_SECONDS, self._look)
        super().on_mount()

    def on_unmount(self) -> None:
        if self._session is not None:
            # A server that is silent must not keep the app: what is not sent is on the disk.
            ending = threading.Thread(target=self._session.close, daemon=True, name="label end")
            ending.start()
            ending.join(END_SECONDS)

    def on_screen_resume(self) -> None:
        self._asked_of = None
        self._front.come_back()
        super().on_screen_resume()

    def on_screen_suspend(self) -> None:
        self._front.leave()

    def on_resize(self) -> None:
        self._show_answers()
        self._show_state()

    # The session

    def _open(self) -> None:
        """Begin to label, once there is a project to label in."""
        workspace = self.workspace
        ready = workspace is not None and self.state.step_state("project") == "done"
        if not ready or self._session is not None or self._opening or not self.is_active:
            return
        if self._refused is not None and self._asked_of == self.state.server:
            return
        self._opening, self._refused, self._asked_of = True, None, self.state.server
        app = self.app

        def work() -> None:
            assert workspace is not None
            try:
                opened: Any = self.backend.label_session(workspace)
            except Exception as error:
                opened = error
            app.call_from_thread(self._begin, opened)

        self.run_worker(work, thread=True, group="label", exit_on_error=False)

    def _begin(self, opened: LabelSession | Exception) -> None:
        self._opening = False
        if isinstance(opened, Exception):
            self._refused = opened
        elif not self.is_attached:
            opened.close()
        else:
            self._session = opened
            self._keys = dict(allot(opened.questionnaire))
        self.show()
        self._show_answers()
        self.query_one(KeyBar).refresh()

    @property
    def _front(self) -> Front:
        return self.query_one(Front)

    @property
    def _item(self) -> LabelItem | None:
        """The image in front."""
        return self._front.item

    @property
    def _questions(self) -> Questionnaire:
        return self._session.questionnaire if self._session is not None else Questionnaire()

    def _look(self) -> None:
        if not self.is_active:
            return
        if self._session is None:
            self._open()
        self._turn()
        self._show_state()

    def _turn(self) -> None:
        """Bring the session's next image to the front."""
        items = self._session.ahead(AHEAD) if self._session is not None else ()
        if self._front.put(items, self._empty()):
            self._answers = {} if self._item is None else self._first_answers(self._item)
            self._early = 0
            self._say("")
            self._show_answers()
            self._show_state()
            self.query_one(KeyBar).refresh()

    def _first_answers(self, item: LabelItem) -> Answers:
        """What is given at first: what is suggested or was taken back, else the config's own."""
        return dict(item.suggestion or self._questions.at_first())

    # What is shown around it

    def _text(self, name: str) -> LiveText:
        return self.query_one(f"#{name}", LiveText)

    def show(self) -> None:
        self._open()
        self._turn()
        self._show_state()

    def _show_state(self) -> None:
        labels, session = self.state.labels, self._session
        self._text("state").show([state_line(labels, session, self._pace, self.size.width)])
        self._show_note()

    def _empty(self) -> list[str]:
        """What stands where no image is in front."""
        if self._refused is not None:
            return [sentence(self._refused)]
        if self.no_workspace:
            return [self.no_workspace]
        if not self.state.step_state("project"):
            return ["Looking at the project …"]
        if self.state.step_state("project") != "done":
            return ["There is no project to label in yet.", "The set-up makes one."]
        if self._session is None:
            return ["Looking for what is to be labeled …"]
        if not self._session.at_end:
            return ["Looking for the next images …"]
        return ["Nothing is left to be labeled."]

    def _show_answers(self) -> None:
        view, finder = self._text("answers"), self.query_one(Finder)
        width, questions = max(1, self.size.width - 2), self._questions
        most = max(1, self.size.height // 3)
        # Room for every question, so that the picture keeps its size from image to image.
        rows = rows_of(questions.questions, self._answers, self._keys, width, self.key("find"))
        height = min(most, max(len(rows), 1)) if self._session is not None else 0
        view.styles.height = height
        if self._item is None:
            view.show([])
            return
        if finder.is_finding:
            presses = self._found
            at = min(finder.at, max(0, len(presses) - 1))
            view.show(found_rows(questions, presses, at, self._answers, width, height))
            return
        asked = questions.visible(self._answers)
        rows = rows_of(asked, self._answers, self._keys, width, self.key("find"))
        view.show(rows)

    def _say(self, words: str, style: str = "$text-warning") -> None:
        self._note = (words, style)
        self._show_note()

    def _show_note(self) -> None:
        words, style = self._note
        session = self._session
        if not words and session is not None:
            failed = session.failed
            words = failed[-1] if failed else " ".join(self._questions.unanswerable)
            style = "$text-error" if failed else "$muted"
            if words and not failed:
                words = f"{words} {self.key('open')}: in the browser."
        text = plain(f" {harmless(words)}", style)
        self._text("note").show([text.truncate(max(1, self.size.width), ellipsis=True)])

    # Keys

    def on_key(self, event: events.Key) -> None:
        """Give the answer that a key stands beside, and keep what is not meant for this image."""
        character = event.character or ""
        if isinstance(self.focused, Finder) or (self._item is None and self._is_over):
            return
        press = self._keys.get(character)
        if press is None and not character.isdigit() and event.key not in _of_image():
            return
        early = not self._front.counts(event.key, event.time)
        if not early and press is None and not character.isdigit():
            return
        event.stop()
        event.prevent_default()
        if early:
            self._tell_early()
        elif press is not None:
            self._press(press, event.time)
        else:
            self._say(f"{character} is no answer's key; {self.key('close')} leaves.")

    @property
    def _is_over(self) -> bool:
        """Whether no image will come, so that no key can be meant for one."""
        return self._session is None or self._session.at_end

    def _tell_early(self) -> None:
        self._early += 1
        keys = "A key" if self._early == 1 else f"{self._early} keys"
        self._say(f"{keys} came before this image was seen, and did not count.")

    def _press(self, press: Press, moment: float) -> None:
        """Give an answer, or take it back; or let a number be typed."""
        if not self._may_answer():
            return
        question = self._questions[press.question]
        if question not in self._questions.visible(self._answers):
            self._say(f"{question.title} is not asked here.")
        elif press.answer is None:
            self.query_one(Finder).open_number(question)
        else:
            self._answers = toggled(question, self._answers, press.answer)
            if self._submits_at_once and self._answers.get(question.name):
                self._submit(moment)
                return
            self._say("")
            self._show_answers()

    @property
    def _submits_at_once(self) -> bool:
        """Whether one key is all that is asked: a single choice among few."""
        questions = self._questions.questions
        return len(questions) == 1 and questions[0].kind == "choices" and not questions[0].several

    def _may_answer(self) -> bool:
        if is_read_only():
            self._say(LOOKING_ONLY)
        elif not self._questions.complete:
            self._say(f"This cannot be labeled here: {self.key('open')} opens it in the browser.")
        elif not self._front.is_known:
            self._say(f"{NO_PICTURE}: {self.key('open')} opens it in the browser first.")
        else:
            return True
        return False

    def _submit(self, moment: float | None = None) -> None:
        item, session = self._item, self._session
        if item is None or session is None or not self._may_answer():
            return
        problems = self._questions.problems(self._answers)
        if problems:
            self._show_answers()
            self._say(problems[0])
            return
        seconds = self._front.seconds(time.monotonic() if moment is None else moment)
        if self._done(partial(session.submit, item, self._answers, seconds)):
            self._pace.add()
            self._turn()

    def _done(self, call: Callable[[], object]) -> bool:
        """Whether the session did what it was asked; where the disk refuses, that is said."""
        try:
            call()
        except LabelpilotError as error:
            self._say(sentence(error), "$text-error")
            return False
        return True

    def _skip(self) -> None:
        item, session = self._item, self._session
        if item is not None and session is not None:
            seconds = self._front.seconds(time.monotonic())
            if self._done(partial(session.skip, item, seconds)):
                self._turn()

    def _take_back(self) -> None:
        session = self._session
        taken: list[LabelItem | None] = []
        if session is None or not self._done(lambda: taken.append(session.take_back())):
            return
        if taken == [None]:
            self._say("There is nothing to take back.")
            return
        self._pace.remove()
        self._turn()

    def _open_page(self) -> None:
        if self._item is not None:
            self._front.open()
            show_task_link(self, self._item.task_id)

    # Answers by a part of their words, and numbers

    @property
    def _found(self) -> list[Press]:
        needle = self.query_one(Finder).value
        return found(self._questions.visible(self._answers), needle)

    def _find(self) -> None:
        if self._may_answer():
            self.query_one(Finder).open()
            self._show_answers()

    def on_finder_moved(self, event: Finder.Moved) -> None:
        event.stop()
        self._show_answers()

    def on_finder_chosen(self, event: Finder.Chosen) -> None:
        event.stop()
        finder = self.query_one(Finder)
        if event.question is not None:
            self._take_number(event.question, event.value)
            return
        presses = self._found
        press = presses[min(finder.at, len(presses) - 1)] if presses else None
        finder.close()
        if press is not None:
            self._press(press, time.monotonic())
        else:
            self._show_answers()

    def _take_number(self, name: str, text: str) -> None:
        given, problem = number_in(text, self._questions[name])
        if problem:
            self._say(problem)
            return
        self._answers = {**self._answers, name: given}
        self.query_one(Finder).close()
        self._say("")
        self._show_answers()

    def on_finder_closed(self, event: Finder.Closed) -> None:
        event.stop()
        if not self.query_one(Finder).display:
            self.set_focus(None)
        self._show_answers()

    # What the keys do

    @property
    def twin(self) -> str:
        return self._from_anywhere("labelpilot label")

    def actions(self) -> dict[str, Action]:
        none = "" if self._item is not None else "There is no image to label."
        alone = "The answer's own key submits." if self._submits_at_once else ""
        beside = "Press the key that stands beside an answer."
        return {
            "answer": Action(partial(self._say, beside), none),
            "submit": Action(self._submit, none or (alone if not self._answers else "")),
            "skip": Action(self._skip, none),
            "take_back": Action(self._take_back, "" if self._session else none),
            "find": Action(self._find, none),
            "open": Action(self._open_page, none),
            "close": Action(self.host.back),
        }


def _of_image() -> set[str]:
    """The keys that do something to the image in front."""
    keys = (key for key in keys_of("label") if key.action != "close")
    return {part for key in keys for part in key.key.split(",")}
