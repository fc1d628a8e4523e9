"""The system keyring in every state it was seen in, with a real one: nothing hangs, nothing asks on
the terminal, and a lock never leads to plain text."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.secrets.keyrings import SECONDS
from tests.needs import needs
from tests.security.keyring_machine import PASSWORD, Machine, State

TOKEN = "0123456789abcdef0123456789abcdef01234567"
# In the quick run one that refuses, one that is not there yet and one that hangs.
LOCKED: tuple[State, ...] = ("locked", "empty", "silent")
LOCKED_OTHERWISE: tuple[State, ...] = ("wrong", "display")
SERVERS = ("own", "foreign")

pytestmark = needs("gnome-keyring-daemon", "dbus-run-session")


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_the_machine_notices_what_asks_on_its_terminal(machine: Machine) -> None:
    with pytest.raises(AssertionError, match="written to the terminal"):
        machine.act("none", "open('/dev/tty', 'w').write('Password: ')")


def store(server: str, value: str = TOKEN, name: str = "token") -> str:
    return f"store_secret({server}, {name!r}, {value!r})"


def find(server: str, name: str = "token") -> str:
    return f"find_secret({server}, {name!r})"


@pytest.mark.parametrize("whose", ["foreign", pytest.param("own", marks=pytest.mark.long)])
def test_an_open_keyring_takes_the_token_and_gives_it_back(machine: Machine, whose: str) -> None:
    stored, found = machine.act("unlocked", store(whose), find(whose))
    assert stored["value"] == "keyring"
    assert found["value"] == [TOKEN, "keyring"]
    assert TOKEN.encode() not in machine.files()
    (later,) = machine.act("unlocked", find(whose))
    assert later["value"] == [TOKEN, "keyring"]
    removed, gone = machine.act("unlocked", f"forget_secret({whose}, 'token')", find(whose))
    assert removed["value"] == ["keyring"]
    assert gone["value"] is None


@pytest.mark.parametrize(
    "state", [*LOCKED, *(pytest.param(one, marks=pytest.mark.long) for one in LOCKED_OTHERWISE)]
)
def test_a_keyring_that_does_not_open_means_locked_and_leads_to_no_file(
    machine: Machine, state: State
) -> None:
    if state != "empty":
        machine.make_keyring()
    expressions = [f(server) for server in SERVERS for f in (store, find)]
    done = machine.act(state, *expressions)
    assert [one.get("error") for one in done] == ["KeyringLocked"] * 4
    assert all("The system keyring is locked" in one["words"] for one in done)
    assert all("token allow-file" in one["words"] for one in done)
    assert TOKEN.encode() not in machine.files()
    assert done[0]["seconds"] < (SECONDS + 3 if state == "silent" else 3)
    # One that is silent is waited for once, not once a call.
    assert all(one["seconds"] < 3 for one in done[1:])


def test_the_environment_is_asked_before_a_keyring_that_hangs(machine: Machine) -> None:
    machine.variables["LABEL_STUDIO_API_KEY"] = TOKEN
    (found,) = machine.act("silent", find("foreign"))
    assert found["value"] == [TOKEN, "environment"]
    assert found["seconds"] < 1


def test_without_a_keyring_our_own_secrets_go_to_the_file_and_anothers_stay_in_the_session(
    machine: Machine,
) -> None:
    own, foreign, found = machine.act("none", store("own"), store("foreign"), find("foreign"))
    assert own["value"] == "file"
    assert foreign["value"] == "session"
    assert found["value"] == [TOKEN, "session"]
    (gone,) = machine.act("none", find("foreign"))
    assert gone["value"] is None


def test_our_own_secrets_move_to_the_keyring_as_soon_as_there_is_one(machine: Machine) -> None:
    machine.act("none", store("own"), store("own", "a password", "password"))
    assert TOKEN.encode() in machine.files()
    machine.make_keyring()
    still, _ = machine.act("locked", find("own"), find("own", "password"))
    assert still["value"] == [TOKEN, "file"]
    moved, password = machine.act("unlocked", find("own"), find("own", "password"))
    assert moved["value"] == [TOKEN, "keyring"]
    assert password["value"] == ["a password", "keyring"]
    assert TOKEN.encode() not in machine.files()
    (again,) = machine.act("unlocked", find("own"))
    assert again["value"] == [TOKEN, "keyring"]


@pytest.mark.parametrize("whose", SERVERS)
def test_a_keyring_out_of_reach_is_said_to_be_so_and_does_not_mean_that_nothing_is_stored(
    machine: Machine, whose: str
) -> None:
    machine.act("unlocked", store(whose))
    (found,) = machine.act("none", find(whose))
    assert found["error"] == "KeyringLocked"
    assert "The token is in the system keyring, which cannot be reached" in found["words"]
    stored, anew = machine.act("none", store(whose), find(whose))
    assert stored["value"] == anew["value"][1] == ("file" if whose == "own" else "session")


@pytest.mark.parametrize("whose", SERVERS)
def test_who_has_agreed_to_a_file_is_not_kept_from_work_by_a_locked_keyring(
    machine: Machine, whose: str
) -> None:
    machine.make_keyring()
    _, stored, found, removed = machine.act(
        "locked",
        f"agree_to_file({whose})",
        store(whose),
        find(whose),
        f"forget_secret({whose}, 'token')",
    )
    assert stored["value"] == "file"
    assert found["value"] == [TOKEN, "file"]
    assert removed["value"] == ["file"]


FILE_BACKEND = """
import getpass, pathlib
from keyring.backend import KeyringBackend
class FileKeyring(KeyringBackend):
    priority = 1
    def _ask(self, *_):
        pathlib.Path("asked").touch()
        return getpass.getpass("Password for the file keyring: ")
    get_password = set_password = delete_password = _ask
