"""200 annotations of every control: the folder, the API and Label Studio's own export agree."""

from __future__ import annotations

import contextlib
import json
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from core.studio.client import StudioClient
from tests.studio.command import Ran, run
from tests.studio.stock import Stock

IMAGES = 200
SUBMITTED = 8
CONFIG = """<View>
<Image name="image" value="$image"/>
<Choices name="single" toName="image"><Choice value="dog"/><Choice value="cat"/></Choices>
<Choices name="multi" toName="image" choice="multiple">
<Choice value="indoor"/><Choice value="night" alias="N"/><Choice value="50% é"/></Choices>
<Taxonomy name="tax" toName="image"><Choice value="Animal"><Choice value="Cat"/></Choice>
<Choice value="Plant"/></Taxonomy>
<Rating name="stars" toName="image" maxRating="5"/>
<RectangleLabels name="box" toName="image">
<Label value="car"/><Label value="bus"/></RectangleLabels>
<PolygonLabels name="poly" toName="image"><Label value="road"/></PolygonLabels>
<BrushLabels name="brush" toName="image"><Label value="sky"/></BrushLabels>
<KeyPointLabels name="kp" toName="image"><Label value="nose"/></KeyPointLabels>
<EllipseLabels name="ell" toName="image"><Label value="wheel"/></EllipseLabels>
<Choices name="colour" toName="image" perRegion="true"><Choice value="red"/></Choices>
<Pairwise name="better" toName="image,image"/>
</View>"""
SIZE = {"original_width": 200, "original_height": 100, "image_rotation": 0}
BOX = {"x": 10, "y": 20, "width": 30, "height": 40, "rotation": 0}
# Control -> (type, what a value may be, the class it stands for).
ANSWERS: dict[str, tuple[str, list[tuple[dict[str, Any], list[str]]]]] = {
    "single": ("choices", [({"choices": ["cat"]}, ["cat"]), ({"choices": ["dog"]}, ["dog"])]),
    "multi": (
        "choices",
        [({"choices": ["N", "indoor"]}, ["indoor", "N"]), ({"choices": ["50% é"]}, ["50% é"])],
    ),
    "tax": (
        "taxonomy",
        [({"taxonomy": [["Animal", "Cat"], ["Plant"]]}, ["Animal/Cat", "Plant"])],
    ),
    "stars": ("rating", [({"rating": 4}, ["4"])]),
    "box": ("rectanglelabels", [({**BOX, "rectanglelabels": ["bus"]}, ["bus"])]),
    "poly": (
        "polygonlabels",
        [({"points": [[1, 1], [9, 1], [9, 9]], "polygonlabels": ["road"]}, ["road"])],
    ),
    "brush": ("brushlabels", [({"format": "rle", "rle": [0, 1], "brushlabels": ["sky"]}, ["sky"])]),
    "kp": (
        "keypointlabels",
        [({"x": 1, "y": 2, "width": 1, "keypointlabels": ["nose"]}, ["nose"])],
    ),
    "ell": (
        "ellipselabels",
        [({"x": 5, "y": 5, "radiusX": 1, "radiusY": 2, "ellipselabels": ["wheel"]}, ["wheel"])],
    ),
    "better": ("pairwise", [({"selected": "left"}, ["left"])]),
}
# What older versions and scripts wrote, and Label Studio takes to this day: the image's URL, the
# results, and the classes.
KIND = {"id": "r", "from_name": "multi", "to_name": "image", "type": "choices"}
PATH = "agreement/images"
ODD: dict[str, tuple[str, list[dict[str, Any]], set[str]]] = {
    "number": (
        f"/data/local-files?d={PATH}/number.png",
        [{**KIND, "value": {"choices": [7]}}],
        {"7"},
    ),
    "text": (
        "/data/local-files/?d=agreement%5Cimages%5Ctext.png",
        [{**KIND, "value": {"choices": "indoor"}}],
        {"indoor"},
    ),
    "null": (
        f"data/local-files/?d={PATH}/null.png",
        [{**KIND, "value": {"choices": [None]}}],
        set(),
    ),
    "photo 1": ("upload/1/2bd44c48-photo_1.png", [{**KIND, "value": {"choices": ["N"]}}], {"N"}),
    "type": (
        f"http://ls.example/data/local-files/?d={PATH}/type.png",
        [{**KIND, "type": "Choices", "value": {"choices": ["N"]}}],
        {"N"},
    ),
    "flat": (
        f"/data/local-files/?d={PATH}/flat.png",
        [{**KIND, "type": "taxonomy", "from_name": "tax", "value": {"taxonomy": [["Fish/Cat"]]}}],
        {"Fish/Cat"},
    ),
    "nested": (
        f"/data/local-files/?d={PATH}/nested.png",
        [
            {
                **KIND,
                "type": "taxonomy",
                "from_name": "tax",
                "value": {"taxonomy": [["Fish", "Cat"]]},
            }
        ],
        {"Fish > Cat"},
    ),
}
Answers = dict[str, set[str]]


