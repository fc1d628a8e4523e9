"""What labelpilot asks of a Label Studio, one method a question or a change, in a file for each
subject.

Values come back as plain frozen records. Nothing here decides anything: looking before creating,
proving after writing and trying again belong to the callers.
"""

from __future__ import annotations

from core.studio.client.account import AccountCalls
from core.studio.client.annotations import AnnotationCalls
from core.studio.client.labels import LabelCalls
from core.studio.client.predictions import PredictionCalls
from core.studio.client.projects import ProjectCalls
from core.studio.client.queue import QueueCalls
from core.studio.client.results import ResultCalls
from core.studio.client.storages import StorageCalls
from core.studio.client.tasks import TaskCalls
from core.studio.client.views import ViewCalls


class StudioClient(
    AccountCalls,
    ProjectCalls,
    StorageCalls,
    ResultCalls,
    TaskCalls,
    AnnotationCalls,
    LabelCalls,
    PredictionCalls,
    QueueCalls,
    ViewCalls,
):
    """One Label Studio, seen with one token. Every method raises StudioRefused or
    StudioUnreachable as `Transport.send` does."""
