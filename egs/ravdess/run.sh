#!/usr/bin/env bash
# RAVDESS (speech, audio only): MTL-AUG within corpus, six folds of four actors.
#
#   ./run.sh                               # downloads the corpus, then everything
#   ./run.sh --corpus-dir /corpora/ravdess # a copy of one's own
#   ./run.sh --stage 4 --train-config conf/stl.yaml,conf/mtlaug.yaml --seeds "1 2 3"
set -euo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")"

. steps/recipe_options.sh
corpus_dir= # folder of RAVDESS (the one that holds Actor_01/ ...); empty: downloaded to downloads/ravdess
classes=8   # 8, or 4 (angry happy neutral sad)

. ./path.sh
. ./cmd.sh
. utils/parse_options.sh

title="RAVDESS"
data=data/ravdess
protocol=ravdess_$classes
label_map=conf/labels_$classes.yaml
model_suffix=
[ "$classes" = 8 ] || model_suffix=_${classes}classes

begin "$data"

if at_stage 0; then
  log "Stage 0: get the corpus"
  steps/get_corpus.sh --corpus-dir "$corpus_dir" \
    https://zenodo.org/record/1188976/files/Audio_Speech_Actors_01-24.zip downloads/ravdess
fi

if at_stage 1; then
  log "Stage 1: data preparation"
  open_stage "$data/options.conf"
  local/prepare_data.py "${corpus_dir:-downloads/ravdess}" "$data"
  utils/check_audio.sh --max-loss "$max_loss" "$data"
  utils/trim_silence.sh "$data"
  utils/validate_data_dir.sh --no-feats "$data"
  mtlaug protocol make "$data" --scheme speakers --fold-list conf/folds.txt \
    --label-map "$label_map" --name "$protocol"
fi

# Stages 2 to 8: copies, features, training, scoring, noisy speech, attacks, report.
. steps/recipe_stages.sh
