"""The command line of a recipe's ``local/prepare_data.py``."""

import sys
from collections.abc import Callable
from pathlib import Path

from mtlaug.cli import Parser, run


def prepare_data(prepare: Callable[..., None], description: str, *, turns: bool = False) -> None:
    """``local/prepare_data.py [OPTIONS] CORPUS_DIR DATA_DIR``: calls ``prepare(corpus_dir, data_dir)`` and exits.

    Args:
        prepare: writes the data directory; raises `UserError` where the corpus cannot be used.
        description: of the script, as ``--help`` shows it; the first line counts.
        turns: the corpus is of dialogues, so that ``prepare`` gets `datadir.turns.from_turns`'s ``scripted`` and
            ``allow_partial``, too (bool), from options of these names.
    """
    parser = Parser(prog="prepare_data", description=description.splitlines()[0])
    parser.add_argument("corpus_dir", type=Path, metavar="CORPUS_DIR", help="the corpus, as it comes")
    parser.add_argument("data_dir", type=Path, metavar="DATA_DIR", help="the data directory to write")
    if turns:
        switch = {"choices": ("true", "false")}
        parser.add_argument("--scripted", default="true", help="with turns of scripted speech?", **switch)
        parser.add_argument("--allow-partial", default="false", help="go on where turns lack?", **switch)
    options = vars(parser.parse_args())
    folders = options.pop("corpus_dir"), options.pop("data_dir")
    switches = {name: value == "true" for name, value in options.items()}
    sys.exit(run("prepare_data", prepare, *folders, **switches))
