"""``pytest -p ris_testing.frozen_modules``: the garbage collector does not look through what stays until the end.

That is everything imported and collected; looking through it again and again took a fifth of the unit tests' time.
"""

from __future__ import annotations

import gc


def pytest_collection_finish() -> None:
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
