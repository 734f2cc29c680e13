"""A recogniser as one file for other programs: a waveform in, posteriors out, of any length."""

import importlib.util
import logging
import os
import warnings
from collections.abc import Callable
from pathlib import Path

import torch

from mtlaug.export.recogniser import Recogniser
from mtlaug.files import UserError, atomic_path


def check(path: Path, recogniser: Recogniser | None = None) -> None:
    """A `UserError` where `write` could not make ``path``.

    The reason is another ending, packages that are not installed, or features of ``recogniser`` that are not the
    filterbank's.
    """
    if path.suffix not in WRITERS:
        raise UserError(f"{path}: known kinds are {' and '.join(ending[1:] for ending in WRITERS)}")
    if path.suffix == ".onnx" and not all(map(importlib.util.find_spec, ("onnx", "onnxscript", "onnxruntime"))):
        raise UserError(f'{path}: onnx is not installed; pip install -r "$MTLAUG_ROOT/tools/requirements-onnx.txt"')
    if recogniser and (name := recogniser.settings.feature_args.frontend) != "fbank":
        raise UserError(f"{path}: a model on features of {name} cannot be one file; the packed directory serves mtlaug")


def write(recogniser: Recogniser, path: Path) -> None:
    """Write ``path``, ``.onnx`` or ``.ts`` (TorchScript): input ``waveform`` (S,), output ``posteriors`` (K,).

    The waveform is float32 in [-1, 1] at the recogniser's sample rate, of at least a tenth of a second.
    TorchScript wants a program with PyTorch, ONNX any runtime of its opset.

    Raises:
        UserError: see `check`.
    """
    check(path, recogniser)
    # Two seconds of noise to trace with; neither its length nor its values stay in the file.
    example = torch.randn(2 * recogniser.sample_rate, generator=torch.Generator().manual_seed(0))
    with atomic_path(path) as temporary, warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # of the exporters, about their own insides
        WRITERS[path.suffix](recogniser.network, example, temporary)


def _torchscript(network: torch.nn.Module, example: torch.Tensor, path: Path) -> None:
    torch.jit.trace(network, (example,)).save(os.fspath(path))


def _onnx(network: torch.nn.Module, example: torch.Tensor, path: Path) -> None:
    """Export, and compare with ours: a second export in one process has been seen to get the lengths wrong."""
    for name in ("onnxscript", "onnx_ir", "torch.onnx"):
        logging.getLogger(name).setLevel(logging.WARNING)  # they tell of every pass over the graph
    program = torch.onnx.export(
        network,
        (example,),
        dynamo=True,
        verbose=False,
        dynamic_shapes=({0: torch.export.Dim.DYNAMIC},),
        input_names=["waveform"],
        output_names=["posteriors"],
    )
    program.save(path, external_data=False)
    import onnxruntime

    session = onnxruntime.InferenceSession(path)
    for samples in (example[: len(example) // 3], torch.cat([example, example])):
        try:
            difference = abs(session.run(None, {"waveform": samples.numpy()})[0] - network(samples).numpy()).max()
        except Exception as error:  # of the runtime, which has many kinds
            raise UserError(
                f"{path}: the exported model does not run ({error}); export in a process of its own"
            ) from None
        if difference > 1e-4:
            raise UserError(f"{path}: the exported model gives other posteriors than ours for {len(samples)} samples")


WRITERS: dict[str, Callable[[torch.nn.Module, torch.Tensor, Path], None]] = {".onnx": _onnx, ".ts": _torchscript}
