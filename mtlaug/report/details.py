"""What lies behind a UAR: which classes are taken for which, and how each speaker fares."""

from collections.abc import Sequence

import numpy as np

from mtlaug.report import figures
from mtlaug.report.blocks import Block, Text, slug
from mtlaug.report.plots import Plots
from mtlaug.report.scores import Scored
from mtlaug.report.tables import heading
from mtlaug.scoring.plots import draw_confusion
from mtlaug.scoring.scores import percent, speaker_tables
from mtlaug.scoring.statistics import uar

MOST_CONFUSIONS = 24  # in one report; every score directory has its own
MOST_MODELS, MOST_SPEAKERS = 4, 40  # in one plot of bars


def confusions(scores: Sequence[Scored], plots: Plots, drawn: int) -> list[Block]:
    """The confusion matrices of scores, of which ``drawn`` others are in the report already."""
    shown, left_out = scores[: max(0, MOST_CONFUSIONS - drawn)], scores[max(0, MOST_CONFUSIONS - drawn) :]
    blocks: list[Block] = []
    for score in shown:
        results = score.results
        title = f"{score.model}, {results['condition']}: UAR {percent(results['uar'])} %"
        recalls = ", ".join(f"{name} {percent(figures['recall'])}" for name, figures in results["per_class"].items())
        name = f"confusion_{slug(score.model)}_{slug(score.directory.name)}"
        drawing = draw_confusion(np.array(results["confusion"]), results["classes"], title)
        blocks.append(plots.add(name, drawing, f"Confusion matrix of {title}; recalls: {recalls}"))
    if left_out:
        names = ", ".join(str(score.directory) for score in left_out)
        blocks.append(Text(f"Confusion matrices that are not shown here, as confusion.svg in: {names}."))
    return blocks


def speakers(table: Sequence[Scored], plots: Plots) -> list[Block]:
    """The UAR of every speaker with the first models of a table."""
    uars, names = {}, []
    for score in table[:MOST_MODELS]:
        names, hits, totals = speaker_tables(score.predictions.by_seed())
        uars[score.model] = uar(hits, totals)[:MOST_SPEAKERS]
    if len(names) == 1:
        return []
    left_out = [f"{len(names) - MOST_SPEAKERS} speakers"] if len(names) > MOST_SPEAKERS else []
    left_out += [score.model for score in table[MOST_MODELS:]]
    title = "UAR of each speaker, over the classes that the speaker has, mean over the seeds"
    title += f"\nnot shown: {', '.join(left_out)}" if left_out else ""
    drawing = figures.speaker_bars(names[:MOST_SPEAKERS], uars, title)
    return [plots.add(f"speakers_{slug(heading(list(table)))}", drawing, f"{title}: {', '.join(uars)}")]
