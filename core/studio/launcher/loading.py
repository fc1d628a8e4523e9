"""What a start of Label Studio's takes and need not.

Half of its processor time, and two fifths of its memory; of a first start, which migrates the
database, a quarter of the time.
"""

from __future__ import annotations

import gc
import importlib
import importlib.util
import sys
import threading
from importlib.abc import Loader
from importlib.machinery import ModuleSpec
from types import ModuleType

from .patches import Closed, patch

SLOWER = "Label Studio takes longer to start."


@patch("language-later", SLOWER, early=True)
def load_language_later() -> None:
    """Load NLTK, and SciPy with it, when something asks it for more than the name of a tokenizer.

    The SDK's converter imports that tokenizer for exports of texts with their tokens.
    """
    _load_later("nltk.tokenize.treebank", "TreebankWordTokenizer")


@patch("made-up-values-later", SLOWER, early=True)
def load_made_up_values_later() -> None:
    """Load JSF, and the made-up names of all languages with it, when values are to be made up.

    The SDK does that for predictions that are samples.
    """
    _load_later("jsf", "JSF")


@patch("browsers-later", SLOWER, early=True)
def load_browsers_later() -> None:
    """Load the patterns of all browsers when a page asks which one it is shown in."""
    _load_later("user_agents", "parse")


@patch("tables-later", SLOWER, early=True)
def load_tables_later() -> None:
    """Load pandas when a table is read or written.

    Its DataFrame stands in annotations, and data are imported and exported by it.
    """
    _load_later("pandas", "DataFrame")


def _load_later(module: str, name: str) -> None:
    """Have a stand-in for `module`, of which others take `name`, a class or function, at once.

    The module is loaded when that is used, another of its names is asked for, or what lies in it is
    imported.
    """
    parts = module.split(".")
    spec = importlib.util.find_spec(parts[0])
    if spec is None or parts[0] in sys.modules:
        raise Closed(f"{parts[0]} is not there, or loaded already")
    names = [".".join(parts[: end + 1]) for end in range(len(parts))]
    stand_ins = {name: ModuleType(name) for name in names}
    lock = threading.Lock()

    def real(asked: str) -> ModuleType:
        with lock:
            for one, stand_in in stand_ins.items():
                if sys.modules.get(one) is stand_in:
                    del sys.modules[one]
        # Python's own locks have each module loaded once.
        return importlib.import_module(asked)

    class Kind(type):
        def __getattr__(cls, wanted):
            if wanted.startswith("__"):
                raise AttributeError(wanted)
            return getattr(getattr(real(module), name), wanted)

    class Later(metaclass=Kind):
        """What `name` is, as soon as it is called, with what was changed of it before."""

        def __new__(cls, *arguments, **named):
            called = getattr(real(module), name)
            for changed, value in vars(cls).items():
                if not changed.startswith("__"):
                    setattr(called, changed, value)
            return called(*arguments, **named)

    for one, stand_in in stand_ins.items():

        def attribute(wanted, one=one):
            if wanted.startswith("__") and wanted != "__version__":
                raise AttributeError(wanted)
            return getattr(real(one), wanted)

        stand_in.__path__ = []
        stand_in.__getattr__ = attribute  # type: ignore[method-assign]
        sys.modules[one] = stand_in
    # Whoever asks whether it is installed finds that it is.
    stand_ins[parts[0]].__spec__ = spec
    setattr(stand_ins[module], name, Later)
    sys.meta_path.insert(0, _Within(stand_ins, real))


class _Within:
    """Has a module loaded in place of its stand-in before one that lies in it is."""

    def __init__(self, stand_ins, real):
        self._stand_ins = stand_ins
        self._real = real

    def find_spec(self, name, path=None, target=None):
        parent = name.rpartition(".")[0]
        if parent not in self._stand_ins or sys.modules.get(parent) is not self._stand_ins[parent]:
            return None
        self._real(parent)
        loaded = sys.modules.get(name)
        if loaded is None:
            return importlib.util.find_spec(name)
        # Loaded with it: not once more.
        return ModuleSpec(name, _Loaded(loaded))


class _Loaded(Loader):
    """Gives a module that is there."""

    def __init__(self, module):
        self._module, self._spec = module, module.__spec__

    def create_module(self, spec):
        return self._module

    def exec_module(self, module):
        module.__spec__ = self._spec


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
