"""Scores of two models, with curves and matrices, for the tests of the report; and parts of its text."""

from pathlib import Path

from made_predictions import random_predictions, write_made_score

LEVELS = (20.0, 5.0, 0.0)  # dB SNR
SERIES = ("babble", "rain")


def write_exp(exp: Path) -> Path:
    """Two models with clean scores, noise curves, and a matrix of two pairs."""
    for model, skill in (("mtlaug", 0.9), ("stl", 0.6)):
        write_made_score(exp, model, random_predictions(skill, draw=1, seeds=(1, 2)))
        for place, series in enumerate(SERIES):
            for level in LEVELS:
                points = random_predictions(skill * (0.5 + level / 50), draw=7 + place, seeds=(1, 2))
                curve = {"name": "noise", "series": series, "level": level, "unit": "dB SNR"}
                name = f"noise_{series}_snr{level:g}"
                write_made_score(exp, model, points, f"score_{name}", condition=name, curve=curve)
        for train, test in (("a", "b"), ("a+b", "c")):
            name, pair = f"cross_{train}_to_{test}", {"train": train, "test": test}
            cell = random_predictions(skill, draw=3)
            where = {"protocol_name": "cross", "protocol": "c" * 64, "set": test}
            write_made_score(exp, model, cell, f"score_{name}", condition=name, pair=pair, **where)
    return exp


def write_point(
    exp: Path, model: str, series: str, level: float, name: str = "noise", skill: float = 0.5, **changes
) -> Path:
    """Another point of a curve."""
    curve = {"name": name, "series": series, "level": level, "unit": "dB SNR" if name == "noise" else "ε"}
    condition = f"{name}_{series}_{level:g}".replace(" ", "_")
    points = random_predictions(skill, draw=len(series), seeds=(1, 2))
    return write_made_score(exp, model, points, f"score_{condition}", condition=condition, curve=curve, **changes)


def row(text: str, *begins: str) -> list[str]:
    """The cells of the only row of the text that begins so."""
    (line,) = [line for line in text.splitlines() if line.startswith("| " + " | ".join(begins) + " |")]
    return [cell.strip() for cell in line.strip("|").split("|")]


def part(text: str, heading: str) -> str:
    """The section whose heading begins so."""
    (found,) = [part for part in text.split("\n## ") if part.startswith(heading)]
    return found
