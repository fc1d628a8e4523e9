"""The app on a folder of images that are to be labeled, for tests that drive it in a terminal.

    python -m tests.app.labeling FOLDER

Asks for one of ten digits, of images that are named by theirs: `digit_7_0003.png`. What was
submitted stands in FOLDER/sent.txt, a line each: the image and its answer, as they come.
"""

from __future__ import annotations

import sys
from pathlib import Path

from core.labeling.item import LabelItem
from core.labeling.questionnaire import Answers
from core.workspace.settings import load_workspace
from tests.app.doubles import FakeBackend
from tests.app.label_doubles import MemorySession, config_of, items_of
from tui.app import LabelpilotApp


class WrittenSession(MemorySession):
    """Writes down each label at once."""

    file: Path

    def submit(self, item: LabelItem, answers: Answers, lead_time: float) -> None:
        super().submit(item, answers, lead_time)
        with open(self.file, "a") as file:
            file.write(f"{item.tag} {answers['labels'][0]}\n")


def main(folder: Path) -> int:
    workspace = load_workspace(folder)
    backend = FakeBackend(workspace)
    backend.everything()
    images = sorted(workspace.images.path.glob("digit_*"))
    digits = config_of(*(str(number) for number in range(1, 10)), choice="single")
    session = WrittenSession(digits, items_of(images))
    session.file = folder / "sent.txt"
    backend.session = session
    app = LabelpilotApp(folder, backend, poll_seconds=0, section="label")
    app.run()
    return app.return_code or 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
