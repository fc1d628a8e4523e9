"""The train and validation parts."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.dataset.split import Part, Split, read_parts, split_images, write_parts
from core.errors import ConfigurationError


def images(count: int, seed: int = 0) -> dict[str, list[str]]:
    """Images with up to three classes, some of them rare."""
    chosen = random.Random(seed)
    weights = {"common": 0.6, "usual": 0.3, "rare": 0.02}
    return {
        f"img_{number}": [name for name, weight in weights.items() if chosen.random() < weight]
        for number in range(count)
    }


def split(
    classes: dict[str, list[str]], how: Split, kept: dict[str, Part] | None = None
) -> dict[str, Part]:
    groups = how.groups({tag: f"{tag}.png" for tag in classes})
    return split_images(classes, groups, how, kept or {})


def test_every_class_has_its_share_in_validation() -> None:
    classes = images(2000)
    parts = split(classes, Split(0.2))
    of_all = Counter(name for names in classes.values() for name in names)
    held_out = Counter(
        name for tag, names in classes.items() if parts[tag] == "validation" for name in names
    )
    for name, count in of_all.items():
        assert abs(held_out[name] - 0.2 * count) <= 1
    assert abs(sum(part == "validation" for part in parts.values()) - 400) <= 2


def test_the_same_seed_gives_the_same_parts_and_another_seed_others() -> None:
    classes = images(200)
    assert split(classes, Split(seed=1)) == split(dict(reversed(classes.items())), Split(seed=1))
    assert split(classes, Split(seed=1)) != split(classes, Split(seed=2))


def test_images_keep_their_part_when_images_are_added() -> None:
    before = split(images(500), Split(0.2))
    classes = images(1000)
    after = split(classes, Split(0.2), before)
    assert {tag: after[tag] for tag in before} == before
    assert abs(sum(part == "validation" for part in after.values()) - 200) <= 2


def test_images_of_one_group_stay_together() -> None:
    classes = {f"p{number % 40}_{number}": ["a"] for number in range(400)}
    how = Split(0.25, group=r"^(p\d+)_")
    parts = split(classes, how)
    together: dict[str, set[Part]] = {}
    for tag, part in parts.items():
        together.setdefault(tag.partition("_")[0], set()).add(part)
    assert all(len(found) == 1 for found in together.values())
    assert sum(part == "validation" for part in parts.values()) == 100
    classes["p1_new"] = ["a"]
    assert split(classes, how, parts)["p1_new"] == parts["p1_1"]


@given(
    st.dictionaries(st.text(min_size=1), st.lists(st.sampled_from("abc"), unique=True)),
    st.floats(0.01, 0.99),
)
def test_every_image_is_in_one_part(classes: dict[str, list[str]], share: float) -> None:
    assert split(classes, Split(share)).keys() == classes.keys()


def test_parts_that_were_written_are_read_back(tmp_path: Path) -> None:
    parts = split(images(50), Split())
    write_parts(tmp_path / "d.split.json", parts)
    assert read_parts(tmp_path / "d.split.json") == parts
    assert read_parts(tmp_path / "none.json") == {}


def test_damaged_parts_are_an_error_and_not_split_anew(tmp_path: Path) -> None:
    (tmp_path / "d.split.json").write_text('{"train": [')
    with pytest.raises(ConfigurationError, match="cannot be read"):
        read_parts(tmp_path / "d.split.json")


@pytest.mark.parametrize(("share", "group"), [(0, ""), (1, ""), (0.2, "(")])
def test_an_unusable_split_is_an_error(share: float, group: str) -> None:
    with pytest.raises(ConfigurationError):
        Split(share, group=group)
