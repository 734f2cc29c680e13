"""What a model card says of the network; what else is on it stands in test_predict.py."""

import pytest
import yaml

from mtlaug import config
from mtlaug.export import model_card

EXPERIMENT = {
    "classes": ["angry", "sad"],
    "data_dir": "data/x",
    "protocol": "0",
    "seeds": [1],
    "versions": {"mtlaug": "1"},
    "git_commit": "0",
}
SSL = ["model_args.num_convolutions=0", "feature_args.frontend=wavlm_base", "feature_args.layer=7"]


@pytest.mark.parametrize(
    ("overrides", "parts"),
    [
        ([], "a log-mel filterbank, 3 strided convolutions"),
        (["model_args.residual_blocks=1"], "a log-mel filterbank, 3 strided convolutions, residual blocks"),
        # There is no residual block after the first convolution.
        (
            ["model_args.residual_blocks=1", "model_args.num_convolutions=1"],
            "a log-mel filterbank, 1 strided convolution",
        ),
        (["feature_args.scale=pcen"], "a mel filterbank with per-channel energy normalisation, 3 strided convolutions"),
        (SSL, "layer 7 of a frozen wavlm_base"),
    ],
)
def test_the_card_names_the_parts_of_the_network(tmp_path, overrides, parts):
    (tmp_path / "mtlaug.yaml").write_text("")
    settings = config.load(tmp_path / "mtlaug.yaml", overrides).to_dict()
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(settings | {"experiment": EXPERIMENT}))
    network = f"Network: {parts}, a bidirectional LSTM and attention pooling."
    assert network in model_card.write(tmp_path, members=1)
