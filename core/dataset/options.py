"""What an export and a report can be asked for: the names and their words.

The one place that knows them: the command line's options, the app's screens and the checks are made
from here. It computes nothing, so it imports neither numpy nor anything that speaks to a server.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from core.workspace.settings import Rule as Rule

Origin = Literal["storage", "api"]
FormatName = Literal["json", "csv", "parquet", "coco", "yolo", "huggingface"]

# What counts where an image has several annotations.
RULES: Mapping[Rule, str] = {
    "latest": "the annotation changed last wins",
    "ground-truth": "the annotation marked as ground truth wins, else the one changed last",
    "union": "a class counts when any annotation has it",
    "majority": "a class counts when more than half of the annotations have it",
    "refuse": "annotations that differ stop the export, unless one is marked as ground truth",
}
# Those by which a ground truth settles what annotations differ in.
SETTLING: tuple[Rule, ...] = ("ground-truth", "refuse")
# Where annotations come from.
ORIGINS: Mapping[Origin, str] = {
    "storage": "the target storage's folder",
    "api": "Label Studio itself",
}
FORMATS: Mapping[FormatName, str] = {
    "json": "one object, tag to classes",
    "csv": "a row for each image, a column for each class",
    "parquet": "a row for each image, its classes as a list",
    "coco": "boxes, outlines, masks and points, with the classes of whole images",
    "yolo": "a folder to train on, with boxes or outlines",
    "huggingface": "the metadata.jsonl of a folder of images",
}
# A report's file, by how its name ends.
REPORT_FILES: Mapping[str, str] = {
    ".html": "a page that opens by itself",
    ".json": "everything that was found",
    ".txt": "what the terminal shows",
}
