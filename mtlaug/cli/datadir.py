"""``mtlaug datadir``: make, check, change and divide Kaldi data directories."""

import argparse
import sys

from mtlaug.audio.silence import BELOW, MARGIN
from mtlaug.cli.options import percentage
from mtlaug.files import UserError


def add_commands(commands) -> None:
    """Add the group ``datadir`` to the command line's sub-parsers."""
    group = commands.add_parser("datadir", help="Kaldi data directories", description="Work on Kaldi data directories.")
    actions = group.add_subparsers(dest="command", metavar="COMMAND", required=True)

    parser = _action(actions, "validate", _validate, "check a data directory against every rule of its format")
    switch = argparse.BooleanOptionalAction
    parser.add_argument("--wav", action=switch, default=True, help="wav.scp or cuts.jsonl.gz must be there")
    parser.add_argument("--feats", action=switch, default=False, help="feats.scp must be there")
    parser.add_argument("--text", action=switch, default=False, help="text must be there")
    parser.add_argument("data_dir", help="data directory, such as data/emodb")

    parser = _action(actions, "fix", _fix, "sort the tables and keep the utterances that all of them share")
    parser.add_argument("data_dir", help="data directory; changed files are kept in its .backup/")

    parser = _action(actions, "split", _split, "split into DATA_DIR/split<N>/1 ... <N> for parallel jobs")
    parser.add_argument("--per-utt", action="store_true", help="split speakers too, into split<N>utt")
    parser.add_argument("data_dir", help="data directory")
    parser.add_argument("n", type=int, help="number of parts")

    parser = _action(actions, "subset", _subset, "write some of the utterances to another data directory")
    choice = parser.add_mutually_exclusive_group()
    choice.add_argument("--first", action="store_true", help="take the first N utterances, not N at random")
    choice.add_argument("--per-spk", action="store_true", help="take N utterances of each speaker")
    choice.add_argument("--utt-list", metavar="FILE", help="take the utterances listed in FILE; no N then")
    choice.add_argument("--spk-list", metavar="FILE", help="take the speakers listed in FILE; no N then")
    parser.add_argument("--seed", type=int, default=0, help="of the choice at random, hashed with each utterance-id")
    parser.add_argument("arguments", nargs="+", metavar="SRC [N] DST", help="source, number of utterances, target")

    parser = _action(actions, "copy", _copy, "copy with a prefix before all ids, and absolute paths")
    parser.add_argument("--prefix", required=True, help="such as emodb-, of utterance, speaker and recording ids")
    parser.add_argument("src", metavar="SRC", help="data directory")
    parser.add_argument("dst", metavar="DST", help="data directory to write, without features")

    parser = _action(actions, "combine", _combine, "join data directories")
    parser.add_argument("dst", help="data directory to write")
    parser.add_argument("sources", nargs="+", metavar="SRC", help="data directories to join")

    parser = _action(actions, "check-audio", _check_audio, "decode all audio, drop what is unusable, write utt2dur")
    parser.add_argument(
        "--max-loss", type=percentage, default=5.0, help="largest tolerated loss, percent of utterances"
    )
    parser.add_argument("--min-duration", type=float, default=0.025, help="shortest utterance, in seconds")
    parser.add_argument("--sample-rate", type=int, help="wanted rate in Hz; others are counted, and converted later")
    parser.add_argument("data_dir", help="data directory")

    parser = _action(actions, "from-noise", _from_noise, "make training and test noise that share no source recording")
    parser.add_argument("--test-share", type=float, default=0.4, help="of each kind's sources; 0: no test directory")
    parser.add_argument("--held-out", default="", metavar="KIND", help="kind whose sources are all kept for the test")
    parser.add_argument("--max-loss", type=percentage, default=5.0, help="largest tolerated loss, percent of files")
    parser.add_argument("--seed", type=int, default=0, help="of the choice, hashed with each source recording")
    parser.add_argument("corpus_dir", help="folder of .wav, .flac or .ogg files, at any depth")
    parser.add_argument("out_prefix", help="of the data directories, such as data/noise for data/noise_train")

    parser = _action(actions, "trim-silence", _trim, "leave out the silence around utterances, by segments")
    parser.add_argument(
        "--below", type=float, default=BELOW, metavar="DB", help="what is this far below the loudest is silence"
    )
    parser.add_argument("--margin", type=float, default=MARGIN, metavar="SECONDS", help="kept at either end")
    parser.add_argument("data_dir")

    parser = _action(actions, "from-speech", _from_speech, "make data directories of speech without labels")
    parser.add_argument("--babble-share", type=float, default=0.2, help="of the speakers, kept for babble; 0: none")
    parser.add_argument("--seed", type=int, default=0, help="of the choice, hashed with each speaker")
    parser.add_argument("corpus_dir", help="folder of .wav, .flac or .ogg files, at any depth")
    parser.add_argument("data_dir", help="data directory to write; DATA_DIR_babble is that of the babble")

    parser = _action(actions, "from-table", _from_table, "make a data directory from a CSV or TSV table of labels")
    parser.add_argument("--audio-dir", metavar="DIR", help="base folder of relative paths; default: that of the table")
    parser.add_argument(
        "--column",
        action="append",
        type=_column,
        default=[],
        metavar="COLUMN=NAME",
        help="name in the table of path, speaker, emotion, utterance, gender, language, start, end or text",
    )
    parser.add_argument("--unlabelled", metavar="LABEL", help="of rows without an emotion, which are dropped otherwise")
    parser.add_argument("--allow-overlap", action="store_true", help="parts of a file may overlap")
    parser.add_argument("table", help="table with a header: path, speaker, emotion and any of the others")
    parser.add_argument("data_dir", help="data directory to write")


