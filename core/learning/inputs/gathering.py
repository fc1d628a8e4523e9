"""What a round is planned from, and whose it is.

Function by function the user's own comes first: of the hooks file, then the file that a training
run wrote and `labelpilot.toml` names. Where both are lacking, labelpilot's own stands in:
embeddings by a network, losses by a linear head on the labels.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path

from core.errors import ConfigurationError
from core.learning.builtin import network
from core.learning.builtin.embedder import embed, kept_embeddings
from core.learning.builtin.losses import BY_A_HEAD
from core.learning.builtin.model import name_of
from core.learning.hooks.cache import RESULT
from core.learning.hooks.run import Hooks, kept_hooks, kept_runs, run_hooks
from core.learning.hooks.vector_files import TaggedVectors
from core.learning.inputs.result_files import read_embeddings, read_losses
from core.learning.inputs.sources import network_is_installed
from core.learning.rounds.ledger import round_folder
from core.own_files import make_own
from core.progress import Progress, Work
from core.workspace.settings import Workspace

# Where hooks leave what they gave, if no round has been planned yet.
NO_ROUND = "no round"
NO_HOOKS = Hooks(None, None, None, None, 0.0)
# Where no hooks are.
NOWHERE = ".labelpilot/no hooks"


@dataclass(frozen=True, slots=True)
class Inputs:
    """What is known of the images: `hooks` with embeddings at least, completed.

    Its losses are None where they are to come from the labels. `embeddings_of` and `losses_of` say
    whose both are: a file of the user's, or what stands in. `by_own_network`: the embeddings are of
    labelpilot's own, which was not trained on these images.
    """

    hooks: Hooks
    embeddings_of: str
    losses_of: str
    by_own_network: bool = False

    @property
    def run(self) -> Hooks:
        """What a training gave: labels have taught labelpilot's own network nothing."""
        if self.by_own_network:
            return replace(self.hooks, losses=None, labeled=None, probabilities=None)
        return self.hooks

    @property
    def embeddings(self) -> TaggedVectors:
        assert self.hooks.embeddings is not None
        return self.hooks.embeddings


def gather(workspace: Workspace, folder: Path, *, reuse: bool = False) -> Work[Inputs]:
    """What the round in `folder` is planned from. Raises what `run_hooks` and `embed` raise."""
    learning = workspace.learning
    hooks, file = NO_HOOKS, workspace.relative(learning.hooks)
    lacking = f"There is no {file}."
    if os.path.isfile(learning.hooks):
        hooks = yield from run_hooks(workspace, folder, reuse=reuse)
        lacking = f"{file} has no get_embeddings() that is complete."
    embeddings_of, losses_of, by_own = file, file, False
    if hooks.embeddings is None and learning.embeddings is not None:
        embeddings_of = workspace.relative(learning.embeddings)
        yield Progress("embeddings", note=f"Reading {embeddings_of}")
        unpacked = make_own(folder) / "from a file.npy"
        hooks = replace(hooks, embeddings=read_embeddings(learning.embeddings, unpacked))
    if hooks.embeddings is None:
        if learning.model is None and not network_is_installed():
            raise network.not_installed(lacking)
        found = yield from embed(workspace)
        hooks, embeddings_of = replace(hooks, embeddings=found.vectors), found.network
        by_own = learning.model is None
    if hooks.losses is None and learning.losses is not None:
        hooks = replace(hooks, losses=read_losses(learning.losses))
        losses_of = workspace.relative(learning.losses)
    if hooks.losses is None:
        losses_of = BY_A_HEAD
    return Inputs(hooks, embeddings_of, losses_of, by_own)


def trainings(workspace: Workspace) -> Work[list[Hooks]]:
    """What the user's trainings gave, the last one first, without running anything of theirs: the
    hooks' runs that are kept, else the file of embeddings, else what labelpilot's own network made
    of the images before.

    Raises what `gather` raises, and ConfigurationError where there is none of them.
    """
    runs = list(kept_runs(workspace))
    if runs:
        return runs
    if workspace.learning.embeddings is None:
        # Made here, they would take the processor from whoever labels.
        own = kept_embeddings(workspace)
        if own is None:
            raise ConfigurationError(
                "There are no embeddings yet.",
                next_step="`labelpilot embed` makes them, and so does a round with hooks.",
            )
        return [replace(NO_HOOKS, embeddings=own)]
    learning = replace(workspace.learning, hooks=workspace.root / NOWHERE)
    inputs = yield from gather(replace(workspace, learning=learning), workspace.state.cache)
    return [inputs.run]


def last_run_folder(workspace: Workspace) -> Path:
    """The folder in which the hooks ran last; where none did, one of no round's."""
    results = workspace.state.rounds.glob(f"*/{RESULT}")
    last = max(results, key=lambda file: file.stat().st_mtime_ns, default=None)
    return round_folder(workspace, NO_ROUND) if last is None else last.parent


def kept_before(
    workspace: Workspace, folder: Path, unpacked: Path
) -> tuple[TaggedVectors, str] | None:
    """The embeddings that `gather` would give without running or loading anything, and whose they
    are; None where something would have to be. A table's are copied to `unpacked`.

    Raises what `kept_hooks` and `read_embeddings` raise, and LabelpilotError for a network that
    cannot be read.
    """
    learning = workspace.learning
    if os.path.isfile(learning.hooks):
        hooks = kept_hooks(workspace, folder)
        if hooks is None:
            return None
        if hooks.embeddings is not None:
            return hooks.embeddings, workspace.relative(learning.hooks)
    if learning.embeddings is not None:
        found = read_embeddings(learning.embeddings, unpacked)
        return found, workspace.relative(learning.embeddings)
    own = kept_embeddings(workspace)
    return None if own is None else (own, name_of(learning.model))
