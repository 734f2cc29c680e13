"""``mtlaug predict``: the emotions of recordings, by a trained model."""

import io
import json
import math
import sys
from collections.abc import Iterator
from pathlib import Path

from mtlaug.files import UserError, read_table


def add_commands(commands) -> None:
    """Add the command ``predict``."""
    predict = commands.add_parser("predict", help="emotions of recordings, by a trained or packed model")
    predict.add_argument("model", metavar="MODEL", help="exp/<model>, a fold or seed in it, or a packed model")
    predict.add_argument("audio", nargs="+", metavar="AUDIO", help="files, folders, a wav.scp, or - for stdin")
    predict.add_argument(
        "--segment",
        type=float,
        metavar="SECONDS",
        help="window length; default: the whole recording, 10 s windows above a minute",
    )
    predict.add_argument(
        "--keep-silence",
        action="store_true",
        help="around the speech of a recording or window; it is left out by default, as the recipes do",
    )
    form = predict.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="a JSON object a line")
    form.add_argument("--tsv", action="store_true", help="a table with a header, which is the default")
    predict.set_defaults(run=_predict)


def _predict(options) -> int:
    import torch
    from tqdm import tqdm

    from mtlaug.audio.recordings import windows
    from mtlaug.audio.silence import speech
    from mtlaug.export import packing

    if options.segment is not None and not 0 < options.segment < math.inf:
        raise UserError(f"--segment {options.segment:g}: expected seconds above 0")
    torch.set_flush_denormal(True)
    recogniser = packing.load(options.model)
    sources = list(_sources(options.audio))
    if not options.json:
        print("\t".join(("file", "start", "end", "emotion", *recogniser.classes)))
    failed = 0
    for name, open_source in tqdm(sources, unit="file", disable=not sys.stderr.isatty()):
        try:
            for start, end, samples in windows(open_source(), recogniser.sample_rate, options.segment):
                first, last = (0, None) if options.keep_silence else speech(samples, recogniser.sample_rate)
                posteriors = recogniser.posteriors(samples[first:last])
                print(_line(name, start, end, recogniser.classes, posteriors, options.json), flush=True)
        except UserError as error:
            failed += 1
            named = str(error) if str(error).startswith(f"{name}:") else f"{name}: {error}"
            print(f"mtlaug predict: {named}", file=sys.stderr)
    if failed:
        print(f"mtlaug predict: {failed} of {len(sources)} recordings failed", file=sys.stderr)
    return int(failed > 0)


def _line(name: str, start: float, end: float, classes: tuple[str, ...], posteriors, as_json: bool) -> str:
    emotion = classes[posteriors.argmax()]
    if not as_json:
        return "\t".join((name, f"{start:.2f}", f"{end:.2f}", emotion, *(f"{value:.4f}" for value in posteriors)))
    shares = {label: round(float(value), 6) for label, value in zip(classes, posteriors, strict=True)}
    times = {"start": round(start, 3), "end": round(end, 3)}
    return json.dumps({"file": name, **times, "emotion": emotion, "posteriors": shares}, ensure_ascii=False)


def _sources(arguments: list[str]) -> Iterator[tuple[str, object]]:
    """Yield (name, function that gives what soundfile reads) of each recording."""
    from mtlaug.datadir.corpus import ENDINGS, audio_files

    for argument in arguments:
        path = Path(argument)
        if argument == "-":
            yield argument, lambda: io.BytesIO(sys.stdin.buffer.read())
        elif path.is_dir():
            inside = audio_files(path)
            if not inside:
                raise UserError(f"{path}: holds no file that ends in {', '.join(ENDINGS)}")
            yield from ((str(file), lambda file=file: file) for file in inside)
        elif path.suffix == ".scp":
            yield from ((name, lambda source=source: _listed(source)) for name, source in read_table(path).items())
        else:
            yield argument, lambda path=path: path


def _listed(source: str):
    """The file, or the output of the command, of a line of wav.scp."""
    if not source.endswith("|"):
        return source
    from mtlaug.audio.commands import output_of

    return output_of(source[:-1])
