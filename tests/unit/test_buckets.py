"""Images in a bucket are named by one URL, and Label Studio is told of it in its own words."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.buckets import Bucket, read_bucket
from core.errors import ConfigurationError
from core.images import ImagePaths, tag_of
from core.studio.client.storages import storage_of
from core.studio.environment import document_root, server_environment
from core.studio.models import read_storage
from core.workspace.settings import Workspace, parse_workspace

ROOT = Path("/work/project")


def workspace(url: str, more: str = "") -> Workspace:
    return parse_workspace(f"[images]\nurl = '{url}'\n{more}", ROOT)


@pytest.mark.parametrize(
    ("url", "bucket", "fields"),
    [
        ("s3://b", Bucket("s3", "b"), {"bucket": "b", "prefix": ""}),
        ("gs://b/a/c/", Bucket("gcs", "b", "a/c"), {"bucket": "b", "prefix": "a/c"}),
        ("azure-blob://b/a", Bucket("azure", "b", "a"), {"container": "b", "prefix": "a"}),
    ],
)
def test_a_url_names_a_bucket_and_its_storage(
    url: str, bucket: Bucket, fields: dict[str, str]
) -> None:
    images = workspace(url).images
    assert (images.bucket, images.place) == (bucket, url)
    assert bucket.fields == fields
    assert read_bucket(bucket.url) == bucket
    body = {"type": bucket.type, "use_blob_urls": True, **fields}
    there = read_storage({"id": 1, **body})
    elsewhere = read_storage({"id": 2, **body, "prefix": "other"})
    assert storage_of([elsewhere, there], images) is there


@pytest.mark.parametrize("url", ["", "bucket/a", "s3://", "s3:///a", "ftp://b/a", "https://b/a"])
def test_what_names_no_bucket_is_refused_with_the_forms_that_do(url: str) -> None:
    with pytest.raises(ConfigurationError, match=r"line 2: .*azure-blob://bucket/folder"):
        workspace(url)


def test_images_lie_in_a_folder_or_in_a_bucket() -> None:
    with pytest.raises(ConfigurationError, match="without `path`"):
        workspace("s3://b/a", "path = 'data/images'")


def test_a_tag_is_made_of_the_key() -> None:
    paths = ImagePaths(workspace("s3://b/day").images.path)
    keys = [
        paths("s3://b/day/a b.png"),
        paths("gs://b/day/c#1.png"),
        paths("azure-blob://b/day/d?.png"),
        paths("https://b.example.com/day/e%20f.png?X-Amz-Signature=1"),
    ]
    assert keys == ["day/a b.png", "day/c#1.png", "day/d?.png", "day/e f.png"]
    assert [tag_of(key, "stem") for key in keys] == ["a b", "c#1", "d?", "e f"]


def test_our_server_is_given_the_credentials_of_this_kind_of_bucket_and_no_other() -> None:
    mine = {
        "AWS_ACCESS_KEY_ID": "1",
        "S3_ENDPOINT": "2",
        "AZURE_BLOB_ACCOUNT_KEY": "3",
        "GOOGLE_APPLICATION_CREDENTIALS": "4",
    }

    def passed_on(url: str) -> set[str]:
        return mine.keys() & server_environment(workspace(url), 8080, mine).keys()

    assert passed_on("s3://b") == {"AWS_ACCESS_KEY_ID", "S3_ENDPOINT"}
    assert passed_on("gs://b") == {"GOOGLE_APPLICATION_CREDENTIALS"}
    assert passed_on("azure-blob://b") == {"AZURE_BLOB_ACCOUNT_KEY"}
    assert not mine.keys() & server_environment(Workspace(ROOT), 8080, mine).keys()


def test_only_the_annotations_folder_is_served_beside_a_bucket() -> None:
    there = workspace("s3://b", "[annotations]\npath = 'labels/files'")
    assert document_root(there) == ROOT / "labels"
