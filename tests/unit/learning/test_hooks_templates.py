"""Who has no hooks file gets one to complete, or one that runs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from core.errors import ConfigurationError
from core.learning.hooks.run import run_hooks
from core.learning.hooks.templates import Template, write_template
from core.progress import finish
from core.workspace.settings import Workspace, load_workspace, parse_workspace
from tests.studio.command import run


def workspace(root: Path) -> Workspace:
    return parse_workspace(f'[learning]\npython = "{sys.executable}"', root)


def test_the_template_runs_as_it_is_and_leaves_all_to_what_stands_in(tmp_path: Path) -> None:
    ready = workspace(tmp_path)
    write_template(ready)
    hooks = finish(run_hooks(ready, tmp_path / "round"))
    assert (hooks.embeddings, hooks.losses, hooks.labeled) == (None, None, frozenset())


def test_once_completed_it_works_and_reads_the_labeled_tags_from_the_dataset(
    tmp_path: Path,
) -> None:
    ready = workspace(tmp_path)
    write_template(ready)
    ready.annotations.dataset.parent.mkdir(parents=True)
    ready.annotations.dataset.write_text('{"a": ["cat"]}')
    text = ready.learning.hooks.read_text()
    for name, result in (("get_embeddings", "{'a': [1]}"), ("get_loss_trainset", "{'a': 1}")):
        message = f'raise NotImplementedError("{name}() is yours to complete")'
        assert message in text
        text = text.replace(message, f"return {result}")
    ready.learning.hooks.write_text(text)
    hooks = finish(run_hooks(ready, tmp_path / "round"))
    assert hooks.labeled == {"a"}


@pytest.mark.parametrize(("rule", "example"), [("stem", '"img_0001"'), ("path", '/img_0001.png"')])
def test_it_says_what_a_tag_is_in_this_workspace(tmp_path: Path, rule: str, example: str) -> None:
    ready = parse_workspace(f'[images]\ntag = "{rule}"', tmp_path)
    write_template(ready)
    assert example in ready.learning.hooks.read_text()


def test_a_file_that_is_there_is_never_overwritten(tmp_path: Path) -> None:
    ready = workspace(tmp_path)
    ready.learning.hooks.parent.mkdir()
    ready.learning.hooks.write_text("mine")
    with pytest.raises(ConfigurationError, match="there already"):
        write_template(ready)
    assert ready.learning.hooks.read_text() == "mine"


def test_a_command_writes_it_and_the_missing_file_names_the_command(tmp_path: Path) -> None:
    (tmp_path / "labelpilot.toml").write_text("")
    with pytest.raises(ConfigurationError, match="does not exist") as caught:
        finish(run_hooks(load_workspace(tmp_path), tmp_path / "round"))
    assert "labelpilot hooks" in caught.value.next_step
    done = run("hooks", "--json", "--workspace", str(tmp_path))
    assert done.json == {"hooks": "labeling/active_learning.py"}
    assert "def get_embeddings()" in (tmp_path / "labeling/active_learning.py").read_text()
    assert run("hooks", "--workspace", str(tmp_path)).code == 2


# Templates that run


def with_images(root: Path, settings: str = "") -> Workspace:
    """A workspace of twelve images in two colours, of which half are labeled."""
    ready = parse_workspace(f'{settings}[learning]\npython = "{sys.executable}"', root)
    ready.images.path.mkdir(parents=True)
    labels = {}
    for number in range(12):
        colour = (255, number, 0) if number % 2 else (0, number, 255)
        Image.new("RGB", (40, 30), colour).save(ready.images.path / f"{number}.png")
        labels[str(number)] = ["red" if number % 2 else "blue"]
    few = {tag: labels[tag] for tag in list(labels)[:6]}
    ready.annotations.dataset.write_text(json.dumps(few))
    return ready


def test_the_one_for_scikit_learn_gives_embeddings_and_losses(tmp_path: Path) -> None:
    ready = with_images(tmp_path)
    assert write_template(ready, "sklearn") == "labeling/active_learning.py"
    hooks = finish(run_hooks(ready, tmp_path / "round"))
    assert hooks.embeddings is not None
    assert set(hooks.embeddings.tags) == {str(number) for number in range(12)}
    assert hooks.losses is not None
    assert len(hooks.losses) == 6
    assert max(hooks.losses.values()) < 1


# Each as it is, but for the weights, which it would fetch.
FETCHED = {
    "timm": ("timm", "pretrained=True", "pretrained=False"),
    "torchvision": ("torchvision", "weights=WEIGHTS", "weights=None"),
    "open-clip": ("open_clip", ', pretrained="openai"', ""),
    "keras": ("keras", 'weights="imagenet"', "weights=None"),
}


@pytest.mark.parametrize("template", FETCHED)
def test_one_for_a_library_of_networks_gives_embeddings_and_leaves_losses_out(
    tmp_path: Path, template: Template
) -> None:
    library, weights, none = FETCHED[template]
    ready = with_images(tmp_path, '[images]\ntag = "path"\nrecursive = true\n')
    write_template(ready, template)
    text = ready.learning.hooks.read_text()
    compile(text, template, "exec")
    assert weights in text
    pytest.importorskip(library)
    ready.learning.hooks.write_text(text.replace(weights, none))
    hooks = finish(run_hooks(ready, tmp_path / "round"))
    assert hooks.embeddings is not None
    assert set(hooks.embeddings.tags) == {f"{number}.png" for number in range(12)}
    assert hooks.losses is None


def test_files_names_what_a_training_run_writes_and_no_code(tmp_path: Path) -> None:
    (tmp_path / "labelpilot.toml").write_text('# mine\n[learning]\nlosses = "my.csv"\n')
    done = run("hooks", "--template", "files", "--json", "--workspace", str(tmp_path))
    assert done.json == {"hooks": "labelpilot.toml"}
    learning = load_workspace(tmp_path).learning
    assert learning.losses == tmp_path / "my.csv"
    assert learning.embeddings == tmp_path / "results/embeddings.npz"
    assert "# mine" in (tmp_path / "labelpilot.toml").read_text()
    assert not learning.hooks.exists()


def test_what_lies_beside_the_file_and_in_the_workspace_is_imported_and_unpickled(
    tmp_path: Path,
) -> None:
    ready = workspace(tmp_path)
    (tmp_path / "labeling").mkdir()
    (tmp_path / "labeling" / "beside.py").write_text("LOSS = 0.5\n")
    (tmp_path / "nets.py").write_text("class Net:\n    loss = 0.25\n")
    # As a training script leaves it: the class is of `__main__`.
    training = "import pickle\nfrom nets import Net\nNet.__module__ = '__main__'\n"
    training += "pickle.dump(Net(), open('net.pkl', 'wb'))"
    subprocess.run([sys.executable, "-c", training], cwd=tmp_path, check=True)
    ready.learning.hooks.write_text(
        "import pickle\nfrom beside import LOSS\nfrom nets import Net\n"
        "def get_loss_trainset():\n"
        "    return {'a': pickle.load(open('net.pkl', 'rb')).loss, 'b': LOSS}\n"
    )
    assert finish(run_hooks(ready, tmp_path / "round")).losses == {"a": 0.25, "b": 0.5}
