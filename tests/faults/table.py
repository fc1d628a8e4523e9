"""Prints what each fault came to: how often it was tried, and what was lost or doubled.

uv run python tests/faults/table.py [--times 3] [--kills 20] [--only WORDS] [--postgresql]
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.faults.faults import HARMS, Harm
from tests.faults.postgresql import a_cluster
from tests.faults.server import FaultServer, Tally, fault_server

TITLES = ("fault", "tried", "lost", "doubled", "annotations lost", "seconds")


def measure(server: FaultServer, harm: Harm, times: int) -> dict[str, object]:
    """Do one fault `times` times, and sum up what it came to."""
    tally, began = Tally(), time.monotonic()
    for _ in range(times):
        tally += harm.run(server).tally
    return {
        "fault": harm.name,
        "tried": times,
        "lost": tally.lost,
        "doubled": tally.doubled,
        "annotations_lost": tally.annotations_lost,
        "seconds": round(time.monotonic() - began, 1),
    }


def possible(harm: Harm, server: FaultServer) -> bool:
    """Whether the server's database is one to which the harm can be done."""
    if "disk full" in harm.name:
        return server.own_disk
    return server.cluster is None or "stalled database" not in harm.name


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--times", type=int, default=1, help="How often each fault is tried.")
    parser.add_argument("--kills", type=int, default=20, help="How often each kill is.")
    parser.add_argument("--only", default="", help="Only faults with these words in their name.")
    parser.add_argument("--postgresql", action="store_true", help="Keep tasks in PostgreSQL.")
    parser.add_argument("--json", action="store_true", help="Print a list of objects.")
    options = parser.parse_args()
    rows = []
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="labelpilot-faults-")))
        os.environ["LABELPILOT_TRUST"] = os.path.realpath(folder)
        cluster = stack.enter_context(a_cluster()) if options.postgresql else None
        server = stack.enter_context(fault_server(folder / "server", cluster=cluster))
        for harm in HARMS:
            if options.only not in harm.name or not possible(harm, server):
                continue
            times = options.kills if harm.name.endswith("killed") else options.times
            rows.append(measure(server, harm, times))
            print("  ".join(str(value) for value in rows[-1].values()), file=sys.stderr)
    if options.json:
        print(json.dumps(rows, indent=2))
    else:
        print(_table(rows))
    sys.exit(any(row[key] for row in rows for key in ("lost", "doubled", "annotations_lost")))


def _table(rows: list[dict[str, object]]) -> str:
    width = max(len(str(row["fault"])) for row in rows)
    lines = [f"{TITLES[0]:{width}}  " + "  ".join(f"{title:>16}" for title in TITLES[1:])]
    for row in rows:
        first, *rest = row.values()
        lines.append(f"{first:{width}}  " + "  ".join(f"{value:>16}" for value in rest))
    return "\n".join(lines)


if __name__ == "__main__":
    main()
