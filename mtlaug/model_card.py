"""The model card of an exported model: data, protocol, results with intervals, use and limits."""

from collections import defaultdict
from pathlib import Path
from statistics import fmean

import yaml

from mtlaug.files import UserError
from mtlaug.scoring import curve_name, interval, percent, read_results

USE = """Research on the recognition of emotion in speech, in recordings that begin and end with it: `mtlaug predict`
leaves out the silence around speech, and so should other programs. The posteriors say how alike a recording is to
those that actors or raters labelled so; they say nothing about what somebody feels. Not for decisions about people."""
LIMITS = """The training data have their own languages, speakers, microphones and ways of emotion, acted ones in most
corpora; other speech, other languages, noise and distant microphones lower the recall, as far as measured by the
figures above. Classes that are not listed cannot be recognised: every recording gets one of them."""


def write(exp_dir: str | Path, members: int, licence: str = "") -> str:
    """Markdown about an experiment, from its ``config.yaml`` and ``score_*/results.json``.

    Args:
        members: models in the ensemble.
        licence: terms of the training data.
    Raises:
        UserError: no ``config.yaml`` there or above: the model is not of an experiment.
    """
    path = Path(exp_dir)
    root = next((folder for folder in (path, *path.parents[:2]) if (folder / "config.yaml").exists()), None)
    settings = yaml.safe_load((root / "config.yaml").read_text(encoding="utf-8")) if root else {}
    bound = settings.get("experiment")
    if not bound:
        raise UserError(f"{exp_dir}: not an experiment, or packed already; give exp/<model>, or a fold or seed of it")
    results = [read_results(found.parent) for found in sorted(root.glob("score_*/results.json"))]
    parts = [
        f"# {root.name}",
        f"Emotions: {', '.join(bound['classes'])}. Network: {_network(settings)}"
        + (f"; the posteriors of {members} of them are averaged." if members > 1 else "."),
        "## Training data",
        f"{_data(bound, settings)}, protocol `{bound['protocol']}`, seeds {' '.join(map(str, bound['seeds']))}, "
        f"normalisation {settings['dataset_args']['normalisation']}. Terms of the data: {licence or 'not stated'}.",
        "## Results",
        "UAR in percent of all folds' single models, each on speakers whom it was not trained on, averaged over the "
        "seeds, with the 95 % interval over speakers."
        + (" None of these is a figure of the ensemble." * (members > 1)),
        "\n".join(_rows(results)) if results else "None: the model was not scored.",
        "## Use",
        USE,
        "## Limits",
        LIMITS,
        f"Made by mtlaug {bound['versions']['mtlaug']}, commit `{bound['git_commit']}`.",
    ]
    return "\n\n".join(parts) + "\n"


def _data(bound: dict, settings: dict) -> str:
    args = settings["unlabelled_args"]
    without = [*args["data_dirs"], *args["target_dirs"]] if args["ratio"] else []
    return f"`{bound['data_dir']}`" + "".join(f", without labels `{directory}`" for directory in without)


def _network(settings: dict) -> str:
    features, convolutions = settings["feature_args"], settings["model_args"]["num_convolutions"]
    parts = [
        "a log-mel filterbank"
        if features["frontend"] == "fbank"
        else f"layer {features['layer']} of a frozen {features['frontend']}",
        *([f"{convolutions} strided convolutions"] if convolutions else []),
        "a bidirectional LSTM",
    ]
    return f"{', '.join(parts)} and attention pooling"


def _rows(results: list[dict]) -> list[str]:
    """A row for each score, but of curves one for each level: the mean over the series."""
    rows = ["| condition | UAR | 95 % |", "| --- | ---: | ---: |"]
    levels: dict[tuple, list[float]] = defaultdict(list)
    for result in results:
        if curve := result.get("curve"):
            levels[curve_name(curve), curve["unit"], curve["level"]].append(result["uar"])
        else:
            rows.append(f"| {result['condition']} | {percent(result['uar'])} | {interval(result['ci95']['uar'])} |")
    for (name, unit, level), uars in sorted(levels.items()):
        rows.append(f"| {name}, {level:g} {unit} (mean of {len(uars)}) | {percent(fmean(uars))} | |")
    return rows
