"""Images in a bucket, synced with the same promises. The bucket is moto's, on this machine."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from core.errors import ConfigurationError
from core.progress import finish
from core.studio.client import StudioClient
from core.workspace.settings import Workspace
from tests.faults import proxy as broken
from tests.faults.meanwhile import Annotator
from tests.faults.server import CONFIG, Case, FaultServer
from tests.faults.trial import until_done
from tui.backend import Backend

IMAGES = 60
SYNC = r"POST /api/storages/s3/\d+/sync"


@dataclass(frozen=True)
class Bucket:
    """A bucket, and the project that takes its images from it."""

    server: FaultServer
    s3: Any
    name: str
    project_id: int

    def put(self, *names: str) -> None:
        for name in names:
            self.s3.put_object(Bucket=self.name, Key=f"some folder/{name}", Body=b"")

    def workspace(self, url: str) -> Workspace:
        """A workspace whose image folder does not exist."""
        case = Case(self.server, self.name, Path("/nonexistent/images"), "native", self.project_id)
        return case.workspace(url)

    def images(self) -> list[str]:
        rows = self.server.select(
            "select data from task where project_id = ? order by id", self.project_id
        )
        return [str(data) for (data,) in rows]


pytestmark = pytest.mark.usefixtures("short")


@pytest.fixture
def bucket(server: FaultServer, client: StudioClient) -> Bucket:
    if not server.s3:
        pytest.skip("moto is not installed here")
    import boto3

    secrets = {"aws_access_key_id": "a key", "aws_secret_access_key": "a secret"}
    s3 = boto3.client("s3", endpoint_url=server.s3, region_name="us-east-1", **secrets)
    name = f"bucket-{next(server.numbers)}"
    s3.create_bucket(Bucket=name)
    project_id = client.create_project(f"project {name}").id
    client.update_project(project_id, {"label_config": CONFIG})
    fields = {"bucket": name, "use_blob_urls": True, "recursive_scan": True}
    client.transport.send(
        "POST", "api/storages/s3", body={"project": project_id, **fields, **secrets}
    )
    made = Bucket(server, s3, name, project_id)
    made.put(*(f"img {number:03}.png" for number in range(IMAGES)))
    return made


def test_each_image_of_the_bucket_becomes_one_task(server: FaultServer, bucket: Bucket) -> None:
    result = finish(Backend().sync(bucket.workspace(server.url)))
    assert (result.mode, result.created, result.complete) == ("native", IMAGES, True)
    assert len(set(bucket.images())) == len(bucket.images()) == IMAGES


def test_a_second_sync_makes_only_what_is_new(server: FaultServer, bucket: Bucket) -> None:
    finish(Backend().sync(bucket.workspace(server.url)))
    bucket.put("new.png")
    again = finish(Backend().sync(bucket.workspace(server.url)))
    assert (again.existing, again.created, again.duplicates) == (IMAGES, 1, 0)


def test_bulk_import_is_refused(server: FaultServer, bucket: Bucket) -> None:
    with pytest.raises(ConfigurationError, match="native mode"):
        finish(Backend().sync(bucket.workspace(server.url), "bulk"))
    assert bucket.images() == []


def test_images_of_the_bucket_that_were_imported_are_not_doubled(
    server: FaultServer, client: StudioClient, bucket: Bucket
) -> None:
    url = f"s3://{bucket.name}/some folder/img 000.png"
    client.import_tasks(bucket.project_id, [{"image": url}], 60)
    with pytest.raises(ConfigurationError, match="1 images of the cloud storage were imported"):
        finish(Backend().sync(bucket.workspace(server.url)))
    assert len(bucket.images()) == 1


@pytest.mark.parametrize("act", [broken.drop_after, broken.gateway_timeout])
def test_a_broken_connection_loses_and_doubles_nothing(
    server: FaultServer, bucket: Bucket, act: Any
) -> None:
    with broken.before(server.url) as proxy:
        proxy.faults.append(broken.Fault(SYNC, act))
        until_done(bucket.workspace(proxy.url), "native")
    assert len(set(bucket.images())) == len(bucket.images()) == IMAGES


def test_annotations_during_the_sync_survive(server: FaultServer, bucket: Bucket) -> None:
    case = Case(server, bucket.name, Path("/nonexistent"), "native", bucket.project_id)
    with Annotator(case) as annotator:
        until_done(bucket.workspace(server.url), "native")
    assert annotator.submitted
    assert len(set(bucket.images())) == len(bucket.images()) == IMAGES
    kept = server.select(
        "select c.id from task_completion c join task t on c.task_id = t.id where t.project_id = ?",
        bucket.project_id,
    )
    assert set(annotator.submitted) <= {number for (number,) in kept}


def test_a_missing_folder_is_still_an_error_without_a_cloud_storage(
    server: FaultServer, bucket: Bucket, client: StudioClient
) -> None:
    project = client.create_project("without storages")
    workspace = bucket.workspace(server.url)
    workspace = replace(workspace, project=replace(workspace.project, id=project.id))
    with pytest.raises(ConfigurationError, match="does not exist"):
        finish(Backend().sync(workspace))
