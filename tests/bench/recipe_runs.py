"""Whole recipes, all stages once: what a user waits for."""

import sys
import tempfile
import time
from pathlib import Path

from .measure import Row

sys.path.insert(0, str(Path(__file__).parent.parent))
import recipes


def mini() -> list[Row]:
    """egs/mini as it is, two models."""
    return [Row("egs/mini, all stages, once", _seconds("mini"), None, "", "s", "at most 90 s")]


def emodb(corpus_dir: str | None) -> list[Row]:
    """egs/emodb as it is, one model and seed, where there is the corpus."""
    if not corpus_dir:
        return []
    minutes = _seconds("emodb", "--corpus-dir", Path(corpus_dir).resolve()) / 60
    return [Row("egs/emodb, all stages, once", minutes, None, "", "min", "at most 8 min")]


def _seconds(name: str, *options: object) -> float:
    with tempfile.TemporaryDirectory() as folder:
        recipe = recipes.copy(name, Path(folder))
        started = time.perf_counter()
        result = recipes.run(recipe, *options)
        seconds = time.perf_counter() - started
    recipes.succeeded(result)
    return seconds
