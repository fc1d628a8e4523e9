"""What holds for all tests: none of them touches the user's own keyring.

The tests of the keyring start one of their own, in a session of its own.
"""

from __future__ import annotations

import os

os.environ["PYTHON_KEYRING_BACKEND"] = "keyring.backends.fail.Keyring"
