"""What a sync can be asked for: the names and their words.

The one place that knows them: the command line's option and the checks are made from here. It
computes nothing, so it imports nothing that speaks to a server.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

Mode = Literal["bulk", "native"]

# How an image becomes a task. None asked for: the way that fits whose server it is.
MODES: Mapping[Mode, str] = {
    "bulk": "labelpilot imports the images, many at once",
    "native": "Label Studio's own sync of the source storage makes the tasks",
}
