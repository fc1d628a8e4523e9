"""How long a sync waits for what, and how much it sends at once.

Each is read from here at the moment it counts, so a test that cannot wait puts shorter ones in
their place.
"""

from __future__ import annotations

# How often in a row a batch, or an attempt at a native sync, may bring nothing new before it is
# given up, and how often a batch may be put off.
ATTEMPTS = 5
POSTPONEMENTS = 20

# Bulk import. Tasks a POST: begun small, then sized so that a POST takes about `BATCH_SECONDS`:
# long enough for the server's overhead not to count, short enough for progress to be seen and a
# proxy to wait.
FIRST_BATCH = 2000
LARGEST_BATCH = 10_000
BATCH_SECONDS = 2.0
# Most proxies wait for 60 s.
SLOW_SECONDS = 20.0
ANSWER_SECONDS = 120.0
# How long a POST without an answer is looked for, and how long it may still land at all.
SEARCH_SECONDS = 10.0
LATE_SECONDS = 3600.0

# Native sync: how often its tasks are counted, and its storage is looked at.
COUNT_SECONDS = 0.5
LOOK_SECONDS = 5.0
# One that shows no sign of life for so long, with nobody waiting for its answer, has ended. At its
# end the server counts every task without a word: a second more for so many images.
QUIET_SECONDS = 30.0
QUIET_IMAGES = 500
# One that last showed itself so long ago by the server's clock has ended, whatever our clock says.
DEAD_SECONDS = 3600.0
# One whose request still waits for its answer is given so many times as long.
HANG = 10
# One whose request got lost may still begin for so long.
BEGIN_SECONDS = 5.0
# How long a server may take a dead one for living: it notices after 25 s.
REFUSED_SECONDS = 60.0

# How often a signature is looked at and renewed, and how long one may stand still before it counts
# for dead.
SIGNATURE_SECONDS = 2.0
BEAT_SECONDS = 5.0
STALE_SECONDS = 30.0
