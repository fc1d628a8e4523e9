"""The steps of the set-up, in order, each with a `probe` that looks and an `apply` that does.

State is asked for, not remembered: a probe looks at the server, the disk, the keyring, so what was
deleted outside shows up as to do again. Every `apply` looks before it creates, so each can be run
again.
"""

from __future__ import annotations

from core.setup.context import Step
from core.setup.labels_step import LABELS
from core.setup.project_steps import LABELING_CONFIG, PROJECT, SAMPLING
from core.setup.server_steps import ACCOUNT, SERVER, TOKEN
from core.setup.storage_steps import IMAGES, SOURCE_STORAGE, TARGET_STORAGE
from core.setup.stream_step import STREAM

STEPS: tuple[Step, ...] = (
    SERVER,
    ACCOUNT,
    TOKEN,
    PROJECT,
    LABELING_CONFIG,
    SOURCE_STORAGE,
    IMAGES,
    TARGET_STORAGE,
    LABELS,
    SAMPLING,
    STREAM,
)
