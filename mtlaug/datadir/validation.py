"""Every rule of a data directory's format, checked; see `validate`."""

import math
import os
from collections.abc import Mapping

from mtlaug.datadir.tables import (
    CUTS,
    check_same_utterances,
    check_speakers,
    has,
    line_of,
    path_of,
    read,
    read_cuts,
    spk2utt_of,
    utterance_tables,
)
from mtlaug.files import UserError, read_table, read_text


def _one_word(value: str) -> str | None:
    return None if len(value.split()) == 1 else "expected one word"


def _duration(value: str) -> str | None:
    try:
        return None if 0 < float(value) < math.inf else "expected more than 0 seconds"
    except ValueError:
        return "expected seconds"


def _num_frames(value: str) -> str | None:
    return None if value.isdecimal() and int(value) > 0 else "expected a whole number of frames above 0"


def _segment(value: str) -> str | None:
    try:
        _, start, end = value.split()
        if float(end) == -1:
            return "give the recording's end in seconds in the place of -1"
        return None if 0 <= float(start) < float(end) < math.inf else "a segment starts at 0 or later and ends after it"
    except ValueError:
        return "expected 'utterance recording start end' with times in seconds"


def _gender(value: str) -> str | None:
    return None if value in ("m", "f") else "expected m or f"


def _ratings(value: str) -> str | None:
    try:
        numbers = [float(number) for number in value.split()]
    except ValueError:
        numbers = []
    good = len(numbers) == 3 and not any(map(math.isinf, numbers))
    return None if good else "expected 'utterance activation valence dominance', with nan for a rating that is missing"


_VALUE_CHECKS = {
    "utt2dur": _duration,
    "utt2num_frames": _num_frames,
    "utt2avd": _ratings,
    "segments": _segment,
    "spk2gender": _gender,
}


def check_values(path: str, table: Mapping[str, str]) -> None:
    """Raise `UserError` at the first value that is wrong for the table ``path``."""
    name = os.path.basename(path)
    check = _VALUE_CHECKS.get(name, _one_word if name.startswith("utt2") else None)
    for key, value in table.items() if check else ():
        if problem := check(value):
            raise UserError(f"{line_of(path, table, key)}: {key!r} has {value!r}: {problem}")


def validate(
    data_dir: str | os.PathLike, *, need_wav: bool = True, need_feats: bool = False, need_text: bool = False
) -> int:
    """Check a data directory against every rule of its format.

    Args:
        need_wav: ``wav.scp`` or ``cuts.jsonl.gz`` must be there.
        need_feats: ``feats.scp`` must be there.
        need_text: ``text`` must be there.
    Returns:
        The number of utterances.
    Raises:
        UserError: the first problem, with file, line and utterance. Tables that are there
            are checked whether needed or not.
    """
    utt2spk = read(data_dir, "utt2spk")
    check_speakers(path_of(data_dir, "utt2spk"), utt2spk)
    _check_speaker_tables(data_dir, utt2spk)
    needed = {"feats.scp"} if need_feats else set()
    needed |= {"text"} if need_text else set()
    segments: dict[str, str] | None = None
    for name in sorted(needed.union(utterance_tables(data_dir))):
        path = path_of(data_dir, name)
        table = read_table(path)
        check_same_utterances(path, table, utt2spk)
        check_values(path, table)
        segments = table if name == "segments" else segments
    _check_frame_shift(data_dir)
    _check_recordings(data_dir, utt2spk, segments, need_wav)
    return len(utt2spk)


def _check_speaker_tables(data_dir: str | os.PathLike, utt2spk: Mapping[str, str]) -> None:
    path = path_of(data_dir, "spk2utt")
    expected, found = spk2utt_of(utt2spk), read_table(path)
    for speaker in found.keys() | expected.keys():
        if found.get(speaker, "").split() != expected.get(speaker, "").split():
            where = line_of(path, found, speaker) if speaker in found else path
            raise UserError(
                f"{where}: speaker {speaker!r} does not have its utterances of utt2spk, C-sorted; "
                f"run utils/fix_data_dir.sh {data_dir}"
            )
    if not has(data_dir, "spk2gender"):
        return
    path = path_of(data_dir, "spk2gender")
    genders = read_table(path)
    check_values(path, genders)
    for speaker in expected:
        if speaker not in genders:
            raise UserError(f"{path}: speaker {speaker!r} is missing; add the line '{speaker} m' or '{speaker} f'")
    for speaker in genders:
        if speaker not in expected:
            raise UserError(
                f"{line_of(path, genders, speaker)}: speaker {speaker!r} has no utterance in utt2spk; "
                f"run utils/fix_data_dir.sh {data_dir}"
            )


def _check_frame_shift(data_dir: str | os.PathLike) -> None:
    path = path_of(data_dir, "frame_shift")
    if os.path.exists(path):
        value = read_text(path).strip()
        if problem := _duration(value):
            raise UserError(f"{path}:1: {value!r}: {problem}")


def _check_recordings(data_dir, utt2spk: Mapping[str, str], segments: Mapping[str, str] | None, need_wav: bool) -> None:
    path = path_of(data_dir, "wav.scp")
    if has(data_dir, CUTS):
        _check_cuts(path_of(data_dir, CUTS), utt2spk)
    elif not os.path.exists(path):
        if need_wav:
            raise UserError(f"{path}: no such file (and no {CUTS} either)")
        return
    if not os.path.exists(path):
        return
    recordings = read_table(path)
    if segments is None:
        check_same_utterances(path, recordings, utt2spk)
        return
    used = set()
    for utterance, segment in segments.items():
        used.add(recording := segment.split()[0])
        if recording not in recordings:
            where = line_of(path_of(data_dir, "segments"), segments, utterance)
            raise UserError(f"{where}: recording {recording!r} of utterance {utterance!r} is not in wav.scp")
    for recording in recordings:
        if recording not in used:
            where = line_of(path, recordings, recording)
            raise UserError(f"{where}: no segment uses {recording!r}; run utils/fix_data_dir.sh {data_dir}")


def _check_cuts(path: str, utt2spk: Mapping[str, str]) -> None:
    seen: dict[str, None] = {}
    for number, (utterance, _) in enumerate(read_cuts(path), 1):
        if utterance in seen:
            raise UserError(f"{path}:{number}: utterance {utterance!r} is listed twice")
        if seen and utterance < next(reversed(seen)):
            raise UserError(f"{path}:{number}: utterance {utterance!r} is out of order; make the manifest again")
        seen[utterance] = None
    check_same_utterances(path, seen, utt2spk)
