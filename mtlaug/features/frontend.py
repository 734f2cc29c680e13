"""Where features come from: the mel filterbank, or a layer of a self-supervised model of `torchaudio.models`."""

from pathlib import Path

import torch
import torchaudio.models

from mtlaug.args import FeatureArgs
from mtlaug.features.fbank import Fbank
from mtlaug.files import UserError, first_line

_RATE, _WINDOW, _SHIFT = 16000, 400, 320  # Hz, samples under a frame, and from one to the next: of all of them


def build(args: FeatureArgs) -> torch.nn.Module:
    """The frontend of ``args``: it maps waveforms (..., S) to features (..., T, C) and has ``num_frames``.

    Raises:
        UserError: its weights cannot be read or are of another model.
    """
    return Fbank(args) if args.frontend == "fbank" else SelfSupervised(args)


class SelfSupervised(torch.nn.Module):
    """A frozen wav2vec 2.0, HuBERT or WavLM (Baevski et al. 2020; Hsu et al. 2021; Chen et al. 2022).

    Features are the outputs of one transformer layer, a frame of 25 ms every 20 ms. With ``args.remove_level``
    waveforms are brought to mean 0 and variance 1 before, as in the training of lv60k, xlsr, hubert_large and
    wavlm_large; the first normalisation of the others takes the level away in any case. Gradients flow to the waveform.

    Args:
        args: ``frontend``, a name of `torchaudio.models`; ``weights``, a file with its state as `torchaudio.pipelines`
            has it, of which nothing but tensors is read; ``layer``; see `mtlaug.args.FeatureArgs`.
    Raises:
        UserError: as in `build`, or the rate or the frame shift is not the model's, or it has no such layer.
    """

    def __init__(self, args: FeatureArgs):
        super().__init__()
        if (args.sample_rate, args.frame_shift) != (_RATE, 1000 * _SHIFT / _RATE):
            raise UserError(f"feature_args: {args.frontend} needs sample_rate: 16000 and frame_shift: 20")
        self.model = getattr(torchaudio.models, args.frontend)()
        self.model.load_state_dict(_weights(args, self.model))
        self.model.eval().requires_grad_(False)
        self.layer, self.remove_level = args.layer, args.remove_level
        if args.layer > (layers := len(self.model.encoder.transformer.layers)):
            raise UserError(f"feature_args.layer: {args.frontend} has {layers} layers, not {args.layer}")

    def num_frames(self, num_samples: int) -> int:
        """Frames of a waveform of ``num_samples`` samples."""
        return (num_samples - _WINDOW) // _SHIFT + 1

    def forward(self, waveforms: torch.Tensor) -> torch.Tensor:
        """Waveforms (..., S) in [-1, 1] to features (..., T, C), each as if it were alone."""
        if waveforms.shape[-1] < _WINDOW:
            raise UserError(f"a waveform of {waveforms.shape[-1]} samples is shorter than a frame of {_WINDOW}")
        rows = waveforms.reshape(-1, waveforms.shape[-1])  # (N, S)
        if self.remove_level:
            rows = torch.nn.functional.layer_norm(rows, rows.shape[-1:])
        layers, _ = self.model.extract_features(rows, num_layers=self.layer)
        return layers[-1].reshape(*waveforms.shape[:-1], *layers[-1].shape[1:])


def _weights(args: FeatureArgs, model: torch.nn.Module) -> dict[str, torch.Tensor]:
    """The state in ``args.weights``, checked against the model's."""
    path = Path(args.weights)
    if not path.is_file():
        raise UserError(
            f"feature_args.weights: {args.weights!r} is no file; {args.frontend} needs its weights, a file such as "
            "torchaudio.pipelines keeps in torch's cache"
        )
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        shapes = {name: tensor.shape for name, tensor in state.items()}
    except Exception as error:  # torch.load raises many kinds for a broken file
        raise UserError(f"{path}: not a state of tensors ({first_line(error)})") from None
    if shapes != {name: tensor.shape for name, tensor in model.state_dict().items()}:
        raise UserError(f"{path}: holds the weights of another model than {args.frontend}")
    return state
