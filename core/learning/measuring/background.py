"""Which order pays on the user's labels, found by itself, while they label.

It takes a process of its own, which gives way to all others, is bounded in time and memory, and
ends with whoever started it. It runs nothing of the user's and loads no network: where embeddings
are not at hand, it waits until a round has made them. What it finds is kept; a run that is killed
leaves what was there before.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np

from core.dataset.current import current_labels
from core.errors import ConfigurationError
from core.learning.hooks.vector_files import TaggedVectors
from core.learning.inputs.gathering import NO_HOOKS, kept_before, last_run_folder
from core.learning.measuring.comparison import Curves
from core.learning.measuring.kept_replay import (
    forget_replay,
    is_due,
    keep_replay,
    kept_replay,
)
from core.learning.measuring.replay import Plan, default_plan, replay
from core.learning.rounds.options import FEWEST_MEASURED
from core.processes import lives, tethered
from core.progress import Progress, Work, finish
from core.read_only import begin_if_asked
from core.workspace.locks import only_one
from core.workspace.settings import Workspace, load_workspace

STAGE = "replay"
# Of so many labels, drawn at random, a replay tells as much as of all.
MOST_IMAGES = 2_000
# Half as many as when somebody asks: it says nearly the same in half the time.
ROUNDS = 10
# Of processor time. Beyond the second the process is ended, whatever it is at.
SECONDS, MOST_SECONDS = 240.0, 900
MOST_BYTES = 2 << 30
GIVES_WAY = 19
HEARTBEAT = 0.2
PATIENCE = 1.0

_OURS = Path(__file__).parents[3]
_SERVE = "import sys; from core.learning.measuring.background import main; main(sys.argv[1])"


def replay_beside(workspace: Workspace) -> Work[Curves | None]:
    """Bring the kept replay up to date in a process of its own, and return what holds; None where
    nothing does."""
    began = time.monotonic()
    command = [sys.executable, "-S", "-c", _SERVE, str(workspace.root)]
    environment = {
        **os.environ,
        # As this process finds its modules, and never from the workspace.
        "PYTHONPATH": os.pathsep.join(sys.path),
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
    }
    with tethered(
        command,
        patience=PATIENCE,
        cwd=_OURS,
        environment=environment,
        stdout=subprocess.DEVNULL,
    ) as process:
        while lives(process):
            yield Progress(STAGE, int(time.monotonic() - began))
            time.sleep(HEARTBEAT)
        ended_well = process.wait() == 0
    # What was not looked at to the end is not proven.
    kept = kept_replay(workspace) if ended_well else None
    return None if kept is None else kept.curves


def main(root: str) -> None:
    """What the process does."""
    begin_if_asked()
    os.nice(GIVES_WAY)
    with suppress(OSError):
        # Where a session's processes share one turn, the session gives way.
        Path("/proc/self/autogroup").write_text(str(GIVES_WAY))
    for limit, most in ((resource.RLIMIT_CPU, MOST_SECONDS), (resource.RLIMIT_DATA, MOST_BYTES)):
        with suppress(OSError, ValueError):
            resource.setrlimit(limit, (most, most))
    finish(bring_up_to_date(load_workspace(Path(root))))


def bring_up_to_date(workspace: Workspace, plan: Plan | None = None) -> Work[None]:
    """Throw away a kept replay that does not hold, and make one where it is due.

    Raises Busy while another is at it, and what reading labels and embeddings raises.
    """
    with only_one(workspace, STAGE):
        labels = (yield from current_labels(workspace)) or {}
        kept = kept_replay(workspace)
        if kept is not None and not kept.holds(labels):
            forget_replay(workspace)
            kept = None
        if not is_due(kept, len(labels)):
            return
        with tempfile.TemporaryDirectory() as unpacked:
            found = kept_before(
                workspace, last_run_folder(workspace), Path(unpacked) / "vectors.npy"
            )
            if found is None:
                return
            given, embeddings_of = found
            vectors = replace(NO_HOOKS, embeddings=given).spelled_as(labels).embeddings
            assert vectors is not None
            rows = np.flatnonzero([tag in labels for tag in vectors.tags])
            if len(rows) < FEWEST_MEASURED:
                return
            rows = np.sort(np.random.default_rng(0).permutation(rows)[:MOST_IMAGES])
            few = TaggedVectors([vectors.tags[row] for row in rows], vectors.vectors[rows])
            with suppress(ConfigurationError):
                plan = plan or default_plan(len(rows), rounds=ROUNDS)
                curves = yield from replay(few, labels, plan=plan, seconds=SECONDS)
                keep_replay(workspace, curves, labels, embeddings_of)
