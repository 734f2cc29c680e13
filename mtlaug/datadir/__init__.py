"""Kaldi data directories: their tables, reading, writing and validating them.

Tables keyed by utterance are ``segments``, ``text``, ``feats.scp``, ``cmvn.scp``
(statistics of one utterance; Kaldi's, of a speaker, are left alone until stage 3) and every ``utt2<name>``; tables
keyed by speaker are ``spk2utt`` and ``spk2gender``. ``wav.scp`` is keyed by recording,
which is the utterance unless there are ``segments``. In an augmented directory
``cuts.jsonl.gz`` (a lhotse CutSet whose cut-ids are the utterances) stands in for
``wav.scp``. ``dropped.tsv`` lists each utterance that was left out, and why.
"""

from mtlaug.datadir.audio import AudioCheck, check_audio
from mtlaug.datadir.combining import Combined, combine
from mtlaug.datadir.copying import copy
from mtlaug.datadir.corpus import check_originals, files_below, find_audio
from mtlaug.datadir.editing import Fixed, fix
from mtlaug.datadir.from_table import FromTable, from_table
from mtlaug.datadir.noise import BABBLE, NoiseSets, check_kind, from_noise, kind_of, source_of
from mtlaug.datadir.selection import split, subset
from mtlaug.datadir.speech import from_speech
from mtlaug.datadir.streaming import write_rows
from mtlaug.datadir.tables import has, read, read_cuts, read_dropped, spk2utt_of, write, write_dropped
from mtlaug.datadir.trimming import Trimmed, trim
from mtlaug.datadir.validation import validate

__all__ = [
    "BABBLE",
    "AudioCheck",
    "Combined",
    "Fixed",
    "FromTable",
    "NoiseSets",
    "Trimmed",
    "check_audio",
    "check_kind",
    "check_originals",
    "combine",
    "copy",
    "files_below",
    "find_audio",
    "fix",
    "from_noise",
    "from_speech",
    "from_table",
    "has",
    "kind_of",
    "read",
    "read_cuts",
    "read_dropped",
    "source_of",
    "spk2utt_of",
    "split",
    "subset",
    "trim",
    "validate",
    "write",
    "write_dropped",
    "write_rows",
]
