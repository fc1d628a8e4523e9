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
loading.read_flags_as_json()
from label_studio_sdk.converter import utils
from ldclient.impl.integrations.files import file_data_source
before = "nltk.metrics" in sys.modules
tokens = utils.create_tokens_and_tags("Good, isn't it...? A  dog.", [])
import nltk
print(json.dumps({
    "before": before,
    "tokens": tokens[0],
    "punctuation": nltk.tokenize.treebank.TreebankWordTokenizer.PUNCTUATION
    == utils.TreebankWordTokenizer.PUNCTUATION,
    "more": nltk.edit_distance("cat", "cart"),
    "yaml": file_data_source.have_yaml,
    "flags": "flags" in file_data_source._FileDataSource._parse_content(None, '{"flags": {}}'),
}))
"""


def test_a_start_loads_no_natural_language_toolkit_and_an_export_that_needs_one_gets_it() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROBE, str(LAUNCHER)], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "before": False,
        "tokens": ["Good", ",", "is", "n't", "it", "...", "?", "A", "dog", "."],
        "punctuation": True,  # the SDK sets its own
        "more": 1,
        "yaml": False,
        "flags": True,
    }
