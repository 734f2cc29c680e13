"""The model card of an exported model: data, protocol, results with intervals, use and limits."""

from collections import defaultdict
from pathlib import Path
from statistics import fmean

from mtlaug.files import UserError, read_json, read_yaml
from mtlaug.scoring.scores import curve_name, interval, percent, read_results

USE = """Research on the recognition of emotion in speech, in recordings that begin and end with it: `mtlaug predict`
leaves out the silence around speech, and so should other programs. The posteriors, which are not calibrated, say how
similar a recording is to those that were acted or rated as an emotion, and nothing about what somebody feels. Not for
decisions about people."""
LIMITS = """The training data have their own languages, speakers, microphones and ways of expressing emotion, acted in
most corpora; other speech, other languages, noise and distant microphones lower the recall, as far as measured by the
figures above. Classes that are not listed cannot be recognised: every recording gets one of them."""
FILTERBANKS = {"log": "a log-mel filterbank", "pcen": "a mel filterbank with per-channel energy normalisation"}


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
    settings = read_yaml(root / "config.yaml") if root else {}
    bound = settings.get("experiment")
    if not bound:
        raise UserError(f"{exp_dir}: not an experiment, or packed already; give exp/<model>, or a fold or seed of it")
    results = [read_results(found.parent) for found in sorted(root.glob("score_*/results.json"))]
    parts = [
        f"# {root.name}",
        f"Emotions: {', '.join(bound['classes'])}. Network: {_network(settings)}"
        + (f"; the posteriors of {members} of them are averaged." if members > 1 else "."),
        "## Training data",
        f"{_data(bound, settings)}{_corpora(bound, settings, path, root)}, protocol `{bound['protocol']}`, "
        f"seeds {' '.join(map(str, bound['seeds']))}, normalisation {settings['dataset_args']['normalisation']}. "
        f"Terms of the data: {licence or 'not stated'}.",
        "## Results",
        "UAR in percent of all folds' single models, each on speakers whom it was not trained on, averaged over "
        f"{_seeds(results)}, with the 95 % interval over speakers."
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
    without = args["data_dirs"] if args["ratio"] else []
    return f"`{bound['data_dir']}`" + "".join(f", without labels `{directory}`" for directory in without)


def _seeds(results: list[dict]) -> str:
    tested = {tuple(result["seeds"]) for result in results}
    return f"seeds {' '.join(map(str, *tested))}" if len(tested) == 1 else "seeds"


def _corpora(bound: dict, settings: dict, path: Path, root: Path) -> str:
    """Across corpora, those of the models that are packed, each by the name of its fold."""
    protocol = Path(bound["data_dir"], "protocol.json")
    stored = read_json(protocol) if protocol.exists() else {}
    if stored.get("scheme") != "cross":
        return ""
    of_path = [part for part in path.relative_to(root).parts if part.startswith("fold_")]
    folds = of_path or sorted(folder.name for folder in root.glob("fold_*"))
    named = ", ".join(fold.removeprefix("fold_") for fold in folds)
    heard = settings["unlabelled_args"]["ratio"] and any("unlabelled" in fold for fold in stored["folds"])
    target = "; each heard other speakers of its test corpus too, without labels" if heard else ""
    return f" (of which these trained a model each: {named}{target})"


def _network(settings: dict) -> str:
    features, model = settings["feature_args"], settings["model_args"]
    strided = model["num_convolutions"]
    parts = [
        FILTERBANKS[features["scale"]]
        if features["frontend"] == "fbank"
        else f"layer {features['layer']} of a frozen {features['frontend']}",
        *([f"{strided} strided convolution{'s' * (strided > 1)}"] if strided else []),
        *(["residual blocks"] if model["residual_blocks"] and strided > 1 else []),
        "a bidirectional LSTM",
    ]
    return f"{', '.join(parts)} and attention pooling"


def _rows(results: list[dict]) -> list[str]:
    """A row for each score, but of curves one for each level: the mean over the series."""
    rows = ["| condition | seeds | UAR | 95 % |", "| --- | --- | ---: | ---: |"]
    levels: dict[tuple, list[float]] = defaultdict(list)
    for result in results:
        seeds = " ".join(map(str, result["seeds"]))
        if curve := result.get("curve"):
            levels[curve_name(curve), curve["unit"], curve["level"], seeds].append(result["uar"])
        else:
            figures = f"{percent(result['uar'])} | {interval(result['ci95']['uar'])}"
            rows.append(f"| {result['condition']} | {seeds} | {figures} |")
    for (name, unit, level, seeds), uars in sorted(levels.items()):
        rows.append(f"| {name}, {level:g} {unit} (mean of {len(uars)}) | {seeds} | {percent(fmean(uars))} | |")
    return rows