def _column(text: str) -> tuple[str, str]:
    column, equals, name = text.partition("=")
    if not (column and equals and name):
        raise argparse.ArgumentTypeError(f"{text!r} is not COLUMN=NAME, such as speaker=spk_id")
    return column, name


def _action(actions, name: str, handler, text: str):
    parser = actions.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
    parser.set_defaults(run=handler)
    return parser


def _validate(options) -> None:
    from mtlaug import datadir

    datadir.validate(options.data_dir, need_wav=options.wav, need_feats=options.feats, need_text=options.text)
    print(f"Successfully validated data-directory {options.data_dir}")


def _fix(options) -> None:
    from mtlaug import datadir

    fixed = datadir.fix(options.data_dir)
    for utterance, reason in fixed.removed.items():
        print(f"fix_data_dir: removed {utterance}: {reason}", file=sys.stderr)
    print(f"fix_data_dir: kept {fixed.kept} of all {fixed.total} utterances")


def _split(options) -> None:
    from mtlaug import datadir

    datadir.split(options.data_dir, options.n, per_speaker=not options.per_utt)


def _subset(options) -> None:
    from mtlaug import datadir

    by_list = options.utt_list is not None or options.spk_list is not None
    wanted = 2 if by_list else 3
    if len(options.arguments) != wanted:
        raise UserError(f"subset: expected {'SRC DST' if by_list else 'SRC N DST'}, got {' '.join(options.arguments)}")
    source, target = options.arguments[0], options.arguments[-1]
    if by_list:
        choice = {"utt_list": options.utt_list, "spk_list": options.spk_list}
    else:
        way = "first" if options.first else "per_spk" if options.per_spk else "count"
        choice = {way: _whole_number(options.arguments[1])}
    number = datadir.subset(source, target, seed=options.seed, **choice)
    print(f"subset_data_dir: {number} utterances of {source} are in {target}")


def _whole_number(text: str) -> int:
    if not text.isdecimal():
        raise UserError(f"subset: the number of utterances must be a whole number, not {text!r}")
    return int(text)


def _copy(options) -> None:
    from mtlaug import datadir

    number = datadir.copy(options.src, options.dst, prefix=options.prefix)
    print(f"copy_data_dir: {number} utterances of {options.src} are in {options.dst}")


def _combine(options) -> None:
    from mtlaug import datadir

    combined = datadir.combine(options.dst, options.sources)
    for name, reason in combined.left_out.items():
        print(f"combine_data: left out {name}: {reason}", file=sys.stderr)
    print(f"combine_data: {combined.utterances} utterances are in {options.dst}")


def _check_audio(options) -> None:
    from mtlaug import datadir

    found = datadir.check_audio(
        options.data_dir,
        max_loss=options.max_loss,
        min_duration=options.min_duration,
        sample_rate=options.sample_rate,
    )
    if found.other_rate or found.several_channels:
        print(
            f"check_audio: {found.other_rate} recordings are not at {found.rate} Hz and {found.several_channels} have "
            "several channels; feature extraction makes all mono at its own rate"
        )
    lost = found.total - found.good
    where = f", listed in {options.data_dir}/dropped.tsv" if lost else ""
    share = 100 * lost / found.total
    print(f"check_audio: {found.good} of {found.total} utterances are good, {lost} dropped ({share:.1f} %){where}")


def _trim(options) -> None:
    from mtlaug import datadir

    before, after = datadir.trim(options.data_dir, below=options.below, margin=options.margin)
    share = 100 * (1 - after / before)
    print(f"trim_silence: {before - after:.0f} of {before:.0f} s ({share:.1f} %) are silence around the speech")


def _from_noise(options) -> None:
    from mtlaug import datadir

    prefix = options.out_prefix
    how = {key: getattr(options, key) for key in ("test_share", "held_out", "max_loss", "seed")}
    made = datadir.from_noise(options.corpus_dir, prefix, **how)
    print(f"from_noise: {made.train} recordings are in {prefix}_train, {made.test} in {prefix}_test")
    if made.dropped:
        total = made.train + made.test + len(made.dropped)
        print(f"from_noise: {len(made.dropped)} of {total} files dropped, listed in {prefix}_train/dropped.tsv")


def _from_speech(options) -> None:
    from mtlaug import datadir

    kept, babble = datadir.from_speech(
        options.corpus_dir, options.data_dir, babble_share=options.babble_share, seed=options.seed
    )
    few = "too few" if options.babble_share else "none"
    beside = f"{babble} in {options.data_dir.rstrip('/')}_babble" if babble else f"{few} for babble"
    print(f"from_speech: {kept} utterances are in {options.data_dir}, {beside}")


def _from_table(options) -> None:
    from mtlaug import datadir

    made = datadir.from_table(
        options.table,
        options.data_dir,
        audio_dir=options.audio_dir,
        columns=dict(options.column),
        unlabelled=options.unlabelled,
        allow_overlap=options.allow_overlap,
    )
    for name, reason in made.dropped.items():
        print(f"from_table: dropped {name}: {reason}", file=sys.stderr)
    total = made.utterances + len(made.dropped)
    where = f", listed in {options.data_dir}/dropped.tsv" if made.dropped else ""
    print(f"from_table: {made.utterances} utterances of {made.speakers} speakers are in {options.data_dir}")
    print(f"from_table: {len(made.dropped)} of {total} rows dropped{where}")
