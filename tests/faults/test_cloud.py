"""Images in a bucket, synced with the same promises. The bucket is moto's, on this machine."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from core.errors import ConfigurationError
from core.learning.rounds.options import RoundOptions
from core.progress import finish
from core.studio.client import StudioClient
from core.workspace.settings import Workspace, load_workspace
from tests.faults import proxy as broken
from tests.faults.meanwhile import Annotator
from tests.faults.server import CAT, CONFIG, SECRETS, Case, FaultServer
from tests.faults.trial import until_done
from tui.backend import Backend

IMAGES = 24
# Where the sync must take its time.
MORE = 60
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

    secrets = {name.lower(): value for name, value in SECRETS.items()}
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


def test_each_image_of_the_bucket_becomes_one_task_and_a_second_sync_makes_only_what_is_new(
    server: FaultServer, bucket: Bucket
) -> None:
    result = finish(Backend().sync(bucket.workspace(server.url)))
    assert (result.mode, result.created, result.complete) == ("native", IMAGES, True)
    assert len(set(bucket.images())) == len(bucket.images()) == IMAGES
    bucket.put("new.png")
    again = finish(Backend().sync(bucket.workspace(server.url)))
    assert (again.existing, again.created, again.duplicates) == (IMAGES, 1, 0)
    with broken.before(server.url) as proxy:
        third = finish(Backend().sync(bucket.workspace(proxy.url)))
        listed = [line for line in proxy.seen if "storage_filename" in line]
    assert (third.existing, third.created, third.duplicates) == (IMAGES + 1, 0, 0)
    assert not listed


def test_bulk_import_is_refused(server: FaultServer, bucket: Bucket) -> None:
    with pytest.raises(ConfigurationError, match="native mode"):
        finish(Backend().sync(bucket.workspace(server.url), "bulk"))
    assert bucket.images() == []


def test_images_of_the_bucket_that_were_imported_are_not_doubled(
    server: FaultServer, client: StudioClient, bucket: Bucket
) -> None:
    url = f"s3://{bucket.name}/some folder/img 000.png"
    client.import_tasks(bucket.project_id, [{"image": url}], 60)
    with pytest.raises(ConfigurationError, match="made tasks of 1 image in the cloud"):
        finish(Backend().sync(bucket.workspace(server.url)))
    assert len(bucket.images()) == 1


@pytest.mark.parametrize(
    "act", [broken.drop_after, pytest.param(broken.gateway_timeout, marks=pytest.mark.long)]
)
def test_a_broken_connection_loses_and_doubles_nothing(
    server: FaultServer, bucket: Bucket, act: Any
) -> None:
    with broken.before(server.url) as proxy:
        proxy.faults.append(broken.Fault(SYNC, act))
        until_done(bucket.workspace(proxy.url), "native")
    assert len(set(bucket.images())) == len(bucket.images()) == IMAGES


@pytest.mark.long  # test_faults has it for local files
def test_annotations_during_the_sync_survive(server: FaultServer, bucket: Bucket) -> None:
    case = Case(server, bucket.name, Path("/nonexistent"), "native", bucket.project_id)
    bucket.put(*(f"more {number}.png" for number in range(MORE)))
    with Annotator(case) as annotator:
        until_done(bucket.workspace(server.url), "native")
    assert annotator.submitted
    assert len(set(bucket.images())) == len(bucket.images()) == IMAGES + MORE
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


HOOKS = f"""
def get_embeddings():
    return {{f"img {{n:03}}": [1, n] for n in range({IMAGES})}}

def get_loss_trainset():
    return {{f"img {{n:03}}": n + 1 for n in range(5)}}
"""


@pytest.fixture
def named(server: FaultServer, bucket: Bucket, client: StudioClient) -> Workspace:
    """A workspace that names the bucket and has no image folder, and nothing made for it yet."""
    client.transport.send("DELETE", f"api/projects/{bucket.project_id}/")
    root = server.root / "workspaces" / bucket.name
    (root / "labeling").mkdir(parents=True)
    (root / "labeling/project_config.xml").write_text(CONFIG)
    (root / "labeling/active_learning.py").write_text(HOOKS)
    (root / "labelpilot.toml").write_text(
        f'[studio]\nurl = "{server.url}"\n[images]\nurl = "s3://{bucket.name}/some folder"\n'
        f'[annotations]\npath = "{server.root}/data/labels {bucket.name}"\n'
        f'[project]\ntitle = "named {bucket.name}"\n'
    )
    return load_workspace(root)


def test_images_in_a_bucket_go_the_whole_way_without_a_folder_or_a_credential_of_ours(
    server: FaultServer, client: StudioClient, bucket: Bucket, named: Workspace
) -> None:
    backend = Backend()
    result = finish(backend.set_up(named))
    assert {step.id: step.state for step in result.steps if step.state != "done"} == {}
    assert result.project_id is not None
    tasks = {task.image: task.id for task in client.tasks(result.project_id, "image")}
    assert len(tasks) == client.task_count(result.project_id) == IMAGES
    (storage,) = client.source_storages(result.project_id)
    assert (storage.type, storage.path, storage.prefix) == ("s3", bucket.name, "some folder")

    bucket.put("new.png")
    again = finish(backend.sync(named))
    assert (again.existing, again.created, again.duplicates, again.complete) == (IMAGES, 1, 0, True)

    for number in range(5):
        client.annotate(tasks[f"s3://{bucket.name}/some folder/img {number:03}.png"], CAT)
    exported = finish(backend.export(named))
    assert (exported.images, exported.path) == (5, named.annotations.dataset)
    labels = orjson.loads(named.annotations.dataset.read_bytes())
    assert labels == {f"img {number:03}": ["cat"] for number in range(5)}

    _, done = finish(backend.run_round(named, RoundOptions("from a bucket")))
    assert done.scored
    assert {one.task for one in client.predictions(result.project_id, "from a bucket")}

    report = finish(backend.report(named))
    assert report.images == 5
    assert finish(backend.plan_repair(named)).doubled == 0
    with pytest.raises(ConfigurationError, match="where only Label Studio can look"):
        finish(backend.plan_tidy(named))
    found = {finding.name: finding for finding in backend.examine(named.root)}
    assert found["images"].detail == f"in {named.images.url}, where only Label Studio looks"
    assert [one for one in found.values() if one.name.startswith("set-up") and one.fix] == []


def test_a_bucket_that_label_studio_cannot_look_into_is_said_with_what_to_do(
    named: Workspace,
) -> None:
    elsewhere = replace(named, images=replace(named.images, url="s3://no-such-bucket/a"))
    with pytest.raises(ConfigurationError, match="cannot look into s3://no-such-bucket/a") as said:
        finish(Backend().set_up(elsewhere))
    assert "AWS_ACCESS_KEY_ID" in said.value.next_step
    assert "Cloud Storage" in said.value.next_step
