"""Scores: from predictions to UAR, its interval, confusions, comparisons and ensembles."""
