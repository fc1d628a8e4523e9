"""A dask cluster of the tests' own, which speaks to those only who know its secret: a scheduler and
two workers, of which one may be killed.

Run as a module, it is the scheduler with the worker that stays, or the other worker: in processes
of their own, as a cluster's are, and in no more, as each takes seconds to import dask.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[3]
START_SECONDS = 60
# Beside the address.
SECRET = "secret.pem"


def write_secret(file: Path) -> Path:
    """A cluster's secret, as `openssl req -x509 -nodes -keyout FILE -out FILE` makes one."""
    from distributed import Security

    made: Any = Security.temporary()  # type: ignore[no-untyped-call]
    file.touch(0o600)
    file.write_text(made.tls_client_key + made.tls_client_cert)
    return file


class Cluster:
    """A scheduler with a worker in one process, and another worker, `mortal`, in its own."""

    def __init__(self, folder: Path) -> None:
        self.secret = write_secret(folder / SECRET)
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
        with Client(address, set_as_default=False, security=known(file)) as client:
            client.wait_for_workers(2, timeout=START_SECONDS)
        return address


def known(file: Path) -> Any:
    """What a member of the cluster shows to the others, whose address is in `file`."""
    from distributed import Security

    secret = str(file.with_name(SECRET))
    return Security(  # type: ignore[no-untyped-call]
        require_encryption=True,
        tls_ca_file=secret,
        tls_client_cert=secret,
        tls_scheduler_cert=secret,
        tls_worker_cert=secret,
    )


async def last(file: Path) -> None:
    """A scheduler with a worker; its address goes to `file`."""
    from distributed import Scheduler

    own: dict[str, Any] = {"host": "127.0.0.1", "dashboard": False, "security": known(file)}
    async with Scheduler(protocol="tls", port=0, **own) as scheduler:
        part = file.with_suffix(".part")
        part.write_text(scheduler.address)
        part.rename(file)
        await work(file)


async def work(file: Path) -> None:
    from distributed import Worker

    own: dict[str, Any] = {"host": "127.0.0.1", "dashboard": False, "security": known(file)}
    async with Worker(file.read_text(), nthreads=1, **own) as worker:
        await worker.finished()


async def work_for(file: Path) -> None:
    """A worker of the scheduler whose address is in `file`, or will be."""
    import distributed  # noqa: F401, as this takes its time and there may be no address yet

    while not file.exists():
        await asyncio.sleep(0.05)
    await work(file)


if __name__ == "__main__":
    asyncio.run({"lasting": last, "mortal": work_for}[sys.argv[1]](Path(sys.argv[2])))
