"""Data directories of speech without labels, from any folder of audio files such as LibriSpeech."""

from pathlib import Path

from mtlaug.datadir.corpus import some_audio
from mtlaug.datadir.tables import write
from mtlaug.files import UserError
from mtlaug.seeding import rank

TALKERS = 6  # of a babble


def from_speech(corpus_dir: str | Path, data_dir: str, *, babble_share: float = 0.2, seed: int = 0) -> tuple[int, int]:
    """Make ``data_dir``, and ``<data_dir>_babble`` of other speakers, whose speech becomes babble noise in tests.

    A file's speaker is the innermost of its folders whose name begins the file's own, as ``103`` in
    LibriSpeech's ``103/1240/103-1240-0000.flac``; where there is none, the folder it is in.

    Args:
        babble_share: of the speakers, chosen by a hash of ``seed`` and speaker. 0 makes no babble directory,
            nor does a share that comes to less than `TALKERS` utterances, or to all speakers.
    Returns:
        The utterances in both directories.
    Raises:
        UserError: the folder is missing or has no audio file, two files make one utterance, ``babble_share`` is
            not in [0, 1), or an earlier babble directory would share its speakers.
    """
    if not 0 <= babble_share < 1:
        raise UserError(f"--babble-share {babble_share:g}: choose from 0 (no babble directory) to less than 1")
    audio = some_audio(corpus_dir, example="speaker/utterance.flac")
    speakers = {path: _speaker(path, Path(corpus_dir)) for path in audio}
    order = sorted(set(speakers.values()), key=lambda name: rank(seed, name))
    babble = set(order[: round(babble_share * len(order))])
    if len(babble) == len(order) or sum(speaker in babble for speaker in speakers.values()) < TALKERS:
        babble = set()
    babble_dir = f"{data_dir.rstrip('/')}_babble"
    if not babble and Path(babble_dir).exists():
        raise UserError(f"{babble_dir}: is of an earlier split, and {data_dir} would hold its speakers; remove it")
    wavs, owners = {}, {}
    for path in audio:
        utterance = _utterance(speakers[path], path.stem)
        if utterance in wavs:
            raise UserError(f"{path}: and {wavs[utterance]} would both be utterance {utterance}; rename one of them")
        wavs[utterance], owners[utterance] = str(path.resolve()), speakers[path]
    made = []
    for directory, chosen in ((data_dir, set(order) - babble), (babble_dir, babble)):
        owned = {utterance: speaker for utterance, speaker in owners.items() if speaker in chosen}
        if owned:
            write(directory, {"wav.scp": {name: wavs[name] for name in owned}, "utt2spk": owned}, dropped={})
        made.append(len(owned))
    return made[0], made[1]


def _speaker(path: Path, corpus: Path) -> str:
    folders = path.relative_to(corpus).parts[:-1]
    named = [folder for folder in folders if path.stem.startswith(f"{folder}-")]
    return "_".join((named or folders or ("speaker",))[-1].split())


def _utterance(speaker: str, name: str) -> str:
    """The speaker is a prefix of the utterance, as Kaldi wants it."""
    name = "_".join(name.split())
    return name if name.startswith(f"{speaker}-") else f"{speaker}-{name}"
