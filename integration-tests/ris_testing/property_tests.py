"""How Hypothesis runs here: no test fails for being slow; CI tries the same examples each time, people try new ones.

Imported by the settings of the tests, which every run loads first.
"""

from __future__ import annotations

import os

from hypothesis import settings

settings.register_profile("quang", deadline=None, derandomize="CI" in os.environ, print_blob=True)
settings.load_profile("quang")
