"""What both faces ask of core: each thing that the app or a command does is a method of `Backend`.

The methods lie in a file for each room of core. Nothing of core is imported before a method is
called: the first paint waits for nothing, and a command loads only what it needs. A test hands the
app a subclass that answers otherwise. No method knows a screen or a terminal.
"""

from __future__ import annotations

from tui.backend.dataset import DatasetCalls
from tui.backend.labeling import LabelingCalls
from tui.backend.learning import LearningCalls
from tui.backend.server import ServerCalls
from tui.backend.tasks import TaskCalls
from tui.backend.token import TokenCalls
from tui.backend.trust import TrustCalls
from tui.backend.workspace import WorkspaceCalls


class Backend(
    WorkspaceCalls,
    TrustCalls,
    ServerCalls,
    TokenCalls,
    TaskCalls,
    LabelingCalls,
    DatasetCalls,
    LearningCalls,
):
    """The services of core, each loaded when it is called; the app calls them from threads."""
