"""The workspace: what `labelpilot.toml`, beside the user's code, says.

The only module that knows where things lie: it reads and writes the file, and turns every path into
an absolute one. The file holds no secret, so that it is fit to commit.
"""

from __future__ import annotations

import os
import sys
from dataclasses import MISSING, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Literal, get_type_hints

from core.buckets import Bucket, read_bucket
from core.errors import ConfigurationError
from core.files import read_at_most, write_at_once
from core.images import Tag
from core.workspace.addresses import crosses_in_clear
from core.workspace.checks import TITLE_LENGTHS, checked_value
from core.workspace.state import State
from core.workspace.toml_lines import FILE_NAME, place_of, unknown_name, wrong_value
from core.workspace.trust import refuse_others, trust_made_here

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

# A workspace file has a few dozen lines.
MAX_BYTES = 100_000
IMAGE_PATTERN = r".*\.(?i:png|jpe?g|gif|bmp|webp|tiff?)$"

Sampling = Literal["random", "sequential", "uncertainty", "coverage"]
# What counts where an image has several annotations: `core.dataset.options` has the words.
Rule = Literal["latest", "ground-truth", "union", "majority", "refuse"]


@dataclass(frozen=True, slots=True)
class Studio:
    """Which Label Studio to use. Without `url`, labelpilot runs its own.

    A token is sent in clear only to this machine, unless `allow_http` says otherwise. `database`
    is a PostgreSQL database for labelpilot's own; without it, Label Studio keeps a SQLite file.
    """

    url: str | None = None
    allow_http: bool = False
    database: str | None = None


@dataclass(frozen=True, slots=True)
class Images:
    """Which files are images. `pattern` is matched with `re.match` on the file's name.

    Links that lead out of the folder are refused unless `follow_links` says otherwise. With `url`
    they lie in a bucket, and no folder is asked for.
    """

    path: Path = Path("data/images")
    pattern: str = IMAGE_PATTERN
    recursive: bool = False
    follow_links: bool = False
    tag: Tag = "stem"
    url: str | None = None

    @property
    def bucket(self) -> Bucket | None:
        """The bucket in which they lie; None where they lie in a folder."""
        return None if self.url is None else read_bucket(self.url)

    @property
    def place(self) -> str:
        """Where they lie: a bucket's URL, or a path."""
        return self.url or str(self.path)


@dataclass(frozen=True, slots=True)
class Project:
    """The Label Studio project. `id` settles which one where several have the same title."""

    title: str = ""
    label_config: Path = Path("labeling/project_config.xml")
    sampling: Sampling = "random"
    id: int | None = None


@dataclass(frozen=True, slots=True)
class Annotations:
    """Where Label Studio writes annotations, and where the dataset made of them goes.

    `rule` says what counts where an image has several.
    """

    path: Path = Path("data/annotations")
    dataset: Path = Path("data/dataset.json")
    rule: Rule = "latest"


@dataclass(frozen=True, slots=True)
class Labeling:
    """How images are asked for: `overlap` is the share of a round that two people are asked,
    `group_size` how many look-alikes are labeled together at most (None: as many as cost little).
    """

    overlap: float = 0.0
    group_size: int | None = None


@dataclass(frozen=True, slots=True)
class Learning:
    """The user's hooks, the Python that runs them, and how many neighbours share a loss.

    `embeddings` and `losses` are files that a training run wrote, and `model` an ONNX file that
    makes embeddings: each stands in where the hooks lack a function. `scheduler` is the address of
    a dask cluster, which searches what would take long here. `scheduler_secret` is the file by
    which its members know each other, with `tls://`. In `shared`, a folder that all of them reach,
    lies what they search; None: in the workspace.
    """

    hooks: Path = Path("labeling/active_learning.py")
    python: str | None = None
    embeddings: Path | None = None
    losses: Path | None = None
    model: Path | None = None
    neighbours: int = 5
    scheduler: str | None = None
    scheduler_secret: Path | None = None
    shared: Path | None = None


