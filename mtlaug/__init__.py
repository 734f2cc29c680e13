"""Speech emotion recognition with multitask learning from augmented auxiliary data.

The public API is the modules: ``datadir``, ``protocol``, ``augment``,
``features``, ``dataset``, ``model``, ``training``, ``scoring``, ``report``.
Importing the package itself loads nothing heavy.
"""

__version__ = "0.1.0"
