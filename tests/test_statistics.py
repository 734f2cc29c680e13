"""The interval and the paired test of mtlaug.statistics at their edges."""

import numpy as np
import pytest

from mtlaug.statistics import bootstrap_interval, swap_test, uar


def test_a_class_without_utterances_changes_nothing():
    a, b = np.random.default_rng(0).binomial(10, 0.7, size=(2, 8, 3))
    tables = (a, b, np.full((8, 3), 10))
    wider = [np.pad(table, ((0, 0), (0, 1))) for table in tables]
    assert swap_test(*wider) == swap_test(*tables)
    assert bootstrap_interval(uar, [wider[0]], wider[2]) == bootstrap_interval(uar, [a], tables[2]) is not None


@pytest.mark.parametrize(("speakers", "expected"), [(12, (2 / 4096, 4096, True)), (30, (1 / 10_001, 10_000, False))])
def test_a_system_that_is_better_on_every_speaker_has_the_smallest_p_there_is(speakers, expected):
    """All swaps of twelve speakers are tried; no random one of thirty is as large, yet p is not zero."""
    totals = np.full((speakers, 2), 10)
    assert swap_test(totals, 0 * totals, totals) == expected
