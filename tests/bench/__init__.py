"""Benchmarks, ours and the alternative in turn; no part of the test suite: python -m tests.bench"""
