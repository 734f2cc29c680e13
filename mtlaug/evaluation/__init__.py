"""Tests of an experiment's models: within and across corpora, in noise, under attacks; and the classic baseline."""

from mtlaug.evaluation.testing import predict_within, predictor, score_within, write_score

__all__ = ["predict_within", "predictor", "score_within", "write_score"]