def an_answer(chosen: random.Random) -> tuple[list[dict[str, Any]], set[str]]:
    """The results of one annotation, and the classes they give the image."""
    results, classes = [], set[str]()
    for control in chosen.sample(list(ANSWERS), chosen.randrange(5)):
        kind, values = ANSWERS[control]
        value, names = chosen.choice(values)
        common = {"id": f"{control}1", "from_name": control, "to_name": "image"}
        place = SIZE if kind.endswith("labels") else {}
        results.append({**common, **place, "type": kind, "value": value})
        classes.update(names)
        if control == "box":
            colour = {**common, **SIZE, "from_name": "colour", "type": "choices"}
            results.append({**colour, "value": {**BOX, "choices": ["red"]}})
    return results, classes


def from_their_export(url: str, token: str, project: int) -> Answers:
    """Image -> classes, by Label Studio's JSON export, read by a few lines that are not ours."""
    headers = {"Authorization": f"Token {token}"}
    query = {"exportType": "JSON"}
    answer = httpx.get(
        f"{url}/api/projects/{project}/export", params=query, headers=headers, timeout=300
    )
    found: dict[str, set[str]] = {}
    for task in answer.raise_for_status().json():
        if task["data"]["image"] in [url for url, _, _ in ODD.values()]:
            continue
        classes: set[str] = set()
        for result in task["annotations"][-1]["result"]:
            value = result["value"]
            if result["type"] == "choices" and "x" in value:
                continue
            if result["type"] == "rating":
                classes.add(str(value["rating"]))
            elif result["type"] == "pairwise":
                classes.add(value["selected"])
            elif result["type"] == "taxonomy":
                classes.update("/".join(path) for path in value["taxonomy"])
            else:
                classes.update(value[result["type"]])
        found[Path(task["data"]["image"]).stem] = classes
    return found


@dataclass(frozen=True)
class Labeled:
    """A workspace whose images are all labeled; `expected` is what was answered, tag -> classes."""

    stock: Stock
    folder: Path
    project: int
    expected: Answers

    def export(self, *options: str) -> Ran:
        arguments = ["export", "--json", "--workspace", str(self.folder), *options]
        return run(*arguments, LABEL_STUDIO_API_KEY=self.stock.legacy_token)

    def dataset(self) -> dict[str, list[str]]:
        content: dict[str, list[str]] = json.loads((self.folder / "dataset.json").read_text())
        return content

    def facts(self) -> dict[str, Any]:
        """What stands beside the dataset."""
        facts: dict[str, Any] = json.loads((self.folder / "dataset.meta.json").read_text())
        return facts

    def files(self) -> list[Path]:
        return sorted((self.folder / "annotations").iterdir())


