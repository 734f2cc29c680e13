"""Archives that stay open."""

import os

import kaldiio
import numpy as np

from mtlaug import store


def test_matrices_of_more_archives_than_may_be_open(tmp_path, monkeypatch):
    monkeypatch.setattr(store, "MOST_OPEN", 2)
    places = []
    for number in range(6):
        made = {"a": np.full((3, 2), number, np.float32), "b": np.full((4, 2), 10 + number, np.float32)}
        kaldiio.save_ark(str(tmp_path / f"{number}.ark"), made, scp=str(tmp_path / f"{number}.scp"))
        places += [line.split()[1] for line in (tmp_path / f"{number}.scp").read_text().splitlines()]
    archives, before = store.Archives(), len(os.listdir("/proc/self/fd"))
    for _ in range(2):
        values = [archives.load(place)[0, 0] for place in places]
        assert values == [value + ten for value in range(6) for ten in (0, 10)]
        assert len(os.listdir("/proc/self/fd")) <= before + 3
