#!/usr/bin/env bash
# Make a data directory of speech without labels, its augmented copies and the features of both.
set -euo pipefail

nj=2                            # jobs
cmd=utils/run.py                # launcher
babble_share=0.2                # of the speakers: kept out of training, their speech is babble noise in tests
augment_config=conf/mtlaug.yaml # YAML with augment_args and feature_args
noise_dir=                      # data directory of training noise; empty: synthetic coloured noise
rir_dir=                        # data directory of room impulse responses; empty: synthetic ones
help_message="Usage: steps/prepare_unlabelled.sh [options] CORPUS_DIR DATA_DIR
Options: --nj 2 --cmd utils/run.py --babble-share 0.2 --augment-config conf/mtlaug.yaml --noise-dir '' --rir-dir ''
Makes DATA_DIR, DATA_DIR_aug and, of other speakers, DATA_DIR_babble (audio only).
Example: steps/prepare_unlabelled.sh /corpora/LibriSpeech data/unlabelled"
. utils/parse_options.sh
[ $# -eq 2 ] || { echo "$help_message" >&2; exit 1; }
data_dir=$2

mtlaug datadir from-speech --babble-share "$babble_share" "$1" "$data_dir"
for part in "$data_dir" "${data_dir}_babble"; do
  [ ! -d "$part" ] || utils/check_audio.sh "$part"
done
steps/make_augmentation.sh --augment-config "$augment_config" --noise-dir "$noise_dir" --rir-dir "$rir_dir" \
  "$data_dir" "${data_dir}_aug"
for set in "$data_dir" "${data_dir}_aug"; do
  steps/make_fbank.sh --nj "$nj" --cmd "$cmd" --fbank-config "$augment_config" "$set"
done