@pytest.fixture(scope="module")
def labeled(stock: Stock) -> Labeled:
    """All answers given through the API, and the folder that Label Studio wrote of them.

    Some are submitted one by one, as a labeler does, and written as they come. The others come with
    their tasks, which is much quicker, and are written by a sync of the target storage.
    """
    folder = stock.root / "agreement"
    (folder / "annotations").mkdir(parents=True)
    (folder / "images").mkdir()
    (folder / "config.xml").write_text(CONFIG)
    (folder / "labelpilot.toml").write_text(
        f'[studio]\nurl = "{stock.url}"\n[images]\npath = "images"\n'
        '[project]\ntitle = "Agreement"\nlabel_config = "config.xml"\n'
        '[annotations]\npath = "annotations"\ndataset = "dataset.json"\n'
    )
    chosen, expected, rows = random.Random(0), dict[str, set[str]](), list[Any]()
    for number in range(IMAGES - len(ODD)):
        result, expected[f"img_{number}"] = an_answer(chosen)
        url = f"/data/local-files/?d={PATH}/img_{number}.png"
        rows.append({"data": {"image": url}, "annotations": [{"result": result}]})
    for url, result, _ in ODD.values():
        rows.append({"data": {"image": url}, "annotations": [{"result": result}]})
    expected |= {tag: classes for tag, (_, _, classes) in ODD.items()}
    for tag in expected:
        (folder / "images" / f"{tag}.png").touch()
    headers = {"Authorization": f"Token {stock.legacy_token}"}
    with (
        contextlib.closing(StudioClient(stock.url, stock.legacy_token)) as client,
        httpx.Client(base_url=f"{stock.url}/api/", headers=headers, timeout=300) as http,
    ):
        project = client.create_project("Agreement").id
        client.update_project(project, {"label_config": CONFIG})
        storage = client.create_target_storage(project, "out", str(folder / "annotations"))
        http.post(f"projects/{project}/import", json=rows[SUBMITTED:]).raise_for_status()
        client.sync_storage(storage)
        for row in rows[:SUBMITTED]:
            task = {"data": row["data"], "project": project}
            number = http.post("tasks/", json=task).raise_for_status().json()["id"]
            answer = row["annotations"][0]
            http.post(f"tasks/{number}/annotations/", json=answer).raise_for_status()
    return Labeled(stock, folder, project, expected)


def test_the_folder_the_api_and_their_export_agree_image_by_image(labeled: Labeled) -> None:
    assert len(labeled.files()) == IMAGES
    assert labeled.export("--from", "storage").code == 0
    from_folder = labeled.dataset()
    assert labeled.export("--from", "api").code == 0
    from_api = labeled.dataset()
    assert from_folder == from_api
    as_sets = {tag: set(classes) for tag, classes in from_folder.items()}
    stock = labeled.stock
    assert as_sets == labeled.expected
    plain = {tag: classes for tag, classes in as_sets.items() if tag not in ODD}
    assert plain == from_their_export(stock.url, stock.legacy_token, labeled.project)


def test_what_the_folder_lacks_is_told_and_comes_back_when_it_is_written_anew(
    labeled: Labeled,
) -> None:
    assert labeled.export().code == 0
    whole = labeled.dataset()
    for file in labeled.files()[:40]:
        file.unlink()
    lacking = labeled.export()
    assert (lacking.code, labeled.facts()["missing"]) == (4, 40)
    assert "40 annotations that annotations has not" in lacking.err
    assert "labelpilot export --rewrite" in lacking.err
    assert len(labeled.dataset()) == IMAGES - 40
    for file in labeled.files():
        file.unlink()
    lost = labeled.export()
    assert lost.code == 1
    assert "labelpilot export --rewrite" in lost.err
    assert len(labeled.dataset()) == IMAGES - 40
    mended = labeled.export("--rewrite")
    assert (mended.code, labeled.facts()["missing"]) == (0, 0), mended.err
    assert labeled.dataset() == whole


def test_a_file_whose_annotation_was_deleted_is_left_out_and_told(labeled: Labeled) -> None:
    assert labeled.export().code == 0
    whole = labeled.dataset()
    file = labeled.files()[0]
    content = json.loads(file.read_text())
    headers = {"Authorization": f"Token {labeled.stock.legacy_token}"}
    url = f"{labeled.stock.url}/api/annotations/{content['id']}/"
    httpx.delete(url, headers=headers, timeout=60).raise_for_status()
    assert file.exists()
    done = labeled.export()
    assert done.code == 0
    assert (labeled.facts()["deleted"], labeled.facts()["missing"]) == (1, 0)
    assert "gone from Label Studio: 1 annotation in annotations." in done.err
    del whole[Path(content["task"]["data"]["image"]).stem]
    assert labeled.dataset() == whole


def test_only_a_folder_can_be_written_anew(labeled: Labeled) -> None:
    assert labeled.export("--rewrite", "--from", "api").code == 2
