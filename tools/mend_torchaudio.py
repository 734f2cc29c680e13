#!/usr/bin/env python3
"""Make ``import torchaudio`` work where its native libraries do not fit the installed torch.

torchaudio's libraries need CUDA's: they fail to load beside a torch built for the CPU only, and torchaudio refuses a
torch built for another CUDA. Everything mtlaug uses of it is pure Python, and without the libraries it
imports as such. They are moved aside, into ``torchaudio/lib/unused/``, so that it can be undone by moving them back.
Does nothing where the import works. Exits 1 where it still fails afterwards.
"""

import importlib.metadata
import importlib.util
import subprocess
import sys
from pathlib import Path

NATIVE = ("*.so", "*.dylib", "*.pyd")


def import_error() -> str | None:
    """What ``import torchaudio`` says in a fresh interpreter: its last line on failure, else None."""
    command = [sys.executable, "-c", "import torchaudio"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode == 0:
        return None
    return (result.stderr.strip().splitlines() or [f"exit code {result.returncode}"])[-1]


def reason() -> str:
    """Why the libraries do not fit, as far as the installed torch tells."""
    import torch

    if torch.version.cuda is None:
        return f"torch {torch.__version__} is built for the CPU only, torchaudio's native libraries for CUDA"
    return (
        f"torch {torch.__version__} is built for CUDA {torch.version.cuda}, and the native libraries of "
        f"torchaudio {importlib.metadata.version('torchaudio')} for another one"
    )


def move_aside(library: Path) -> list[Path]:
    """Move the native libraries in ``library`` into its folder ``unused``; returns their new paths."""
    unused = library / "unused"
    found = [path for pattern in NATIVE for path in sorted(library.glob(pattern))]
    if found:
        unused.mkdir(exist_ok=True)
    return [path.replace(unused / path.name) for path in found]


def main() -> int:
    error = import_error()
    if error is None:
        return 0
    spec = importlib.util.find_spec("torchaudio")  # finds the package without importing it
    if spec is None or not spec.submodule_search_locations:
        print("mend_torchaudio.py: torchaudio is not installed; run tools/install.sh", file=sys.stderr)
        return 1
    library = Path(spec.submodule_search_locations[0]) / "lib"
    print(f"mend_torchaudio.py: import torchaudio fails: {error}", file=sys.stderr)
    moved = move_aside(library)
    error = import_error()
    if error is not None:
        for path in moved:
            path.replace(library / path.name)
        print(
            f"mend_torchaudio.py: without its native libraries it fails too: {error}\n"
            "mend_torchaudio.py: install the versions of torch and torchaudio in tools/requirements.txt",
            file=sys.stderr,
        )
        return 1
    print(
        f"mend_torchaudio.py: {reason()}.\n"
        f"mend_torchaudio.py: moved {len(moved)} of them to {library / 'unused'}; torchaudio now works as pure Python, "
        "which is all that is used here",
        file=sys.stderr,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
