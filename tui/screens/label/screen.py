"""Label: one image at a time, as large as the terminal allows, and the keys that answer for it."""

from __future__ import annotations

import threading
import time
from collections import deque
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.content import Content

from core.errors import LabelpilotError
from core.labeling.questionnaire import Questionnaire, toggled
from core.read_only import is_read_only
from tui.actions import LOOKING_ONLY, Action
from tui.dialogs.dialog import sentence
from tui.dialogs.link import show_task_link
from tui.keys import Place, bindings, keys_of
from tui.screens.label.answers import found, found_rows, rows_of
from tui.screens.label.hotkeys import Press, allot
from tui.screens.label.pictures import Pictures
from tui.screens.label.sight import Sight
from tui.screens.section import Section
from tui.text import harmless, plain, shortened
from tui.widgets.drawing import Drawing, written
from tui.widgets.finder import Finder
from tui.widgets.key_bar import KeyBar
from tui.widgets.live_text import LiveText
from tui.widgets.picture import Picture

if TYPE_CHECKING:
    from core.labeling.questionnaire import Answers
    from core.labeling.session import LabelItem, LabelSession
    from core.studio.server import ServerStatus

# How many pictures are made before they are wanted, and how many that were shown are kept.
AHEAD, KEPT = 6, 2
# How long the end of the app waits for labels that are being sent.
END_SECONDS = 2.0
# How often is looked whether labels have arrived and other images are there.
LOOK_SECONDS = 0.5
# From the labels of so long a time it is told how many a minute.
RATE_SECONDS = 300.0
NO_PICTURE = "This image is not shown here"


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
        self._pictures: Pictures | None = None
        self._item: LabelItem | None = None
        self._answers: Answers = {}
        self._keys: dict[str, Press] = {}
        self._sight = Sight()
        # What was given lately, so that taking it back gives it again.
        self._given: dict[int, Answers] = {}
        # Images that were opened in the browser: those can be labeled without a picture.
        self._opened: set[int] = set()
        self._moments: deque[float] = deque(maxlen=500)
        self._seen_paths: deque[Path] = deque(maxlen=KEPT)
        self._note: tuple[str, str] = ("", "")
        self._early = 0
        self._away = 0.0
        self._left: float | None = None

    def body(self) -> ComposeResult:
        yield LiveText(id="state")
        yield LiveText(id="image")
        yield Picture(centred=True)
        yield LiveText(id="answers")
        yield LiveText(id="note")
        yield Finder()

    def on_mount(self) -> None:
        app = self.app
        self._pictures = Pictures(app.console, partial(_tell, app, self._drawn))
        self.host.echo.subscribe(self, self._echoed)
        app.theme_changed_signal.subscribe(self, lambda _: self._refit())
        self.set_interval(LOOK_SECONDS, self._look)
        super().on_mount()

    def on_unmount(self) -> None:
        if self._pictures is not None:
            self._pictures.close()
        if self._session is not None:
            # A server that is silent must not keep the app: what is not sent is on the disk.
            ending = threading.Thread(target=self._session.close, daemon=True, name="label end")
            ending.start()
            ending.join(END_SECONDS)

    def on_screen_resume(self) -> None:
        if self._left is not None:
            self._away += time.monotonic() - self._left
            self._left = None
        self._asked_of = None
        super().on_screen_resume()

    def on_screen_suspend(self) -> None:
        self._left = time.monotonic()

    def on_resize(self) -> None:
        self._show_answers()
        self._show_state()

    def on_picture_resized(self, event: Picture.Resized) -> None:
        event.stop()
        self._refit()

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
        self._turn()
        self.show()

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
        if self._session is None:
            return
        items = self._session.ahead(AHEAD)
        item = items[0] if items else None
        if item is None or self._item is None or item.task_id != self._item.task_id:
            if self._item is not None and self._item.path is not None:
                self._seen_paths.append(self._item.path)
            self._item = item
            self._sight.begin()
            self._away, self._early = 0.0, 0
            self._answers = {} if item is None else self._first_answers(item)
            self._want([one.path for one in items if one.path is not None])
            self._show_image()
        else:
            self._want([one.path for one in items if one.path is not None])

    def _first_answers(self, item: LabelItem) -> Answers:
        """What is given at first: what was given before, or is suggested, or is chosen at first."""
        given = self._given.get(item.task_id) or item.suggestion
        return dict(given or self._questions.at_first())

    # The picture

    @property
    def _picture(self) -> Picture:
        return self.query_one(Picture)

    def _want(self, paths: list[Path]) -> None:
        if self._pictures is not None:
            self._pictures.want([*paths, *self._seen_paths], self._picture.canvas)

    def _refit(self) -> None:
        """Have the pictures made anew for another size, or another ground."""
        if self._session is not None and self.is_attached:
            self._want([one.path for one in self._session.ahead(AHEAD) if one.path is not None])
        self._show_picture()

    def _drawn(self, path: Path) -> None:
        if self._item is not None and path == self._item.path:
            self._show_picture()

    def _show_image(self) -> None:
        self._show_answers()
        self._show_picture()
        self._say("")
        self._show_state()
        self.query_one(KeyBar).refresh()

    def _show_picture(self) -> None:
        item, picture = self._item, self._picture
        if item is None:
            picture.paint(written(self._empty(), picture.canvas))
            self._text("image").show([])
            return
        drawing = self._drawing
        if drawing is None:
            picture.paint(written(["reading the image …"], picture.canvas))
        elif drawing.problem:
            picture.paint(written(self._without_picture(drawing.problem), picture.canvas))
        else:
            picture.paint(drawing)
        self._text("image").show([self._named(item, drawing)])
        if drawing is not None:
            self.call_after_refresh(self._painted, item)

    @property
    def _drawing(self) -> Drawing | None:
        """The picture of the image in front; None while it is made."""
        item = self._item
        if item is None or item.path is None:
            return Drawing(problem="Its file is not on this machine.")
        return self._pictures.get(item.path) if self._pictures is not None else None

    @property
    def _is_shown(self) -> bool:
        drawing = self._drawing
        return drawing is not None and not drawing.problem

    def _painted(self, item: LabelItem) -> None:
        """The image is on the screen: from now on keys are meant for it, as far as we know."""
        if item is self._item and self._sight.since is None and not self._sight.is_painted:
            self._sight.paint(time.monotonic())
            self.host.ask_echo()

    def _echoed(self, moment: float) -> None:
        self._sight.answer(moment)

    def _without_picture(self, problem: str) -> list[str]:
        opener = self.key("open")
        how = (
            "It was opened in the browser, and can be labeled here."
            if self._item is not None and self._item.task_id in self._opened
            else f"{opener} opens it in the browser; then it can be labeled here too."
        )
        return [f"{NO_PICTURE}.", problem, "", how]

    def _named(self, item: LabelItem, drawing: Drawing | None) -> Content:
        size = drawing.size if drawing is not None else (0, 0)
        pixels = f"  {size[0]:,}x{size[1]:,}" if any(size) else ""
        workspace = self.workspace
        where = workspace.relative(item.path) if workspace and item.path else item.url
        room = self.size.width - len(pixels) - len(item.tag) - 5
        parts = [plain(f" {item.tag}", "bold")]
        if room > 8:
            parts.append(plain(f"  {shortened(where, room)}", "$muted"))
        note = f"  {item.note}" if item.note else ""
        return Content("").join([*parts, plain(pixels, "$muted"), plain(note, "$text-warning")])

    def _empty(self) -> list[str]:
        """What stands where no image is in front."""
        if self._refused is not None:
            return [sentence(self._refused)]
        if self.no_workspace:
            return [self.no_workspace]
        if self.state.step_state("project") != "done":
            return ["There is no project to label in yet.", "The set-up makes one."]
        if self._session is None:
            return ["Looking for what is to be labeled …"]
        if not self._session.at_end:
            return ["Looking for the next images …"]
        return ["Nothing is left to be labeled."]

    # What is shown around it

    def _text(self, name: str) -> LiveText:
        return self.query_one(f"#{name}", LiveText)

    def show(self) -> None:
        self._open()
        self._show_state()
        if self._item is None:
            self._show_picture()

    def _show_state(self) -> None:
        labels, session = self.state.labels, self._session
        parts = []
        if labels is not None and labels.asked:
            parts.append(plain(f"Round {labels.model_version}", "bold"))
            parts.append(plain(f"{len(labels.labeled):,} of {labels.asked:,} labeled"))
        if session is not None:
            parts.append(plain(f"you {session.done_by_me:,}{self._rate()}"))
        left = Content("   ").join(parts)
        way = session.on_their_way if session is not None else 0
        right = plain(f"{way:,} on their way", "$text-warning") if way else Content("")
        gap = max(2, self.size.width - left.cell_length - right.cell_length - 2)
        self._text("state").show([Content("").join([plain(" "), left, plain(" " * gap), right])])
        self._show_note()

    def _rate(self) -> str:
        """How many labels a minute, where that can be said."""
        now = time.monotonic()
        while self._moments and now - self._moments[0] > RATE_SECONDS:
            self._moments.popleft()
        if len(self._moments) < 3:
            return ""
        per_minute = (len(self._moments) - 1) * 60 / max(1.0, now - self._moments[0])
        return f" ({per_minute:,.0f} a minute)"

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
        if self._item is None or isinstance(self.focused, Finder):
            return
        character = event.character or ""
        press = self._keys.get(character)
        if press is None and not character.isdigit() and event.key not in _of_image():
            return
        early = not self._sight.counts(event.key, event.time)
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
        item = self._item
        if item is None:
            return False
        if is_read_only():
            self._say(LOOKING_ONLY)
        elif not self._questions.complete:
            self._say(f"This cannot be labeled here: {self.key('open')} opens it in the browser.")
        elif not self._is_shown and item.task_id not in self._opened:
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
        try:
            session.submit(item, self._answers, self._seconds(moment))
        except LabelpilotError as error:
            self._say(sentence(error), "$text-error")
            return
        self._given[item.task_id] = self._answers
        self._moments.append(time.monotonic())
        self._turn()

    def _seconds(self, moment: float | None) -> float:
        """How long the image was in front and seen."""
        since = self._sight.since
        now = time.monotonic() if moment is None else moment
        return max(0.0, now - since - self._away) if since is not None else 0.0

    def _skip(self) -> None:
        if self._item is not None and self._session is not None:
            try:
                self._session.skip(self._item, self._seconds(None))
            except LabelpilotError as error:
                self._say(sentence(error), "$text-error")
                return
            self._turn()

    def _take_back(self) -> None:
        if self._session is None:
            return
        try:
            if self._session.take_back() is None:
                self._say("There is nothing to take back.")
                return
        except LabelpilotError as error:
            self._say(sentence(error), "$text-error")
            return
        if self._moments:
            self._moments.pop()
        self._turn()

    def _open_page(self) -> None:
        item = self._item
        if item is not None:
            self._opened.add(item.task_id)
            if not self._is_shown:
                self._show_picture()
            show_task_link(self, item.task_id)

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
        question, text = self._questions[name], text.strip().replace(",", ".")
        try:
            given = (float(text),) if text else ()
        except ValueError:
            self._say(f"{text!r} is no number.")
            return
        problem = question.problem(given) if given else ""
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


def _tell(app: Any, call: Any, *arguments: Any) -> None:
    """Call something in the event loop, from a thread that waits for nothing."""
    loop = app._loop
    if loop is not None:
        try:
            loop.call_soon_threadsafe(partial(app.call_later, call, *arguments))
        except RuntimeError:
            return  # the app was left meanwhile
