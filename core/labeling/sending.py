"""Labels on their way: sent once, however often that has to be tried.

Label Studio refuses a second annotation with the same unique id, so whatever became of a request,
sending it again tells that the label is there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.errors import StudioRefused
from core.labeling.outbox import Label, Outbox
from core.studio.models import Account, annotator_of
from core.studio.project import OpenProject
from core.studio.transport import Broken, Postponed

# Answers that another try can change: the token, a right, too much at once.
_PASSING = frozenset((401, 403, 407, 408, 425, 429))
_DUPLICATE = 409


def send(opened: OpenProject, account: Account, outbox: Outbox, label: Label) -> str:
    """Send a label, or take it back, and note what became of it; why it was refused, if it was.

    Raises StudioRefused, StudioUnreachable where it can be tried again.
    """
    try:
        if label.changes is not None:
            _change(opened, outbox, label, label.changes)
        elif label.back:
            annotation = label.annotation or _make(opened, account, label)
            if annotation is None:
                outbox.arrived(label, None)
                outbox.refused(label, "")
                return f"{label.tag}: its label was changed meanwhile, so that it stays."
            opened.client.delete_annotation(annotation)
            outbox.gone(label)
        else:
            outbox.arrived(label, _make(opened, account, label))
    except StudioRefused as error:
        if isinstance(error, (Broken, Postponed)) or error.status in _PASSING:
            raise
        if error.status < 400:
            # A redirect: it never reached Label Studio.
            raise
        why = f"{label.tag}: {error.in_short}"
        outbox.refused(label, why)
        return why
    return ""


def _make(opened: OpenProject, account: Account, label: Label) -> int | None:
    """Make the annotation, or find that it is there; its number, where it can be told."""
    body = dict(label.body)
    result = body.pop("result")
    try:
        return opened.client.annotate(label.task, result, {**body, "unique_id": label.id})
    except StudioRefused as error:
        if error.status != _DUPLICATE:
            raise
    found = opened.client.annotations_of(opened.id, label.task)
    same = [one["id"] for one in found if _is_same(one, account, label.body)]
    if not same:
        return None
    # A server that died amid the request has the annotation, and may have counted it for no task
    # and written no file of it: it does both when one is saved.
    number = int(max(same))
    opened.client.change_annotation(number, label.body)
    return number


def _is_same(annotation: Mapping[str, Any], account: Account, body: Mapping[str, Any]) -> bool:
    fields = ("result", "lead_time", "was_cancelled")
    return annotator_of(annotation) == account.id and all(
        annotation.get(one) == body[one] for one in fields
    )


def _change(opened: OpenProject, outbox: Outbox, label: Label, number: int) -> None:
    """Have an annotation hold what the label says, or again what it held before."""
    if label.back:
        if label.before is not None:
            opened.client.change_annotation(number, label.before)
        outbox.gone(label)
        return
    if label.before is None:
        found = opened.client.annotations_of(opened.id, label.task)
        before = next((one for one in found if one["id"] == number), None)
        if before is None:
            raise StudioRefused("The annotation that was to be changed is gone.", status=404)
        outbox.note_before(label, {name: before.get(name) for name in label.body})
    opened.client.change_annotation(number, label.body)
    outbox.arrived(label, number)
