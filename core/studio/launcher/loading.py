"""What a start of Label Studio's takes and need not.

Two fifths of its processor time, and a quarter of its memory; of a first start, which migrates the
database, a quarter of the time.
"""

from __future__ import annotations

import gc
import importlib
import importlib.util
import sys
import threading
from types import ModuleType

from .patches import Closed, patch

SLOWER = "Label Studio takes longer to start."
TOKENIZER = "nltk.tokenize.treebank"


@patch("language-later", SLOWER, early=True)
def load_language_later() -> None:
    """Load NLTK, and SciPy with it, when something asks it for more than the name of a tokenizer.

    The SDK's converter imports that tokenizer for exports of texts with their tokens.
    """
    if importlib.util.find_spec("nltk") is None or "nltk" in sys.modules:
        raise Closed("NLTK is not there, or loaded already")
    parts = TOKENIZER.split(".")
    names = [".".join(parts[: end + 1]) for end in range(len(parts))]
    stand_ins = {name: ModuleType(name) for name in names}
    lock = threading.Lock()

    def real(name: str) -> ModuleType:
        with lock:
            for one, module in stand_ins.items():
                if sys.modules.get(one) is module:
                    del sys.modules[one]
            return importlib.import_module(name)

    class TreebankWordTokenizer:
        """NLTK's, as soon as one is made, with what was changed of the class before."""

        def __new__(cls, *arguments, **named):
            kind = real(TOKENIZER).TreebankWordTokenizer
            for name, value in vars(cls).items():
                if not name.startswith("__"):
                    setattr(kind, name, value)
            return kind(*arguments, **named)

    for name, module in stand_ins.items():

        def attribute(wanted, name=name):
            if wanted.startswith("__"):
                raise AttributeError(wanted)
            return getattr(real(name), wanted)

        module.__path__ = []
        module.__getattr__ = attribute  # type: ignore[method-assign]
        sys.modules[name] = module
    stand_ins[TOKENIZER].TreebankWordTokenizer = TreebankWordTokenizer  # type: ignore[attr-defined]


@patch("flags-as-json", SLOWER, early=True)
def read_flags_as_json() -> None:
    """Read Label Studio's file of feature flags, which is JSON, as JSON, and not as YAML."""
    from ldclient.impl.integrations.files import file_data_source

    found = importlib.util.find_spec("label_studio")
    folders = (found and found.submodule_search_locations) or [""]
    with open(f"{folders[0]}/feature_flags.json", encoding="utf-8") as file:
        if not file.read(1) == "{" or not file_data_source.have_yaml:
            raise Closed("the feature flags are read otherwise")
    file_data_source.have_yaml = False


@patch("collect-less", SLOWER, early=True, any_version=True)
def collect_less() -> None:
    """Look for garbage in cycles less often: a first start makes each model hundreds of times."""
    gc.set_threshold(50_000, 20, 50)
