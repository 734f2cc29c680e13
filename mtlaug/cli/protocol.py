"""``mtlaug protocol make | show | list | check``: the folds of a data directory."""

import sys
from pathlib import Path

from mtlaug.files import UserError


def add_commands(commands) -> None:
    """Add the group ``protocol``."""
    group = commands.add_parser("protocol", help="classes and folds of a data directory, guarded against leaks")
    verbs = group.add_subparsers(dest="command", metavar="COMMAND", required=True)

    make = verbs.add_parser("make", help="write protocol.json into a data directory")
    make.add_argument("data_dir", type=Path, metavar="DATA_DIR")
    schemes = "loso (leave one speaker out), speakers, sessions (leave one session out) or cross (corpora)"
    make.add_argument("--scheme", default="loso", help=schemes)
    make.add_argument("--folds", type=int, metavar="K", help="number of folds of --scheme speakers")
    make.add_argument("--fold-list", type=Path, metavar="FILE", help="lines 'fold-id speaker...' instead of --folds")
    make.add_argument("--dev-speakers-per-gender", type=int, metavar="N", help="dev part of loso; default: 1")
    make.add_argument("--pairs", default="", help="of cross, such as 'ravdess:emodb ravdess+emodb:urdu' (train:test)")
    make.add_argument("--few-shot", type=int, default=0, metavar="K", help="of cross: target utterances a class")
    make.add_argument(
        "--target-folds", type=int, default=0, metavar="K", help="of cross: groups of target speakers; one is tested"
    )
    make.add_argument("--seed", type=int, default=0, help="of cross: of the dev speakers and the few-shot utterances")
    make.add_argument("--label-map", type=Path, metavar="FILE", help="YAML with 'classes' and 'map'")
    make.add_argument("--name", help="name of the protocol; the data directory's by default")
    make.set_defaults(run=_make)

    show = verbs.add_parser("show", help="print the folds, counts and hash")
    show.add_argument("data_dir", type=Path, metavar="DATA_DIR")
    show.set_defaults(run=_show)

    listing = verbs.add_parser("list", help="print the utterances that are in given parts of any fold")
    listing.add_argument("data_dir", type=Path, metavar="DATA_DIR")
    listing.add_argument("parts", nargs="+", metavar="PART", help="train dev test unlabelled")
    listing.set_defaults(run=_list)

    check = verbs.add_parser("check", help="check the folds and the hash against the data")
    check.add_argument("data_dir", type=Path, metavar="DATA_DIR")
    check.set_defaults(run=_check)


def _make(options) -> None:
    from mtlaug import protocol

    made = protocol.make(
        options.data_dir,
        scheme=options.scheme,
        label_map_file=options.label_map,
        folds=options.folds,
        fold_list=options.fold_list,
        dev_speakers_per_gender=options.dev_speakers_per_gender,
        pairs=options.pairs,
        few_shot=options.few_shot,
        target_folds=options.target_folds,
        seed=options.seed,
        name=options.name,
    )
    for label, count in made.to_json()["dropped"].items():
        print(f"dropped: {count} utterances, {label} (see {options.data_dir}/protocol_dropped.tsv)", file=sys.stderr)
    for fold in made.folds if options.few_shot else ():
        donors = {made.corpus.utt2spk[utterance] for utterance in fold.shots}
        others = sum(made.corpus.utt2spk[utterance] in donors for utterance in made.corpus.labels) - len(fold.shots)
        spoken = f"{len(fold.shots)} labelled utterances of {' '.join(sorted(donors))}"
        print(f"fold {fold.id}: {spoken}, whose other {others} utterances are not tested", file=sys.stderr)
    print(_summary(options.data_dir, made))


def _check(options) -> None:
    from mtlaug import protocol

    print("Successfully checked", _summary(options.data_dir, protocol.load(options.data_dir)))


def _list(options) -> None:
    from mtlaug import protocol
    from mtlaug.protocol.folds import HEARD

    if unknown := [part for part in options.parts if part not in HEARD]:
        raise UserError(f"{unknown[0]} is no part of a fold; known are {', '.join(HEARD)}")
    listed = protocol.load(options.data_dir)
    found = {utt for fold in listed.folds for part in options.parts for utt in listed.utterances(fold, part)}
    print("\n".join(sorted(found, key=str.encode)))


def _show(options) -> None:
    from mtlaug import protocol
    from mtlaug.protocol.folds import PARTS

    shown = protocol.load(options.data_dir)
    content = shown.to_json()
    print(f"protocol   {shown.name} (scheme {shown.scheme})")
    print(f"sha256     {shown.sha256}")
    print(f"utterances {content['utterances']}")
    for title in ("counts", "dropped"):
        print(f"{title:10} " + (", ".join(f"{name} {count}" for name, count in content[title].items()) or "none"))
    heads = " ".join(f"{name:>10}" for name in shown.classes)
    width = max(8, *(len(fold.id) for fold in shown.folds))
    print(f"\n{'fold':{width}} {'part':5} {'utterances':>10}  {heads}  speakers")
    for fold in shown.folds:
        for part in PARTS:
            labels = list(shown.utterances(fold, part).values())
            cells = " ".join(f"{labels.count(name):10}" for name in shown.classes)
            print(f"{fold.id:{width}} {part:5} {len(labels):10}  {cells}  {' '.join(fold.speakers(part))}")
        if fold.shots:
            print(f"{fold.id:{width}} shots {len(fold.shots):10}  in the train part: {' '.join(fold.shots)}")
        if fold.unlabelled:
            heard = len(shown.utterances(fold, "unlabelled"))
            print(f"{fold.id:{width}} {heard:16}  without labels: {' '.join(fold.unlabelled)}")


def _summary(data_dir: Path, protocol) -> str:
    count = len(protocol.corpus.labels)
    return (
        f"{data_dir}/protocol.json: {protocol.name}, {len(protocol.folds)} folds, "
        f"{len(protocol.classes)} classes, {count} utterances, sha256 {protocol.sha256[:12]}"
    )
