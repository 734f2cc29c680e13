"""The evaluation protocol of a corpus: classes, folds, and the guard against leaks.

``protocol.json`` lies in the data directory. Its SHA-256 covers its name and scheme, the
classes, the label map, the folds, and the speaker and class of every kept utterance;
every result carries it, and only results with equal hashes are compared.
"""

import hashlib
import json
import logging
import re
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from mtlaug.files import UserError, atomic_path, read_json, read_table, write_json
from mtlaug.protocol import cross, leaks
from mtlaug.protocol import folds as schemes
from mtlaug.protocol.folds import PARTS, Fold
from mtlaug.protocol.labels import NO_LABEL, Corpus, read_corpus, read_label_map

SCHEMES = ("loso", "speakers", "sessions", "cross")
FURTHER = ("shots", "unlabelled")  # what a fold of protocol.json may have beside its parts


@dataclass(frozen=True)
class Protocol:
    """Who trains, selects and tests, on which classes; made by `make`, read by `load`."""

    name: str
    scheme: str
    classes: tuple[str, ...]
    label_map: dict[str, str] | None
    folds: tuple[Fold, ...]
    corpus: Corpus

    @cached_property
    def sha256(self) -> str:
        """Hash of all that defines an evaluation; what was dropped on the way does not change it."""
        defining = {
            "name": self.name,
            "scheme": self.scheme,
            "classes": self.classes,
            "label_map": self.label_map,
            "folds": [_fold_to_json(fold) for fold in self.folds],
            "utterances": sorted((utt, self.corpus.utt2spk[utt], label) for utt, label in self.corpus.labels.items()),
        }
        canonical = json.dumps(defining, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
        return hashlib.sha256(canonical.encode()).hexdigest()

    def fold(self, fold_id: str) -> Fold:
        """The fold named ``fold_id``; an unknown one is a `UserError`."""
        for fold in self.folds:
            if fold.id == fold_id:
                return fold
        raise UserError(f"protocol {self.name}: no fold {fold_id!r}; known are {' '.join(f.id for f in self.folds)}")

    def utterances(self, fold: Fold | str, part: str) -> dict[str, str]:
        """As `mtlaug.protocol.labels.Corpus.utterances`, of a fold or the id of one."""
        return self.corpus.utterances(self.fold(fold) if isinstance(fold, str) else fold, part)

    def to_json(self) -> dict:
        """The content of ``protocol.json``."""
        counts = Counter(self.corpus.labels.values())
        return {
            "name": self.name,
            "classes": list(self.classes),
            "label_map": self.label_map,
            "dropped": dict(sorted(Counter(self.corpus.dropped.values()).items())),
            "scheme": self.scheme,
            "folds": [_fold_to_json(fold) for fold in self.folds],
            "utterances": len(self.corpus.labels),
            "counts": {name: counts[name] for name in self.classes},
            "sha256": self.sha256,
        }


def make(
    data_dir: str | Path,
    *,
    scheme: str = "loso",
    label_map_file: str | Path | None = None,
    folds: int | None = None,
    fold_list: str | Path | None = None,
    dev_speakers_per_gender: int | None = None,
    pairs: str = "",
    few_shot: int = 0,
    target_folds: int = 0,
    seed: int = 0,
    name: str | None = None,
) -> Protocol:
    """Make and check a protocol; write ``protocol.json`` and ``protocol_dropped.tsv`` into ``data_dir``.

    Args:
        scheme: ``loso`` (a fold a speaker), ``speakers`` (``folds`` groups of speakers, or those of
            ``fold_list``; test on one, dev on the next), ``sessions`` (a fold a session of ``utt2session``,
            dev on the next) or ``cross`` (corpora; see `cross`).
        label_map_file: YAML with ``classes`` and ``map``; without one the classes
            are the sorted labels of ``utt2emo``.
        dev_speakers_per_gender: size of the dev part, for ``loso``; 1 by default.
        pairs, few_shot, target_folds, seed: of ``cross``; see `cross.parse_pairs` and `cross.make_folds`.
        name: of the protocol; the name of the data directory by default.
    Raises:
        UserError: the data directory lacks something, or `verify` refuses the folds.
    """
    data_dir = Path(data_dir)
    classes, label_map = read_label_map(label_map_file) if label_map_file else (None, None)
    if classes is None:
        classes = tuple(sorted(set(read_table(data_dir / "utt2emo").values())))
    corpus = read_corpus(data_dir, classes, label_map)
    _write_dropped(data_dir, corpus)
    if not corpus.labels:
        labels = ", ".join(sorted(set(corpus.dropped.values())))
        of_map = f"none of its labels ({labels}) is in {label_map_file}; add them there"
        raise UserError(f"{data_dir}/utt2emo: {of_map if label_map_file else 'labels no utterance'}")
    genders = _genders(data_dir, corpus)
    if scheme != "cross" and (pairs or few_shot or target_folds):
        raise UserError("--pairs, --few-shot and --target-folds are for --scheme cross")
    if scheme != "speakers" and (folds or fold_list):
        raise UserError("--folds and --fold-list are for --scheme speakers")
    if scheme != "loso" and dev_speakers_per_gender is not None:
        raise UserError("--dev-speakers-per-gender is for --scheme loso")
    if scheme == "loso":
        made = schemes.leave_one_speaker_out(genders, 1 if dev_speakers_per_gender is None else dev_speakers_per_gender)
    elif scheme == "speakers":
        made = schemes.rotate(_groups(genders, corpus, folds, fold_list))
    elif scheme == "sessions":
        kept = {utterance: corpus.utt2spk[utterance] for utterance in corpus.labels}
        made = schemes.rotate(schemes.sessions(read_table(data_dir / "utt2session"), kept))
    elif scheme == "cross":
        made = cross.make_folds(corpus, genders, cross.parse_pairs(pairs), few_shot, target_folds, seed)
    else:
        raise UserError(f"--scheme {scheme}: known are {', '.join(SCHEMES)}")
    protocol = Protocol(name or data_dir.resolve().name, scheme, classes, label_map, tuple(made), corpus)
    verify(protocol)
    _warn_of_missing_checksums(data_dir, corpus)
    write_json(data_dir / "protocol.json", protocol.to_json())
    return protocol


def load(path: str | Path) -> Protocol:
    """Read a ``protocol.json`` (or the data directory with it) and check it against the data.

    Raises:
        UserError: the file is incomplete, the data directory has changed since
            the protocol was made, or `verify` refuses the folds.
    """
    path = Path(path)
    path = path / "protocol.json" if path.is_dir() else path
    stored = read_json(path)
    try:
        folds = tuple(
            Fold(f["id"], *(tuple(f[part]) for part in PARTS), **{key: tuple(f.get(key, ())) for key in FURTHER})
            for f in stored["folds"]
        )
        classes, label_map = tuple(stored["classes"]), stored["label_map"]
        corpus = read_corpus(path.parent, classes, label_map)
        protocol = Protocol(stored["name"], stored["scheme"], classes, label_map, folds, corpus)
    except (KeyError, TypeError) as error:
        raise UserError(f"{path}: incomplete ({error}); make it again with stage 1") from None
    if stored != protocol.to_json():
        raise UserError(
            f"{path}: does not fit the data beside it: stored hash {str(stored.get('sha256'))[:12]}, now "
            f"{protocol.sha256[:12]}. The data or this file changed since stage 1; run stages 1 to 5 again"
        )
    verify(protocol)
    return protocol


def verify(protocol: Protocol) -> None:
    """Refuse leaking or broken folds; log a warning where train and held-out parts share ``text`` or recordings."""
    broken = [name for name in protocol.classes if not re.fullmatch(r"\S+", name)]
    if broken:
        raise UserError(f"protocol {protocol.name}: class {broken[0]!r} must be one word; use a label map to rename it")
    tested: dict[str, str] = {}
    for fold in protocol.folds:
        if not re.fullmatch(r"[A-Za-z0-9._+-]+", fold.id):
            raise UserError(f"protocol {protocol.name}: fold id {fold.id!r}: use letters, digits, '.', '_', '+', '-'")
        if protocol.fold(fold.id) is not fold:
            raise UserError(f"protocol {protocol.name}: fold id {fold.id} is used twice")
        leaks.check_fold(protocol.name, protocol.classes, protocol.corpus, fold)
        if protocol.scheme == "cross":  # a score is of one fold and test corpus: a speaker may be tested in several
            cross.check_fold(protocol.corpus, fold)
            continue
        for speaker in fold.test:
            if tested.setdefault(speaker, fold.id) != fold.id:
                raise UserError(f"speaker {speaker} is tested in folds {tested[speaker]} and {fold.id}: counted twice")
    if not protocol.folds:
        raise UserError(f"protocol {protocol.name}: no folds")
    for shared, what in ((leaks.shared_text, "sentences (text)"), (leaks.shared_recordings, "recordings (segments)")):
        counts = [len(shared(protocol.corpus, fold)) for fold in protocol.folds]
        if any(counts):
            logging.warning(
                f"protocol {protocol.name}: held-out {what} are also in training: {sum(map(bool, counts))} of "
                f"{len(counts)} folds, up to {max(counts)} a fold"
            )


def _write_dropped(data_dir: Path, corpus: Corpus) -> None:
    """List the utterances that no class has; also where the protocol is refused, as they may be why."""
    with atomic_path(data_dir / "protocol_dropped.tsv") as temporary:
        rows = [f"{utt}\t{_reason(label)}\n" for utt, label in corpus.dropped.items()]
        temporary.write_text("utterance\treason\n" + "".join(rows), encoding="utf-8")


def _warn_of_missing_checksums(data_dir: Path, corpus: Corpus) -> None:
    if lacking := corpus.labels.keys() - corpus.utt2checksum.keys():
        logging.warning(
            f"{data_dir}: {len(lacking)} utterances are not in utt2checksum, which utils/check_audio.sh writes: equal "
            "sound of two speakers would not be seen"
        )


def _groups(
    genders: dict[str, str], corpus: Corpus, folds: int | None, fold_list: str | Path | None
) -> dict[str, list[str]]:
    """Fold id to speakers, as the options of ``--scheme speakers`` say."""
    if bool(folds) == bool(fold_list):
        raise UserError("--scheme speakers needs either --folds K or --fold-list FILE")
    if fold_list:
        return schemes.groups_from_list(fold_list, genders, corpus.utt2spk.values())
    width = len(str(folds))
    return {f"{i:0{width}}": group for i, group in enumerate(schemes.speaker_groups(genders, folds), 1)}


def _genders(data_dir: Path, corpus: Corpus) -> dict[str, str]:
    """Gender of every speaker with a kept utterance; ``unknown`` for all where there is no ``spk2gender``."""
    kept = sorted({corpus.utt2spk[utt] for utt in corpus.labels}, key=str.encode)
    if not (data_dir / "spk2gender").exists():
        return dict.fromkeys(kept, "unknown")
    genders = read_table(data_dir / "spk2gender")
    for speaker in kept:
        if genders.get(speaker) not in ("f", "m"):
            raise UserError(f"{data_dir}/spk2gender: speaker {speaker} needs a line with f or m")
    return {speaker: genders[speaker] for speaker in kept}


def _reason(label: str) -> str:
    return "no label in utt2emo" if label == NO_LABEL else f"label {label} is not in the label map"


def _fold_to_json(fold: Fold) -> dict:
    further = {key: list(getattr(fold, key)) for key in FURTHER if getattr(fold, key)}
    return {"id": fold.id, **{part: list(fold.speakers(part)) for part in PARTS}, **further}
