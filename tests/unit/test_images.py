"""Images: one rule by which task data, annotations and the manifest agree."""

from __future__ import annotations

import unicodedata
from pathlib import Path, PurePosixPath
from typing import Literal
from urllib.parse import quote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from core.buckets import CLOUD_SCHEMES, bucket_url
from core.errors import ConfigurationError
from core.images import (
    ImagePaths,
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

parts = st.sampled_from([name for name in ODD_NAMES if "\\" not in name]) | st.text(
    st.characters(exclude_characters="/\\\x00", exclude_categories=("Cs",)), min_size=1, max_size=12
).filter(lambda part: part not in (".", ".."))
paths = st.lists(parts, min_size=1, max_size=3).map("/".join)


@pytest.mark.parametrize("name", ODD_NAMES)
def test_every_odd_name_comes_back_from_its_url(tmp_path: Path, name: str) -> None:
    for folder in ("images", "data set/50%+ é&?d=#", "train/train", "é/e\u0301"):
        images = tmp_path / folder
        (images / "in" / name).mkdir(parents=True)
        (images / name).touch()
        for path in (name, f"in/{name}"):
            for root in images.parents:
                url = url_maker(images, root)(path)
                assert url.isascii()
                assert path_inside(url, images) == ImagePaths(images)(url) == path


@given(st.sampled_from(FOLDERS), paths)
def test_any_name_comes_back_from_its_url(folder: Path, path: str) -> None:
    url = url_maker(folder, folder.parent)(path)
    assert served_path(url) == f"{folder.name}/{path}"
    # Of what the disk does not have, the accents are composed.
    composed = unicodedata.normalize("NFC", path)
    assert path_inside(url, folder) == composed
    read = ImagePaths(folder)
    assert (read(url), read(url)) == (composed, composed)


@given(paths)
def test_a_url_is_quoted_as_label_studio_quotes_it(path: str) -> None:
    url = url_maker(IMAGES, Path("/app"))(path)
    assert url == f"/data/local-files/?d={quote(f'data/images/{path}')}"
    composed = unicodedata.normalize("NFC", path)
    assert path_inside(f"http://127.0.0.1:8080{url}", IMAGES) == composed


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
def test_a_url_says_the_same_whether_its_folder_was_met_before_or_not(url: str) -> None:
    read, expected = ImagePaths(IMAGES), ImagePaths(IMAGES)._read_closely(url)
    try:
        found = (read(url), read(url))
    except ValueError:
        with pytest.raises(UnicodeEncodeError):
            expected[0].encode()
    else:
        assert found == (expected[0], expected[0])
        assert read.inside(url) == (expected[0] if expected[1] else None)


def test_what_no_file_could_be_called_is_refused() -> None:
    for url in (
        "data:image/png;base64," + "A" * 5000,
        "data:image/gif;base64,R0lG",
        "/app/data/images/\ud83d.png",
    ):
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
        # Label Studio's page for s3://bucket/images/a b.png, and two that lead nowhere.
        ("/tasks/7/resolve/?fileuri=czM6Ly9idWNrZXQvaW1hZ2VzL2EgYi5wbmc=", "a b.png"),
        (
            "https://ls.example/tasks/7/presign/?fileuri=czM6Ly9idWNrZXQvaW1hZ2VzL2EgYi5wbmc%3D",
            "a b.png",
        ),
        ("/tasks/7/resolve/?fileuri=s3%3A%2F%2Fbucket%2Fimages%2Fa.png", "a.png"),
        ("/tasks/7/resolve/?fileuri=%ff%00=", None),
        ("/data/local-files?d=data/images/a%20b.png", "a b.png"),
        ("data/local-files/?d=data/images/a.png", "a.png"),
        ("http://127.0.0.1:8080/data/local-files?d=data/images/a.png", "a.png"),
        ("/data/local-files/?d=/data/images/a.png", "a.png"),
        ("/data/local-files/?d=/app/data/images/a.png", "a.png"),
        ("/data/local-files/?d=images/set1%5C0001.jpg", "set1/0001.jpg"),
        ("/data/local-files/?d=data%5Cimages%5Cset1%5C0001.jpg", "set1/0001.jpg"),
        ("data\\images\\a.png", "a.png"),
        ("/data/local-files/?d=images/..%5C..%5Csecret.png", None),
        ("", None),
    ],
)
def test_only_what_lies_in_the_image_folder_counts_as_inside(url: str, inside: str | None) -> None:
    assert path_inside(url, IMAGES) == inside


