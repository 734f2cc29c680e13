"""Packaging of mtlaug. The versions it needs stand in tools/requirements.txt alone."""

import re
from pathlib import Path

from setuptools import find_packages, setup

ROOT = Path(__file__).resolve().parent
EXTRAS = ("test", "baseline", "onnx", "tensorboard")


def requirements(name: str) -> list[str]:
    """The lines of a requirements file in tools/, without comments."""
    lines = (ROOT / "tools" / name).read_text(encoding="utf-8").splitlines()
    return [line for line in (line.split("#")[0].strip() for line in lines) if line]


def version() -> str:
    """Read from the source, as importing the package may need what is not installed yet."""
    source = (ROOT / "mtlaug" / "__init__.py").read_text(encoding="utf-8")
    return re.search(r'^__version__ = "(.+)"$', source, re.MULTILINE)[1]


setup(
    name="mtlaug",
    version=version(),
    description="Speech emotion recognition with multitask learning from augmented auxiliary data",
    license="Apache-2.0",
    python_requires=">=3.10",
    packages=find_packages(include=["mtlaug", "mtlaug.*"]),
    install_requires=requirements("requirements.txt"),
    extras_require={name: requirements(f"requirements-{name}.txt") for name in EXTRAS},
    entry_points={"console_scripts": ["mtlaug=mtlaug.cli:main"]},
)
