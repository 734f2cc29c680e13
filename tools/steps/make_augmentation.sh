#!/usr/bin/env bash
# Describe the augmented copies of a data directory; writes no audio.
set -euo pipefail

feature_config=conf/mtlaug.yaml # YAML with augment_args and feature_args
noise_dir=              # data directory of training noise; empty: synthetic coloured noise
rir_dir=                # data directory of room impulse responses; empty: synthetic ones
help_message="Usage: steps/make_augmentation.sh [options] DATA_DIR AUG_DIR
Options: --feature-config conf/mtlaug.yaml --noise-dir data/noise_train --rir-dir data/rir
Example: steps/make_augmentation.sh data/emodb data/emodb_aug"
. utils/parse_options.sh
[ $# -eq 2 ] || { echo "$help_message" >&2; exit 1; }

mtlaug augment make "$1" "$2" --config "$feature_config" --noise-dir "$noise_dir" --rir-dir "$rir_dir"
utils/validate_data_dir.sh --no-feats --no-text "$2"