@given(st.sampled_from(sorted(CLOUD_SCHEMES)), paths)
def test_any_name_in_a_bucket_comes_back_from_its_url(storage: str, path: str) -> None:
    assert served_path(f"{bucket_url(storage, 'bucket')}{path}") == path


def test_what_is_elsewhere_keeps_the_path_that_its_url_holds() -> None:
    assert ImagePaths(IMAGES)("s3://bucket/other/a.png") == "other/a.png"
    assert ImagePaths(IMAGES)("/data/local-files/?d=set1%5C0001.jpg") == "set1/0001.jpg"


@pytest.mark.parametrize("on_disk", ["e\u0301.png", "é.png"])
@pytest.mark.parametrize("in_url", ["e\u0301.png", "é.png"])
@pytest.mark.parametrize("folder", ["images", "ime\u0301ges", "imégés"])
@pytest.mark.parametrize("folder_form", ["NFC", "NFD"])
def test_accents_composed_or_apart_are_one_image_as_the_disk_has_it(
    tmp_path: Path,
    on_disk: str,
    in_url: str,
    folder: str,
    folder_form: Literal["NFC", "NFD"],
) -> None:
    (tmp_path / folder / "ü").mkdir(parents=True)
    for path in (on_disk, f"ü/{on_disk}"):
        (tmp_path / folder / path).touch()
    named = unicodedata.normalize(folder_form, folder)
    read = ImagePaths(tmp_path / folder)
    for above in ("", "ü/", "u\u0308/"):
        url = f"/data/local-files/?d={quote(f'{named}/{above}{in_url}')}"
        assert read.inside(url) == f"{'ü/' if above else ''}{on_disk}"


def test_two_files_whose_names_differ_in_form_alone_stay_two(tmp_path: Path) -> None:
    names = ("e\u0301.png", "é.png")
    for name in names:
        (tmp_path / name).touch()
    read = ImagePaths(tmp_path)
    assert [read(f"{tmp_path}/{name}") for name in names] == list(names)


@pytest.mark.parametrize(
    ("on_disk", "uploaded"),
    [
        ("IMG_1842.JPG", "IMG_1842.JPG"),
        ("my image (1).png", "my_image_1.png"),
        ("ünï.png", "%C3%BCn%C3%AF.png"),
        ("sub/a.png", "a.png"),
    ],
)
@pytest.mark.parametrize(
    "before", ["upload/1/", "/data/upload/1/", "https://ls.example/data/upload/1/"]
)
def test_an_upload_is_the_image_that_was_uploaded(
    tmp_path: Path, on_disk: str, uploaded: str, before: str
) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / on_disk).touch()
    read = ImagePaths(tmp_path)
    assert read.inside(f"{before}2bd44c48-{uploaded}") == on_disk


def test_an_upload_whose_image_is_not_known_keeps_its_place_and_has_its_images_tag(
    tmp_path: Path,
) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "one.png").touch()
    read = ImagePaths(tmp_path)
    for name in ("one.png", "gone.png"):
        url = f"/data/upload/12/2bd44c48-{name}"
        assert read.inside(url) is None
        assert read(url) == f"upload/12/2bd44c48-{name}"
        assert tag_of(read(url), "stem") == name.removesuffix(".png")


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
