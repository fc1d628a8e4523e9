"""What holds for all tests: none touches the user's own keyring or settings, all share one migrated
database, each server is started in one process, and the last line says what was left out.

The tests of the keyring start one of their own, in a session of its own.
"""

from __future__ import annotations

import gc
import os
import tempfile
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.needs import REASON
from tests.studio.first_start import migrated_database

# No test is a matter of time: a busy machine makes slow examples, and no wrong ones.
untimed = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("quick", untimed, max_examples=50)
settings.register_profile("long", untimed, max_examples=500)
settings.load_profile("quick")

os.environ["PYTHON_KEYRING_BACKEND"] = "keyring.backends.fail.Keyring"
# What tests make is theirs; those of trust take this away.
os.environ["LABELPILOT_TRUST"] = os.path.realpath(tempfile.gettempdir())

# Names the file of such a database, which is made unless it is there.
MIGRATED = "MIGRATED_DATABASE"
# Where one process waits for a server, another has work, also on two cores. Each server is started
# in one of them only; more than these gained no more.
PROCESSES = 4
# What takes long to start, by the fixture that does: its tests run in one process, one by one, and
# before all others, which fill the gaps. Those with most to do come first.
STARTED_ONCE = ("demo", "stock", "server", "served", "on_postgresql", "cluster")
# The example's tests take longest, so they are two groups of files, each with an example.
SECOND_EXAMPLE = "test_m"
LONGEST_NAME = 200


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """How many processes run the tests: none beside this one for single files."""
    files = [argument for argument in config.args if ".py" in argument]
    return 0 if files else PROCESSES


@pytest.hookimpl(tryfirst=True)  # before the groups are read
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    groups = {item: _group(item) for item in items}
    order = ["demo", "demo again", *STARTED_ONCE[1:], ""]
    items.sort(key=lambda item: order.index(groups[item]))
    for item, group in groups.items():
        if group:
            item.add_marker(pytest.mark.xdist_group(group))


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """A text too long to read is told by its length in the name of its test."""
    long = isinstance(val, str | bytes) and len(val) > LONGEST_NAME
    return f"{argname} of {len(val)}" if long else None


def pytest_collection_finish() -> None:
    """What was loaded and collected stays to the end: it is looked through for garbage no more."""
    gc.freeze()


def _group(item: pytest.Item) -> str:
    """The group of tests that run in one process; empty where any process will do."""
    names = list(getattr(item, "fixturenames", ()))
    if isinstance(item, pytest.Function) and hasattr(item, "callspec"):
        # A parameter may name the one that is asked for.
        names += [value for value in item.callspec.params.values() if isinstance(value, str)]
    started = next((name for name in STARTED_ONCE if name in names), "")
    return "demo again" if started == "demo" and item.path.name > SECOND_EXAMPLE else started


def pytest_unconfigure(config: pytest.Config) -> None:
    """Say, after all else, which tests were skipped, why, and what to install for them."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    skipped = [] if reporter is None else reporter.stats.get("skipped", [])
    if reporter is None or not skipped:
        return
    reasons = Counter(report.longrepr[2].removeprefix("Skipped: ") for report in skipped)
    why = "; ".join(f"{reason} ({count})" for reason, count in sorted(reasons.items()))
    needed = [reason.removeprefix(REASON) for reason in reasons if reason.startswith(REASON)]
    packages = " ".join(sorted({*" ".join(needed).split()}))
    install = f". To run them: apt-get install {packages}" if packages else ""
    reporter.write_line(f"Skipped: {why}{install}")


@pytest.fixture(autouse=True, scope="session")
def _own_settings(tmp_path_factory: pytest.TempPathFactory) -> None:
    """No test reads or changes what whoever runs them has agreed to, or their theme."""
    os.environ["XDG_CONFIG_HOME"] = str(tmp_path_factory.mktemp("config"))


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated database of Label Studio's without an account: made once, for all processes that
    run the tests."""
    if MIGRATED in os.environ:
        return migrated_database(Path(os.environ[MIGRATED]))
    mine = tmp_path_factory.getbasetemp()
    shared = mine.parent if "PYTEST_XDIST_WORKER" in os.environ else mine
    return migrated_database(shared / "migrated.sqlite3")
