"""What a start of Label Studio's leaves out works all the same once it is asked for."""

from __future__ import annotations

import json
import subprocess
import sys

from core.studio.process import LAUNCHER

PROBE = """
import importlib.util, json, sys
spec = importlib.util.spec_from_file_location(
    "launcher", sys.argv[1] + "/__init__.py", submodule_search_locations=[sys.argv[1]])
sys.modules["launcher"] = importlib.util.module_from_spec(spec)
loading = importlib.import_module("launcher.loading")
loading.load_language_later()
loading.load_made_up_values_later()
loading.load_browsers_later()
loading.load_tables_later()
loading.read_flags_as_json()
from django.conf import settings
settings.configure()
import pandas, django_user_agents.utils
from label_studio_sdk.converter import utils
from label_studio_sdk.converter.exports import csv
from label_studio_sdk.label_interface import LabelInterface
from ldclient.impl.integrations.files import file_data_source
heavy = ["nltk.metrics", "faker", "ua_parser", "pandas.core"]
before = [name for name in heavy if name in sys.modules]
found = importlib.util.find_spec("pandas") is not None
import pandas.api.types as types
within = [types is sys.modules["pandas"].api.types, types.is_list_like([1])]
again = sys.modules["pandas"].api.types.__spec__.name
tokens = utils.create_tokens_and_tags("Good, isn't it...? A  dog.", [])
import nltk
config = ('<View><Image name="i" value="$i"/><Choices name="c" toName="i">'
          '<Choice value="cat"/></Choices></View>')
made_up = LabelInterface(config).generate_sample_prediction()
edge = "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/120.0 Safari/537.36 Edg/120.0"
frame = pandas.DataFrame.from_records([{"a": 1}])
print(json.dumps({
    "before": before,
    "tokens": tokens[0],
    "punctuation": nltk.tokenize.treebank.TreebankWordTokenizer.PUNCTUATION
    == utils.TreebankWordTokenizer.PUNCTUATION,
    "more": nltk.edit_distance("cat", "cart"),
    "made up": made_up["result"][0]["value"],
    "browser": django_user_agents.utils.parse(edge).browser.family,
    "table": [frame.to_csv(index=False), csv.pd.DataFrame(frame).shape, csv.pd.isna(None)],
    "after": [name for name in heavy if name in sys.modules],
    "within": [found, *within, again],
    "yaml": file_data_source.have_yaml,
    "flags": "flags" in file_data_source._FileDataSource._parse_content(None, '{"flags": {}}'),
}))
"""


def test_a_start_leaves_out_what_is_heavy_and_what_needs_it_gets_it() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROBE, str(LAUNCHER)], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "before": [],
        "tokens": ["Good", ",", "is", "n't", "it", "...", "?", "A", "dog", "."],
        "punctuation": True,  # the SDK sets its own
        "more": 1,
        "made up": {"choices": ["cat"]},
        "browser": "Edge",
        "table": ["a\n1\n", [1, 1], True],
        "after": ["nltk.metrics", "faker", "ua_parser", "pandas.core"],
        "within": [True, True, True, "pandas.api.types"],
        "yaml": False,
        "flags": True,
    }
