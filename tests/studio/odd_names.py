"""A workspace on a Label Studio that labelpilot did not start, with images of difficult names."""

from __future__ import annotations

import numpy as np
from PIL import Image

from core.studio.client import StudioClient
from tests.studio.command import Ran, run
from tests.studio.stock import Stock

NAMES = (
    "ä [b] #1 %20?+&= 画.png",
    "[b]old[b] weird.png",
    "ünï cödé 画像.png",
    "100% sure?.png",
    "plus+and&=.png",
    'it\'s; "quoted".png',
    "x.y.z.png",
    *(f"plain_{number}.png" for number in range(13)),
)
CONFIG = """<View><Image name="image" value="$image"/>
<Choices name="kind" toName="image" choice="multiple">
<Choice value="[red]"/><Choice value="blue"/></Choices></View>"""
HOOKS = """
import json
from pathlib import Path

TAGS = sorted(path.stem for path in Path("my images").glob("*.png"))
LABELED = sorted(json.loads(Path("out/data set.json").read_text()))

def get_embeddings():
    return {tag: [1.0, float(number), float(number % 3)] for number, tag in enumerate(TAGS)}

def get_loss_trainset():
    return {tag: 0.5 + number for number, tag in enumerate(LABELED)}

def get_tags_labeled():
    return LABELED
"""


class OddNames:
    """A workspace below the stock server's document root, and what its commands answered."""

    def __init__(self, stock: Stock, kind: str, token: str) -> None:
        self.token = token
        self.root = stock.root / f"{kind} wörkspace"
        images = self.root / "my images"
        images.mkdir(parents=True)
        for number, name in enumerate(NAMES):
            pixels = np.random.default_rng(number).integers(0, 255, (16, 16), dtype=np.uint8)
            Image.fromarray(pixels).save(images / name)
        (images / "notes.txt").write_text("no image")
        (self.root / "config.xml").write_text(CONFIG)
        (self.root / "hooks.py").write_text(HOOKS)
        (self.root / "labelpilot.toml").write_text(
            f'[studio]\nurl = "{stock.url}"\n[images]\npath = "my images"\npattern = ".*png"\n'
            f'[project]\ntitle = "Odd [{kind}]"\nlabel_config = "config.xml"\n'
            '[annotations]\npath = "annotations"\ndataset = "out/data set.json"\n'
            '[learning]\nhooks = "hooks.py"\n'
        )
        self.client = StudioClient(stock.url, token)
        self.setup = self.run("setup", "--json")

    def run(self, *arguments: str) -> Ran:
        return run(*arguments, "--workspace", str(self.root), LABEL_STUDIO_API_KEY=self.token)
