"""The cuts of a data directory: read from its tables, and shared out between jobs."""

import itertools
from collections import Counter
from pathlib import Path

import pytest
from corpus import write_data_dir

from mtlaug.audio.cuts import part, read_cuts


def test_a_command_is_run_once_for_the_segments_of_its_recording(tmp_path, make_wav):
    path, count = make_wav(tmp_path / "a.wav", 0.9), tmp_path / "count"
    data_dir = write_data_dir(tmp_path / "data", {"rec": f"echo >>'{count}' && cat '{path}' |"})
    Path(data_dir, "segments").write_text("s1-1 rec 0 0.3\ns1-2 rec 0.3 0.6\ns1-3 rec 0.6 0.9\n")
    assert len(list(read_cuts(data_dir, 16000))) == 3
    assert count.read_text() == "\n"


@pytest.mark.parametrize(("nj", "copies"), [(2, 6), (3, 6), (4, 6), (6, 6), (5, 7)])
def test_jobs_share_every_kind_of_copy(nj, copies):
    """Kinds take different times, and come in one order for every utterance."""
    rows = [(utterance, kind) for utterance in range(120) for kind in range(copies)]
    parts = [list(part(rows, job, nj)) for job in range(1, nj + 1)]
    assert sorted(itertools.chain(*parts)) == rows
    for own in parts:
        counts = Counter(kind for _, kind in own)
        assert max(counts.values()) - min(counts.values()) <= 0.1 * len(own) / copies
