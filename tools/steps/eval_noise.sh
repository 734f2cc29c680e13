#!/usr/bin/env bash
# Test experiments on noisy copies of their test speech; prints a %UAR line for each kind of noise and SNR.
set -euo pipefail

nj=2                           # jobs of the feature extraction
cmd=utils/run.py               # launcher
feature_config=conf/mtlaug.yaml  # YAML with feature_args
snrs="20 15 10 5 0"            # dB
noise_dir=                     # data directory of test noise; empty: synthetic coloured noise
babble_dir=                    # data directory of speech that babble is made of; empty: no babble
seed=0                         # of the noise
command_line=                  # what a user types to make this result; the report shows it
help_message="Usage: steps/eval_noise.sh [options] DATA_DIR AUG_DIR NOISY_DIR EXP_DIR...
Options: --nj 2 --cmd utils/run.py --feature-config conf/mtlaug.yaml --snrs '20 15 10 5 0' --noise-dir data/noise_test
  --babble-dir data/babble_train --seed 0 --command-line './run.sh --stage 6'
NOISY_DIR gets the copies and their features, once for all experiments; it is made anew where the options changed.
Example: steps/eval_noise.sh --nj 4 --noise-dir data/noise_test data/emodb data/emodb_aug data/emodb_noisy exp/mtlaug"
. utils/parse_options.sh
[ $# -ge 4 ] || { echo "$help_message" >&2; exit 1; }
data_dir=$1
aug_dir=$2
noisy_dir=$3
shift 3

for dir in "$data_dir" "$aug_dir" "$@"; do
  [ -d "$dir" ] || { echo "eval_noise.sh: $dir: no such directory" >&2; exit 1; }
done

mkdir -p "$noisy_dir/log"
(
  # Of two models that get here at once, the second waits for the copies that the first makes.
  flock -n 8 || { echo "eval_noise.sh: waiting for another run that makes $noisy_dir" >&2 && flock 8; }
  mtlaug augment noisy "$data_dir" "$noisy_dir" --aug-dir "$aug_dir" --noise-dir "$noise_dir" \
    --babble-dir "$babble_dir" "--snrs=$snrs" --seed "$seed" --config "$feature_config"
  # The file that the extraction writes last.
  if [ ! -f "$noisy_dir/feature_args.json" ]; then
    steps/make_fbank.sh --nj "$nj" --cmd "$cmd" --feature-config "$feature_config" "$noisy_dir"
  fi
) 8>"$noisy_dir/log/.eval_noise.lock"

for exp_dir in "$@"; do
  log="$exp_dir/log/score_noise.log"
  # shellcheck disable=SC2086  # the launcher comes with its options
  $cmd "$log" mtlaug score noise "$exp_dir" "$noisy_dir" --command-line "$command_line"
  grep '^%UAR' "$log"
done