"""


@pytest.fixture
def with_file_backend(machine: Machine) -> Machine:
    """The machine with a keyring package installed that asks on the terminal."""
    site = machine.folder / "site"
    info = site / "filekeyring-1.dist-info"
    info.mkdir(parents=True)
    (site / "filekeyring.py").write_text(FILE_BACKEND)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: filekeyring\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[keyring.backends]\nfile = filekeyring\n")
    machine.variables["PYTHONPATH"] = f"{site}:{Path(__file__).resolve().parents[2]}"
    return machine


@pytest.mark.parametrize("chosen", ["", "filekeyring.FileKeyring"])
def test_a_keyring_that_asks_on_the_terminal_is_not_used(
    with_file_backend: Machine, chosen: str
) -> None:
    if chosen:
        with_file_backend.variables["PYTHON_KEYRING_BACKEND"] = chosen
    name, own, foreign = with_file_backend.act(
        "none", "type(__import__('keyring').get_keyring()).__name__", store("own"), store("foreign")
    )
    assert name["value"] == "FileKeyring"
    assert own["value"] == "file"
    assert foreign["value"] == "session"
    assert not (with_file_backend.folder / "asked").exists()


def test_beside_a_keyring_that_asks_on_the_terminal_the_systems_own_is_used(
    with_file_backend: Machine,
) -> None:
    stored, found = with_file_backend.act("unlocked", store("foreign"), find("foreign"))
    assert stored["value"] == "keyring"
    assert found["value"] == [TOKEN, "keyring"]
    assert not (with_file_backend.folder / "asked").exists()


@pytest.mark.parametrize("state", ["none", "unlocked"])
def test_a_keyring_that_was_switched_off_is_not_used(machine: Machine, state: State) -> None:
    machine.variables["PYTHON_KEYRING_BACKEND"] = "keyring.backends.null.Keyring"
    own, foreign = machine.act(state, store("own"), store("foreign"))
    assert own["value"] == "file"
    assert foreign["value"] == "session"


def test_a_keyring_that_cannot_be_loaded_is_a_sentence_and_no_file(machine: Machine) -> None:
    machine.variables["PYTHON_KEYRING_BACKEND"] = "no.such.Keyring"
    (stored,) = machine.act("none", store("own"))
    assert stored["error"] == "KeyringLocked"
    assert "ModuleNotFoundError" in stored["words"]
    assert TOKEN.encode() not in machine.files()


def test_a_keyring_can_be_started_where_there_is_none(machine: Machine) -> None:
    start = f"start_keyring({PASSWORD!r})"
    before, _, stored, again = machine.act(
        "none", "keyring_name()", start, store("foreign"), "start_keyring('x')"
    )
    assert before["value"] is None
    assert stored["value"] == "keyring"
    assert again["error"] == "ConfigurationError"
    wrong, none, right, found = machine.act(
        "none", "start_keyring('wrong')", "keyring_name()", start, find("foreign")
    )
    assert wrong["error"] == "KeyringLocked"
    assert none["value"] is None
    assert right["value"] is None
    assert found["value"] == [TOKEN, "keyring"]
    assert TOKEN.encode() not in machine.files()
