"""Speech emotion recognition with multitask learning from augmented auxiliary data.

From sound to report: ``datadir``, ``audio``, ``protocol``, ``augment``, ``features``, ``dataset``, ``model``,
``experiment``, ``training``, ``attack``, ``scoring``, ``evaluation``, ``export``, ``report``; ``cli`` is the command
line over them. Importing the package itself loads nothing heavy.
"""

__version__ = "0.1.0"
