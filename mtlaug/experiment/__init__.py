"""Experiments: ``exp/<model>``, what it is bound to, its trained models and their posteriors."""

from mtlaug.experiment.experiment import Experiment, load, locked, prepare

__all__ = ["Experiment", "load", "locked", "prepare"]
