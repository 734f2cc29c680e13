#!/usr/bin/env bash
# Make data directories of noise for training and for tests, or of room impulse responses, from a folder of audio.
set -euo pipefail

test_share=0.4 # of each kind's source recordings; 0: no test directory
held_out=      # kind that is kept for the test altogether, such as rain
max_loss=5.0   # percent of unusable files above which this fails
seed=0         # of the choice, hashed with each source recording
help_message="Usage: steps/prepare_noise.sh [options] CORPUS_DIR OUT_PREFIX
Options: --test-share 0.4 --held-out rain --max-loss 5 --seed 0
Makes OUT_PREFIX_train and OUT_PREFIX_test, which share no source recording, of all .wav, .flac and .ogg files;
unusable ones are listed in OUT_PREFIX_train/dropped.tsv. With --test-share 0 all is in OUT_PREFIX_train.
Example: steps/prepare_noise.sh /corpora/ESC-10 data/noise"
. utils/parse_options.sh
[ $# -eq 2 ] || { echo "$help_message" >&2; exit 1; }

mtlaug datadir from-noise --test-share "$test_share" --held-out "$held_out" --max-loss "$max_loss" --seed "$seed" "$1" "$2"
for part in train test; do
  [ ! -d "$2_$part" ] || utils/validate_data_dir.sh --no-feats --no-text "$2_$part"
done
