"""What our own Label Studio is started with, and which folder it may serve."""

from __future__ import annotations

import re
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import ConfigurationError
from core.studio.environment import (
    document_root,
    make_secret_key,
    server_environment,
    trusted_origins,
)
from core.workspace.settings import Annotations, Images, Workspace

PASSED_ON = {"PATH", "HOME", "LANG"}


def workspace(root: Path, images: str = "data/images", annotations: str = "data/out") -> Workspace:
    return Workspace(
        root, images=Images(root / images), annotations=Annotations(root / annotations)
    )


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder two levels below the test's own."""
    folder = tmp_path / "people" / "anna"
    folder.mkdir(parents=True)
    monkeypatch.setenv("HOME", str(folder))
    return folder


# The document root


@pytest.mark.parametrize(
    ("images", "annotations", "root"),
    [
        ("data/images", "data/annotations", "data"),
        ("images", "annotations", ""),
        ("data/images", "labels/out", ""),
        ("data/images", "data/images/out", "data"),
        ("data/images", "data/images", "data"),
    ],
)
def test_the_parent_of_images_and_annotations_is_served_and_no_more(
    home: Path, images: str, annotations: str, root: str
) -> None:
    project = home / "project"
    assert document_root(workspace(project, images, annotations)) == project / root


@pytest.mark.parametrize("base", ["/", "{home}", "{people}"])
def test_the_whole_disk_the_home_folder_and_what_holds_it_are_never_served(
    home: Path, base: str
) -> None:
    root = Path(base.format(home=home, people=home.parent))
    with pytest.raises(ConfigurationError, match="would serve all of it") as raised:
        document_root(workspace(root, "images", "annotations"))
    assert "data/images and data/annotations" in raised.value.next_step


def test_two_folders_far_apart_are_not_served_by_what_holds_both(home: Path) -> None:
    with pytest.raises(ConfigurationError, match="no folder in common but /"):
        document_root(workspace(home / "project", "/mnt/images", "out"))


@pytest.mark.parametrize("which", ["root", "images", "annotations"])
@pytest.mark.parametrize("target", ["/", "home", "people"])
def test_a_link_does_not_make_the_home_folder_served(home: Path, which: str, target: str) -> None:
    project = home / "project"
    real = {"/": Path("/"), "home": home, "people": home.parent}[target]
    project.mkdir()
    if which == "root":
        (project / "data").symlink_to(real)
    else:
        (project / "data").mkdir()
        (project / "data" / ("images" if which == "images" else "out")).symlink_to(real)
    with pytest.raises(ConfigurationError, match="would serve all of it"):
        document_root(workspace(project))


def test_a_linked_home_folder_is_known_by_its_real_name(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = home.parent / "link"
    link.symlink_to(home)
    monkeypatch.setenv("HOME", str(link))
    with pytest.raises(ConfigurationError):
        document_root(workspace(home, "images", "annotations"))


def test_a_link_to_another_folder_of_images_is_served_by_its_own_name(
    home: Path, tmp_path: Path
) -> None:
    (tmp_path / "disk" / "images").mkdir(parents=True)
    (home / "project" / "data").mkdir(parents=True)
    (home / "project" / "data" / "images").symlink_to(tmp_path / "disk" / "images")
    assert document_root(workspace(home / "project")) == home / "project" / "data"


def test_a_user_without_a_home_folder_is_served(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", "/")
    assert document_root(workspace(home / "project")) == home / "project" / "data"


# Origins and variables


def test_a_new_server_gets_a_key_that_holds_nothing_to_be_misread(tmp_path: Path) -> None:
    make_secret_key(tmp_path)
    file = tmp_path / ".env"
    assert re.fullmatch("SECRET_KEY=[0-9a-f]{64}\n", file.read_text())
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_server_keeps_the_key_that_it_has(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("SECRET_KEY=old")
    make_secret_key(tmp_path)
    assert (tmp_path / ".env").read_text() == "SECRET_KEY=old"


def test_at_home_the_server_trusts_this_machine_only() -> None:
    assert trusted_origins(8080, {}) == ["http://127.0.0.1:8080", "http://localhost:8080"]


def test_in_a_codespace_it_trusts_the_browsers_and_the_desktops_forward() -> None:
    variables = {"CODESPACE_NAME": "fluffy-disco"}
    assert trusted_origins(8081, variables)[2:] == [
        "https://fluffy-disco-8081.app.github.dev",
        "https://localhost:8081",
    ]
    variables["GITHUB_CODESPACES_PORT_FORWARDING_DOMAIN"] = "preview.example"
    assert "https://fluffy-disco-8081.preview.example" in trusted_origins(8081, variables)


# A codespace's own variables are read too; the tests above say what comes of them.
names = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ_", min_size=1, max_size=20).filter(
    lambda name: "CODESPACE" not in name
)


@given(
    st.dictionaries(
        names | st.sampled_from(["HOST", "PASSWORD", "SECRET_KEY", "DEBUG", "PYTHONPATH", "PATH"]),
        st.just("poison"),
    )
)
def test_nothing_but_what_a_process_needs_is_passed_on(environ: dict[str, str]) -> None:
    project = workspace(Path("/somewhere/project"))
    given_names = set(environ)
    built = server_environment(project, 8080, environ)
    plain = server_environment(project, 8080, {})
    assert {name for name in built if built[name] == "poison"} <= {
        *PASSED_ON,
        *"LC_ALL LC_CTYPE TZ TMPDIR LD_LIBRARY_PATH SSL_CERT_FILE SSL_CERT_DIR".split(),
        "PYTHONDONTWRITEBYTECODE",
    }
    assert {name: built[name] for name in plain if name not in given_names & PASSED_ON} == plain


def test_the_account_is_there_only_when_it_is_to_be_made() -> None:
    project = workspace(Path("/somewhere/project"))
    assert not {name for name in server_environment(project, 8080, {}) if "PASSWORD" in name}
    built = server_environment(project, 8080, {}, ("a@b", "secret"))
    assert built["LABEL_STUDIO_USERNAME"] == "a@b"
    assert built["LABEL_STUDIO_PASSWORD"] == "secret"
    assert "LABEL_STUDIO_HOST" not in built
