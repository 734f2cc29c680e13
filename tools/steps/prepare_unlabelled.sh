#!/usr/bin/env bash
# Make data directories of speech without labels: one for training, one of other speakers for babble noise in tests.
set -euo pipefail

babble_share=0.2 # of the speakers; 0: no babble directory
max_loss=5.0     # percent of bad audio files above which this fails
help_message="Usage: steps/prepare_unlabelled.sh [options] CORPUS_DIR DATA_DIR
Options: --babble-share 0.2 --max-loss 5
Makes DATA_DIR and DATA_DIR_babble of all .wav, .flac and .ogg files at any depth.
Example: steps/prepare_unlabelled.sh /corpora/LibriSpeech data/unlabelled"
. utils/parse_options.sh
[ $# -eq 2 ] || { echo "$help_message" >&2; exit 1; }

mtlaug datadir from-speech --babble-share "$babble_share" "$1" "$2"
for part in "$2" "$2_babble"; do
  [ ! -d "$part" ] || utils/check_audio.sh --max-loss "$max_loss" "$part"
  [ ! -d "$part" ] || utils/validate_data_dir.sh --no-feats --no-text "$part"
done
