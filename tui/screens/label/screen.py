"""Label: one image at a time, as large as the terminal allows, and the keys that answer for it."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType

from core.errors import LabelpilotError
from core.labeling.questionnaire import Questionnaire
from core.read_only import is_read_only
from tui.actions import LOOKING_ONLY, Action
from tui.dialogs.link import show_task_link
from tui.keys import Place, bindings
from tui.screens.label.answer_rows import AnswerRows
from tui.screens.label.answers import found, number_in
from tui.screens.label.front import NO_PICTURE, Front
from tui.screens.label.given import Given
from tui.screens.label.group import Group
from tui.screens.label.helping import Helping
from tui.screens.label.hotkeys import Press, allot, is_one_key, keys_of_image
from tui.screens.label.look_alikes import Before, LookAlikes
from tui.screens.label.pace import Pace, remark, state_line
from tui.screens.label.sessions import Sessions
from tui.screens.section import Section
from tui.text import harmless, plain
from tui.widgets.finder import Finder
from tui.widgets.key_bar import KeyBar
from tui.widgets.live_text import LiveText

if TYPE_CHECKING:
    from core.labeling.item import LabelItem
    from core.labeling.session import LabelSession

# How many pictures are made before they are wanted.
AHEAD = 6
# How often is looked whether labels have arrived and other images are there.
LOOK_SECONDS = 0.5


class LabelScreen(Section):
    """Shows what the session has in front, and hands it what is answered."""

    PLACE: ClassVar[Place] = "label"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("label")]

    def __init__(self) -> None:
        super().__init__()
        self._sessions = Sessions(self, self._changed)
        self._helping = Helping(self)
        self._look_alikes = LookAlikes(self, self._helping, self._front_now, self._label_group)
        self._given = Given()
        self._keys: dict[str, Press] = {}
        self._pace = Pace()
        self._note: tuple[str, str] = ("", "")
        self._early = 0

    def body(self) -> ComposeResult:
        yield LiveText(id="state")
        yield Front()
        yield AnswerRows(id="answers")
        yield LiveText(id="note")
        yield Finder()

    def on_mount(self) -> None:
        self.set_interval(LOOK_SECONDS, lambda: self.show() if self.is_active else None)
        super().on_mount()

    def on_unmount(self) -> None:
        self._sessions.close()

    def on_screen_resume(self) -> None:
        self._note = ("", "")
        self._sessions.come_back()
        self._helping.come_back()
        self._front.come_back()
        super().on_screen_resume()

    def on_screen_suspend(self) -> None:
        self._front.leave()

    def on_resize(self) -> None:
        self._show_answers()
        self._show_state()

    # The session

    def _changed(self) -> None:
        """Another session is in front: it may ask other questions."""
        self._keys = dict(allot(self._questions))
        self._turn()
        self._help()
        self._show_state()
        self._show_answers()

    def _help(self) -> None:
        if self._session is not None:
            self._helping.look(self._session.done_by_me)

    @property
    def _session(self) -> LabelSession | None:
        return self._sessions.current

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

    def _turn(self) -> bool:
        """Bring the session's next image to the front; says whether it is another one."""
        items = self._session.ahead(AHEAD) if self._session is not None else ()
        is_new = self._front.put(items, self._sessions.empty())
        if is_new:
            self._begin_answers()
            self._early = 0
            self._say("")
            self._show_answers()
            self._show_state()
        return is_new

    def _begin_answers(self) -> None:
        self._given.begin(self._item, self._questions, self._helping, self._rows)

    # What is shown around it

    def _text(self, name: str) -> LiveText:
        return self.query_one(f"#{name}", LiveText)

    def show(self) -> None:
        self._sessions.look()
        self._help()
        if not self._turn() and not self._front.is_seen:
            # What was made meanwhile is ticked before the image is seen, and never under a hand.
            self._begin_answers()
            self._show_answers()
        self._show_state()

    def _show_state(self) -> None:
        labels, session = self.state.labels, self._session
        self._text("state").show(
            [state_line(labels, session, self._pace, self.size.width, self._sessions.left_again)]
        )
        self._show_note()

    @property
    def _rows(self) -> AnswerRows:
        """The answers, with room for what is asked now."""
        rows = self.query_one(AnswerRows)
        rows.ask(self._questions, self._keys, with_chances=self._helping.suggests)
        return rows

    def _show_answers(self) -> None:
        self.query_one(KeyBar).refresh()
        rows, finder = self._rows, self.query_one(Finder)
        if self._item is None:
            rows.show([])
        elif finder.is_finding:
            rows.put_found(self._found, finder.at, self._given.answers)
        else:
            rows.put(self._given.answers, self._given.chances)

    def _say(self, words: str, style: str = "$text-warning") -> None:
        self._note = (words, style)
        self._show_note()

    def _show_note(self) -> None:
        words, style = self._note
        if not words and self._session is not None:
            note = self._item.note if self._item is not None else ""
            words, style = remark(self._session, note, self.key("open"), self._helping.words)
        text = plain(f" {harmless(words)}", style)
        self._text("note").show([text.truncate(max(1, self.size.width), ellipsis=True)])

    # Keys

    def on_key(self, event: events.Key) -> None:
        """Give the answer that a key stands beside, and keep what is not meant for this image."""
        character = event.character or ""
        if isinstance(self.focused, Finder) or (self._item is None and self._is_over):
            return
        press = self._keys.get(character)
        if press is None and not character.isdigit() and event.key not in keys_of_image():
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
        if question not in self._questions.visible(self._given.answers):
            self._say(f"{question.title} is not asked here.")
        elif press.answer is None:
            self.query_one(Finder).open_number(question)
        else:
            if is_one_key(self._questions):
                self._given.only(question, press.answer)
                self._submit(moment)
                return
            self._given.toggle(question, press.answer)
            self._say("")
            self._show_answers()

    def _may_answer(self) -> bool:
        if is_read_only():
            self._say(LOOKING_ONLY)
        elif not self._questions.complete:
            self._say(f"This cannot be labeled here: {self.key('open')} opens it in the browser.")
        elif not self._front.is_known:
            ways = f"{self.key('open')} opens it in the browser, {self.key('skip')} skips it."
            self._say(f"{NO_PICTURE}: {ways}")
        else:
            return True
        return False

    def _submit(self, moment: float | None = None) -> None:
        item, session = self._item, self._session
        if item is None or session is None or not self._may_answer():
            return
        problem = self._given.problem(self._questions, held=self._front.is_held)
        if problem:
            self._show_answers()
            self._say(problem)
            return
        seconds = self._front.seconds(time.monotonic() if moment is None else moment)
        if self._done(partial(session.submit, item, self._given.answers, seconds)):
            self._look_alikes.done.add(item.tag)
            self._pace.add()
            self._turn()

    def _done(self, call: Callable[[], object]) -> bool:
        """Whether the session did what it was asked; where the disk refuses, that is said."""
        try:
            call()
        except LabelpilotError as error:
            self._say(f"This is not saved: {error.cause or error.message}", "$text-error")
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
        else:
            self._pace.remove()
            self._turn()

    def _front_now(self) -> Before | None:
        """What look-alikes are looked for of."""
        item, session = self._item, self._session
        if item is None or session is None or self._sessions.again or not self._may_answer():
            return None
        now = time.monotonic()
        return Before(item, session, self._keys, self._given.answers, self._front.seconds(now))

    def _label_group(self, group: Group) -> None:
        items, session = group.items, self._session
        if session is not None and self._done(
            partial(session.submit_together, items, group.answers, group.seconds)
        ):
            self._look_alikes.done |= {item.tag for item in items}
            self._pace.add()
            self._turn()

    def _open_page(self) -> None:
        if self._item is not None:
            self._front.open()
            show_task_link(self, self._item.task_id)

    def _leave(self) -> None:
        if not self._sessions.leave_again():
            self.host.back()

    # Answers by a part of their words, and numbers

    @property
    def _found(self) -> list[Press]:
        needle = self.query_one(Finder).value
        return found(self._questions.visible(self._given.answers), needle)

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
        self._given.put(name, given)
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
        alone = "The answer's own key submits." if is_one_key(self._questions) else ""
        item, word = self._item, ""
        if item is not None and item.annotation is not None:
            word = "keep" if self._given.answers == item.suggestion else "change"
        elif self._given.is_none(self._questions):
            word = "no answer" if self._given.may_be_none else "twice: no answer"
        beside = "Press the key that stands beside an answer."
        return {
            "answer": Action(partial(self._say, beside), none),
            "submit": Action(
                self._submit, none or (alone if not self._given.answers else ""), word
            ),
            "skip": Action(self._skip, none),
            "take_back": Action(self._take_back, "" if self._session else none),
            "find": Action(self._find, none),
            "group": Action(self._look_alikes.open, none or self._look_alikes.why_not),
            "open": Action(self._open_page, none),
            "again": Action(partial(self.host.label_again, None), self._sessions.in_the_way),
            "close": Action(self._leave),
        }