@dataclass(frozen=True, slots=True)
class Workspace:
    """A checked workspace. Every path is absolute."""

    root: Path
    studio: Studio = field(default_factory=Studio)
    images: Images = field(default_factory=Images)
    project: Project = field(default_factory=Project)
    annotations: Annotations = field(default_factory=Annotations)
    labeling: Labeling = field(default_factory=Labeling)
    learning: Learning = field(default_factory=Learning)

    @property
    def file(self) -> Path:
        """`labelpilot.toml`."""
        return self.root / FILE_NAME

    @property
    def state(self) -> State:
        """`.labelpilot/`."""
        return State(self.root)

    @property
    def owns_server(self) -> bool:
        """Whether Label Studio is ours to start and stop."""
        return self.studio.url is None

    @property
    def hooks_python(self) -> str:
        """The interpreter that runs the user's hooks.

        The configured one; else the workspace's `.venv`; else the active virtual environment; else
        the interpreter that runs labelpilot.
        """
        if self.learning.python is not None:
            return self.learning.python
        candidates = [self.root / ".venv/bin/python"]
        if "VIRTUAL_ENV" in os.environ:
            candidates.append(Path(os.environ["VIRTUAL_ENV"]) / "bin/python")
        return next((str(path) for path in candidates if os.path.exists(path)), sys.executable)

    def relative(self, path: Path) -> str:
        """`path` as people write it: relative to the workspace where it lies inside."""
        try:
            return str(path.relative_to(self.root))
        except ValueError:
            return str(path)


_SECTIONS: dict[str, type] = {
    "studio": Studio,
    "images": Images,
    "project": Project,
    "annotations": Annotations,
    "labeling": Labeling,
    "learning": Learning,
}


def find_workspace(start: Path) -> Path | None:
    """The nearest folder at or above `start` that holds a `labelpilot.toml`, or None."""
    start = start.resolve()
    return next((f for f in (start, *start.parents) if os.path.isfile(f / FILE_NAME)), None)


def load_workspace(root: Path) -> Workspace:
    """Read and check `root/labelpilot.toml`.

    Raises ConfigurationError, naming the line, for a missing or unreadable file, an unknown section
    or key, or a value of the wrong type; NotTrusted where the file or its folder is another user's.
    """
    root = Path(os.path.expanduser(root)).resolve()
    file = root / FILE_NAME
    if not os.path.lexists(file):
        raise ConfigurationError(
            f"There is no {FILE_NAME} in {root}.",
            next_step="Run `labelpilot` there to make one, or `labelpilot demo` for an example.",
        )
    for path in (root, file):
        refuse_others(path, root)
    return parse_workspace(_read(file), root)


def _read(file: Path) -> str:
    try:
        return read_at_most(file, MAX_BYTES, "The workspace file").decode("utf-8")
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{file} is not UTF-8 text.", cause=str(error)) from None


def parse_workspace(text: str, root: Path) -> Workspace:
    """The workspace that `text`, the content of a `labelpilot.toml` in `root`, describes.

    Raises ConfigurationError as `load_workspace` does.
    """
    data = _sections(text)
    for name in data:
        if name not in _SECTIONS:
            raise unknown_name(text, None, name, list(_SECTIONS))
    # The tag rule sits beside the hooks in people's minds as often as beside the images.
    if "tag" in data.get("learning", {}):
        data.setdefault("images", {}).setdefault("tag", data["learning"].pop("tag"))
    if {"url", "path"} <= data.get("images", {}).keys():
        what = "`url` is for images in a bucket, without `path`"
        raise wrong_value(text, "images", "url", what)
    built = {
        name: _section(text, name, kind, data.get(name, {}), root)
        for name, kind in _SECTIONS.items()
    }
    _refuse_wrong_server(text, built["studio"])
    _refuse_idle_secret(text, built["learning"])
    return _completed(Workspace(root=root, **built))


