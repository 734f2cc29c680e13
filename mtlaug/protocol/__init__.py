"""The evaluation protocol of a corpus: who trains, selects and tests, on which classes; nothing leaks."""

from mtlaug.protocol.protocol import Protocol, load, make, verify

__all__ = ["Protocol", "load", "make", "verify"]
