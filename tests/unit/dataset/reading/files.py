"""A labeling config, and what a file of annotations is read as with it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from core.dataset.reading.batch import Columns, rows_of
from core.dataset.reading.records import Interpreter, Record
from core.dataset.reading.regions import RegionBook
from core.labeling_config import parse_labeling_config

IMAGES = Path("/srv/data/ds")
CONFIG = parse_labeling_config("""<View><Image name="image" value="$image"/>
<Choices name="kind" toName="image" choice="multiple">
<Choice value="1"/><Choice value="cat"/><Choice value="true"/><Choice value="2.5"/></Choices>
<Taxonomy name="tree" toName="image"><Choice value="A"><Choice value="B"/></Choice></Taxonomy>
<Rating name="stars" toName="image"/>
<Pairwise name="pair" toName="image"/>
<RectangleLabels name="box" toName="image"><Label value="car"/></RectangleLabels>
<PolygonLabels name="poly" toName="image"><Label value="road"/></PolygonLabels></View>""")


def read(content: Any) -> tuple[list[Record], list[str]]:
    """The records of a file with this content, and the reasons of what was left out."""
    encoded = content if isinstance(content, bytes) else json.dumps(content).encode()
    found = []
    for regions in (None, RegionBook()):
        rows, left = rows_of("7", encoded, Interpreter(CONFIG, IMAGES), regions)
        found.append((list(Columns.of(rows)), [one.reason for one in left]))
    assert found[0] == found[1]
    return found[0]
