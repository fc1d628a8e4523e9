"""The outbox where the disk is full: what is there stays, and what is not is said at once."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from core.errors import LabelpilotError
from core.labeling.outbox import WAITING, Label, Outbox, new_id
from core.workspace.settings import Workspace
from tests.unit.dataset.test_faults import small_disk

__all__ = ["small_disk"]


@pytest.mark.parametrize("small_disk", ["256k"], indirect=True)
def test_a_full_disk_takes_no_label_says_so_and_keeps_those_that_are_there(
    small_disk: Path,
) -> None:
    workspace, filling = Workspace(root=small_disk), small_disk / "filling"
    kept = []

    def label() -> Label:
        return Label(new_id(), len(kept) + 1, "x", "", {"result": [{"value": "x" * 500}]})

    with contextlib.closing(Outbox(workspace, "ours", 1)) as outbox:
        kept.append(label())
        outbox.add(kept[0])
        with contextlib.suppress(OSError), filling.open("wb", buffering=0) as file:
            while file.write(bytes(1024)):
                pass
        with pytest.raises(LabelpilotError, match="could not be written") as raised:
            while True:
                one = label()
                outbox.add(one)
                kept.append(one)
        assert raised.value.next_step.startswith("Make room")
        assert outbox.labels(WAITING) == kept
        with pytest.raises(LabelpilotError):
            outbox.take_back()
    # So it is after a restart, and with room it goes on.
    filling.unlink()
    with contextlib.closing(Outbox(workspace, "ours", 1)) as outbox:
        assert outbox.labels(WAITING) == kept
        kept.append(label())
        outbox.add(kept[-1])
        assert outbox.labels(WAITING) == kept
