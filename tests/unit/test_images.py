"""Images: one rule by which task data, annotations and the manifest agree."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from urllib.parse import quote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from core.errors import ConfigurationError
from core.images import (
    CLOUD_SCHEMES,
    ImagePaths,
    bucket_url,
    image_path,
    path_inside,
    served_path,
    tag_of,
    tags_by_path,
    url_maker,
)
from tests.unit.tasks.conftest import ODD_NAMES

IMAGES = Path("/app/data/images")
# Folders whose names are as odd as those of the images in them.
FOLDERS = [IMAGES, Path("/srv/data set/50%+ é&?d=#"), Path("/srv/train/train"), Path("/a")]

parts = st.sampled_from(ODD_NAMES) | st.text(
    st.characters(exclude_characters="/\x00", exclude_categories=("Cs",)), min_size=1, max_size=12
).filter(lambda part: part not in (".", ".."))
paths = st.lists(parts, min_size=1, max_size=3).map("/".join)


@pytest.mark.parametrize("name", ODD_NAMES)
@pytest.mark.parametrize("folder", FOLDERS)
def test_every_odd_name_comes_back_from_its_url(folder: Path, name: str) -> None:
    for path in (name, f"{name}/{name}"):
        for root in folder.parents:
            url = url_maker(folder, root)(path)
            assert url.isascii()
            assert path_inside(url, folder) == image_path(url, folder) == path
            assert ImagePaths(folder)(url) == path


@given(st.sampled_from(FOLDERS), paths)
def test_any_name_comes_back_from_its_url(folder: Path, path: str) -> None:
    url = url_maker(folder, folder.parent)(path)
    assert served_path(url) == f"{folder.name}/{path}"
    assert path_inside(url, folder) == path
    read = ImagePaths(folder)
    assert (read(url), read(url)) == (path, path)


@given(paths)
def test_a_url_is_quoted_as_label_studio_quotes_it(path: str) -> None:
    url = url_maker(IMAGES, Path("/app"))(path)
    assert url == f"/data/local-files/?d={quote(f'data/images/{path}')}"
    assert path_inside(f"http://127.0.0.1:8080{url}", IMAGES) == path


beginnings = st.sampled_from(
    [
        "/data/local-files/?d=",
        "/data/local-files/?d=app/data/images/",
        "/data/local-files/?d=images/",
        "/data/local-files/?x=1&d=images/",
        "/data/upload/3/",
        "s3://bucket/images/",
        "https://host/images/",
        "https://host/",
        "http://[",
        "/app/data/images/",
        "",
    ]
)
ends = st.text(st.sampled_from("ab.%2F0/?&#+ é"), max_size=12) | paths | paths.map(quote)


@given(st.builds(str.__add__, beginnings, ends) | st.text(max_size=60))
@example("/data/local-files/?d=images/%2e%2e")
@example("https://host/images/..")
@example("http://[")
def test_the_fast_reader_and_the_plain_one_agree_on_any_url(url: str) -> None:
    read, expected = ImagePaths(IMAGES), image_path(url, IMAGES)
    try:
        found = (read(url), read(url))
    except ValueError:
        with pytest.raises(UnicodeEncodeError):
            expected.encode()
    else:
        assert found == (expected, expected)


def test_what_no_file_could_be_called_is_refused() -> None:
    for url in ("data:image/png;base64," + "A" * 5000, "/app/data/images/\ud83d.png"):
        with pytest.raises(ValueError, match=r"written into the task|not valid Unicode"):
            ImagePaths(IMAGES)(url)


@given(paths)
def test_a_tag_is_the_stem_as_pathlib_has_it_or_the_path(path: str) -> None:
    assert tag_of(path, "stem") == PurePosixPath(path).stem
    assert tag_of(path, "path") == path


@pytest.mark.parametrize(
    ("url", "inside"),
    [
        ("/data/local-files/?d=images/a%20b.png", "a b.png"),
        ("http://127.0.0.1:8080/data/local-files/?d=data/images/a+b.png", "a+b.png"),
        ("/data/local-files/?x=1&d=app/data/images/sub/a.png", "sub/a.png"),
        ("/app/data/images/a.png", "a.png"),
        ("/app/data/images/../images/a.png", "a.png"),
        ("/app/data/images/../secret.png", None),
        ("/data/local-files/?d=data/images/../../etc/passwd", None),
        ("/data/local-files/?d=data/images/%2e%2e/secret.png", None),
        ("/app/data/images2/a.png", None),
        ("/data/local-files/?d=elsewhere/a.png", None),
        ("s3://bucket/data/images/a.png", "a.png"),
        ("https://cdn.example/data/images/a%20b.png?size=1", "a b.png"),
        ("", None),
    ],
)
def test_only_what_lies_in_the_image_folder_counts_as_inside(url: str, inside: str | None) -> None:
    assert path_inside(url, IMAGES) == inside


@given(st.sampled_from(sorted(CLOUD_SCHEMES)), paths)
def test_any_name_in_a_bucket_comes_back_from_its_url(storage: str, path: str) -> None:
    assert served_path(f"{bucket_url(storage, 'bucket')}{path}") == path


def test_what_is_elsewhere_keeps_the_path_that_its_url_holds() -> None:
    assert image_path("s3://bucket/other/a.png", IMAGES) == "other/a.png"


def test_two_images_with_one_stem_are_named_both() -> None:
    with pytest.raises(ConfigurationError) as raised:
        tags_by_path(["a/one.png", "b/one.png"], "stem")
    assert "a/one.png" in raised.value.message
    assert "b/one.png" in raised.value.message
    assert 'tag = "path"' in raised.value.next_step
    assert tags_by_path(["a/one.png", "b/one.png"], "path") == {
        "a/one.png": "a/one.png",
        "b/one.png": "b/one.png",
    }


def test_the_same_path_twice_is_one_image() -> None:
    assert tags_by_path(["one.png", "one.png"], "stem") == {"one": "one.png"}


@given(st.text(max_size=60))
def test_any_url_has_a_path_and_none_leads_out(url: str) -> None:
    assert isinstance(served_path(url), str)
    inside = path_inside(url, IMAGES)
    assert inside is None or not inside.startswith(("/", "../"))
