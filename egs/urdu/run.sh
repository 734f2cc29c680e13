#!/usr/bin/env bash
# URDU: a test set for models of other languages (egs/cross_corpus); stages 0 and 1 only, see README.md.
#
#   ./run.sh --corpus-dir /corpora/URDU-Dataset
set -euo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")"

. steps/recipe_options.sh
unset nj noise_dir held_out_noise rir_dir unlabelled_dir feature_config train_config train_args exp_name ngpu seeds \
  tensorboard normalisation snrs attack_args dry_run # of the stages that this recipe has not
stop_stage=1
corpus_dir= # folder of URDU (the one that holds Angry/ ...), which has to be fetched by hand

. ./path.sh
. utils/parse_options.sh

data=data/urdu
url=https://github.com/siddiquelatif/URDU-Dataset

if [ "$stage" -gt 1 ] || [ "$stop_stage" -gt 1 ]; then
  echo "run.sh: URDU is a test set: there are stages 0 and 1 only (README.md says why);" \
    "egs/cross_corpus tests models of other corpora on it" >&2
  exit 1
fi
[ "$stage" -le "$stop_stage" ] || fail "--stage $stage --stop-stage $stop_stage: no stage is left"
if [ ! -d "$corpus_dir" ]; then
  echo "run.sh: --corpus-dir '$corpus_dir': no such directory; get URDU (for research only) from $url," \
    "for instance by git clone, and give its folder by --corpus-dir" >&2
  exit 1
fi

if at_stage 0; then
  log "Stage 0: get the corpus"
  echo "run.sh: using $corpus_dir"
fi

if at_stage 1; then
  log "Stage 1: data preparation"
  open_stage "$data/options.conf"
  local/prepare_data.py "$corpus_dir" "$data"
  utils/check_audio.sh --max-loss "$max_loss" "$data"
  utils/trim_silence.sh "$data"
  utils/validate_data_dir.sh --no-feats --no-text "$data"
  keep_options "$data/options.conf" # a sign for egs/cross_corpus that it is whole
fi
