"""The app in this terminal, on a played world: `python -m tests.fuzz.played FOLDER SEED FD`.

What changes in the world is read from the file descriptor, a name a line.
"""

from __future__ import annotations

import os
import random
import sys
import threading
from pathlib import Path

from tests.fuzz.world import World
from tui.app import LabelpilotApp


def _follow(world: World, news: int) -> None:
    with open(news, encoding="utf-8") as lines:
        for line in lines:
            world.change(line.strip())


def main() -> int:
    folder, seed, news = sys.argv[1:]
    world = World(Path(folder), random.Random(f"world {seed}"))
    os.chdir(world.root)
    threading.Thread(target=_follow, args=(world, int(news)), daemon=True).start()
    app = LabelpilotApp(world.root, world.backend, poll_seconds=0.1)
    app.run()
    return app.return_code or 0


if __name__ == "__main__":
    sys.exit(main())
