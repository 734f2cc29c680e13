"""Test noise and noisy copies of the corpus, for the tests of stage 6."""

from dataclasses import dataclass
from pathlib import Path

import soundfile
from corpus import RATE, Corpus, extract, speech, write_data_dir

from mtlaug.augment import noisy

SNRS = [60.0, -5.0]  # dB; the first is next to clean
KINDS = ["babble", "hum", "rain"]


@dataclass(frozen=True)
class Places:
    """Data directories of test noise and speech, and the noisy copies of the corpus made from them."""

    noise_dir: str
    babble_dir: str
    noisy_dir: str


def write_sounds(folder: Path, *names: str, gain: float = 1.0) -> dict[str, Path]:
    """Noise files of 0.3 s, shorter than any utterance, at several rates; by their names' stems."""
    wavs = {}
    for seed, name in enumerate(names):
        path = folder / f"{name}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        rate = (RATE, 44100, 8000)[seed % 3]
        soundfile.write(path, gain * speech(0.3, 200.0 * (seed + 1), seed, rate), rate)
        wavs[f"{path.parent.name}-{path.stem}"] = path
    return wavs


def noise_data(folder: Path, data_dir: Path, *names: str) -> str:
    wavs = write_sounds(folder, *names)
    return write_data_dir(data_dir, wavs, utt2kind={name: name.split("-")[0] for name in wavs})


def make(corpus: Corpus, places: Places | None, out: Path, snrs=SNRS, aug_dir: str = "", **more) -> tuple[int, bool]:
    given = {"noise_dirs": [places.noise_dir], "babble_dir": places.babble_dir} if places else {"noise_dirs": []}
    how = {"babble_dir": None, **given, "snrs": list(snrs), **more}
    return noisy.make(corpus.data_dir, str(out), corpus.settings(), aug_dir or corpus.aug_dir, **how)


def make_places(corpus: Corpus, root: Path) -> Places:
    noise_dir = noise_data(root / "sounds", root / "noise_test", "rain/1", "rain/2", "hum/1")
    talkers = write_sounds(root / "talkers", *(f"t{number}/1" for number in range(8)))
    made = Places(noise_dir, write_data_dir(root / "speech", talkers), str(root / "noisy"))
    make(corpus, made, Path(made.noisy_dir))
    extract(made.noisy_dir, Path(made.noisy_dir, "data"), corpus.settings().feature_args)
    return made
