"""A dask cluster of the tests' own: a scheduler and two workers, of which one may be killed.

Run as a module, it is the scheduler with the worker that stays, or the other worker: in processes
of their own, as a cluster's are, and in no more, as each takes seconds to import dask.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[3]
START_SECONDS = 60


class Cluster:
    """A scheduler with a worker in one process, and another worker, `mortal`, in its own."""

    def __init__(self, folder: Path) -> None:
        self._log, file = folder / "log", folder / "address"
        self._lasting = self._started("lasting", file)
        self.mortal = self._started("mortal", file)
        try:
            self.address = self._address(file)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        for process in (self.mortal, self._lasting):
            process.kill()
            process.wait()

    def _started(self, role: str, file: Path) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "tests.unit.learning.dask_cluster", role, str(file)]
        with open(self._log, "ab") as log:
            return subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log)

    def _address(self, file: Path) -> str:
        """The scheduler's address, once both workers are there."""
        from distributed import Client

        deadline = time.monotonic() + START_SECONDS
        while not file.exists():
            assert self._lasting.poll() is None, self._log.read_text()
            assert time.monotonic() < deadline, self._log.read_text()
            time.sleep(0.05)
        address = file.read_text()
        with Client(address, set_as_default=False) as client:
            client.wait_for_workers(2, timeout=START_SECONDS)
        return address


async def last(file: Path) -> None:
    """A scheduler with a worker; its address goes to `file`."""
    from distributed import Scheduler

    async with Scheduler(host="127.0.0.1", port=0, dashboard=False) as scheduler:
        part = file.with_suffix(".part")
        part.write_text(scheduler.address)
        part.rename(file)
        await work(scheduler.address)


async def work(scheduler: str) -> None:
    from distributed import Worker

    async with Worker(scheduler, nthreads=1, host="127.0.0.1", dashboard=False) as worker:
        await worker.finished()


async def work_for(file: Path) -> None:
    """A worker of the scheduler whose address is in `file`, or will be."""
    import distributed  # noqa: F401, as this takes its time and there may be no address yet

    while not file.exists():
        await asyncio.sleep(0.05)
    await work(file.read_text())


if __name__ == "__main__":
    asyncio.run({"lasting": last, "mortal": work_for}[sys.argv[1]](Path(sys.argv[2])))
