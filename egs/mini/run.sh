#!/usr/bin/env bash
# The whole chain on SYNTHETIC speech, in minutes and without a download. Its figures show that the toolkit
# works; they say nothing about real emotion.
#
#   ./run.sh                                        # two models: single task on clean speech, and multitask
#   ./run.sh --stage 4 --train-config conf/mtlaug.yaml --seeds "1 2 3"
set -euo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")"

. steps/recipe_options.sh
unset unlabelled_dir # it has synthetic speech without labels of its own
corpus_dir=corpus # where the synthetic corpus goes
train_config=conf/stl.yaml,conf/mtlaug.yaml # one or more, separated by commas
snrs="10 0"       # of the noise in stage 6, dB
attack_args="--methods fgsm,pgd --budgets 0.1,0.3 --steps 5 --restarts 1" # options of stage 7

. ./path.sh
. ./cmd.sh
. utils/parse_options.sh

title="mini (synthetic speech)"
data=data/mini
protocol=mini
unlabelled=data/mini_unlabelled

begin "$data"

if at_stage 0; then
  log "Stage 0: make the synthetic corpus"
  local/make_corpus.py --corpus-dir "$corpus_dir"
fi

if at_stage 1; then
  log "Stage 1: data preparation"
  open_stage "$data/options.conf"
  local/prepare_data.py --corpus-dir "$corpus_dir" --data-dir data
  for set in "$data" "$unlabelled" "${unlabelled}_babble"; do
    utils/check_audio.sh --max-loss "$max_loss" "$set"
    utils/validate_data_dir.sh --no-feats "$set"
  done
  mtlaug protocol make "$data" --scheme speakers --folds 4 --name "$protocol"
fi

# Stages 2 to 8: copies, features, training, scoring, noisy speech, attacks, report.
. steps/recipe_stages.sh
