"""The report of a recipe, from the scores and logs under ``exp``: ``RESULTS.md`` and ``exp/report/``."""

from mtlaug.report.document import write

__all__ = ["write"]
