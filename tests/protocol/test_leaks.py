"""What mtlaug.protocol.leaks finds in two parts of a fold: stretches of a recording, and sentences."""

import pytest

from mtlaug.files import UserError
from mtlaug.protocol import leaks
from mtlaug.protocol.folds import Fold
from mtlaug.protocol.labels import Corpus

FOLD = Fold("x", train=("train",), dev=("dev",), test=("test",))


def made(segments: dict[str, tuple[str, float, float]], text: dict[str, str] | None = None) -> Corpus:
    """Of speakers named as their parts, with utterances such as train-1."""
    speakers = {utterance: utterance.split("-")[0] for utterance in segments}
    return Corpus(speakers, dict.fromkeys(segments, "calm"), {}, {}, text or {}, {}, {}, segments)


def test_a_long_stretch_is_not_forgotten_after_a_short_one():
    spans = {"train-1": ("r", 0.0, 10.0), "train-2": ("r", 1.0, 2.0), "test-1": ("r", 5.0, 6.0)}
    with pytest.raises(UserError, match="leak: train-1 of train and test-1 of test overlap"):
        leaks.check_fold("p", ["calm"], made({**spans, "dev-1": ("s", 0.0, 1.0)}), FOLD)


def test_stretches_that_touch_have_no_sample_in_common():
    spans = {"train-1": ("r", 0.0, 2.0), "test-1": ("r", 2.0, 3.0), "dev-1": ("r", 3.0, 4.0)}
    leaks.check_fold("p", ["calm"], made(spans), FOLD)


@pytest.mark.parametrize(("part", "other"), [("dev", "test"), ("test", "dev")])
def test_either_held_out_part_may_share_recordings_and_sentences_with_training(part: str, other: str):
    spans = {"train-1": ("r", 0.0, 1.0), f"{part}-1": ("r", 2.0, 3.0), f"{other}-1": ("s", 0.0, 1.0)}
    corpus = made(spans, {"train-1": "shared", f"{part}-1": "shared", f"{other}-1": "own"})
    assert leaks.shared_recordings(corpus, FOLD) == {"r"}
    assert leaks.shared_text(corpus, FOLD) == {"shared"}