def _sections(text: str) -> dict[str, dict[str, Any]]:
    """Section -> key -> value, as TOML has them."""
    try:
        data: dict[str, Any] = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise ConfigurationError(f"{FILE_NAME} is not valid TOML.", cause=str(error)) from None
    for name, values in data.items():
        if not isinstance(values, dict):
            raise wrong_value(text, None, name, f"`{name}` must be a section, as in `[{name}]`")
    return data


def _section(text: str, name: str, kind: type, values: dict[str, Any], root: Path) -> Any:
    hints = get_type_hints(kind)
    for key, value in values.items():
        if key not in hints:
            raise unknown_name(text, name, key, list(hints))
        values = {**values, key: checked_value(text, name, key, value, hints[key])}
    arguments = {}
    for spec in fields(kind):
        default = None if spec.default is MISSING else spec.default
        value = values.get(spec.name, default)
        arguments[spec.name] = _absolute(root, value) if isinstance(value, Path) else value
    return kind(**arguments)


def _absolute(root: Path, path: Path) -> Path:
    """`path` below `root`, but not resolved: a link is the name by which people know a folder."""
    return Path(os.path.normpath(root / os.path.expanduser(path)))


def _refuse_wrong_server(text: str, studio: Studio) -> None:
    if studio.url is None:
        return
    if studio.database is not None:
        what = "`database` is for a Label Studio of labelpilot's own, without `url`"
        raise wrong_value(text, "studio", "database", what)
    if crosses_in_clear(studio.url) and not studio.allow_http:
        raise ConfigurationError(
            f"{place_of(text, 'studio', 'url')}: to {studio.url} the token would cross the network "
            "without encryption.",
            next_step="Use its https:// address, or, in a network that you trust, set "
            "`allow_http = true` under [studio].",
        )


def _refuse_idle_secret(text: str, learning: Learning) -> None:
    address = learning.scheduler or ""
    if learning.scheduler_secret is not None and not address.startswith("tls://"):
        what = "`scheduler_secret` is for a `scheduler` whose address begins with tls://"
        raise wrong_value(text, "learning", "scheduler_secret", what)


def _completed(workspace: Workspace) -> Workspace:
    """The workspace with what it leaves to be made up, and its addresses in one form."""
    python, url = workspace.learning.python, workspace.studio.url
    if python is not None and os.sep in python:
        python = str(_absolute(workspace.root, Path(python)))
    # Label Studio keeps titles trimmed, and so they are compared.
    title = workspace.project.title.strip() or default_title(workspace.root)
    return replace(
        workspace,
        studio=replace(workspace.studio, url=url and url.rstrip("/")),
        project=replace(workspace.project, title=title),
        learning=replace(workspace.learning, python=python),
    )


def default_title(root: Path) -> str:
    """A project title made of the folder's name, within Label Studio's limits."""
    name = "".join(character for character in root.name if character.isprintable())
    title = name.strip()[: TITLE_LENGTHS.stop - 1].strip()
    return title if len(title) in TITLE_LENGTHS else f"labelpilot {title}".strip()


def save_workspace(root: Path, changes: dict[str, dict[str, Any]]) -> Workspace:
    """Write `changes` (section -> key -> value; None removes a key) and return the workspace.

    What else stands in the file, comments too, stays. The file is checked before it is written, and
    written at once or not at all; what is new is trusted. Raises as `load_workspace` does.
    """
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    file = root / FILE_NAME
    former = _read(file) if (known := os.path.lexists(file)) else ""
    _sections(former)
    try:
        document = tomlkit.parse(former)
        for section, values in changes.items():
            table = document.setdefault(section, tomlkit.table())
            for key, value in values.items():
                if value is None:
                    table.pop(key, None)
                else:
                    table[key] = str(value) if isinstance(value, Path) else value
        text = tomlkit.dumps(document)
    except (TOMLKitError, RecursionError) as error:
        raise ConfigurationError(
            f"{file} is written in a way that labelpilot cannot change.",
            cause=str(error),
            next_step="Change it by hand.",
        ) from None
    workspace = parse_workspace(text, root)
    write_at_once(file, text.encode())
    if not known:
        trust_made_here(root)
    return workspace
