#!/usr/bin/env bash
# EMO-DB (Berlin): MTL-AUG within corpus, leaving one speaker out.
#
#   ./run.sh                             # downloads the corpus, then everything
#   ./run.sh --corpus-dir /corpora/emodb # a copy of one's own
#   ./run.sh --stage 4 --train-config conf/stl.yaml,conf/mtlaug.yaml --seeds "1 2 3"
set -euo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")"

. steps/recipe_options.sh
corpus_dir= # folder of EMO-DB (the one that holds wav/); empty: downloaded to downloads/emodb
classes=4   # 4 (angry happy neutral sad) or 7

. ./path.sh
. ./cmd.sh
. utils/parse_options.sh

title="EMO-DB"
data=data/emodb
protocol=emodb_$classes
label_map=conf/labels_$classes.yaml
model_suffix=
[ "$classes" = 4 ] || model_suffix=_${classes}classes

begin "$data"

if at_stage 0; then
  log "Stage 0: get the corpus"
  steps/get_corpus.sh --corpus-dir "$corpus_dir" http://emodb.bilderbar.info/download/download.zip downloads/emodb
fi

if at_stage 1; then
  log "Stage 1: data preparation"
  open_stage "$data/options.conf"
  local/prepare_data.py "${corpus_dir:-downloads/emodb}" "$data"
  utils/check_audio.sh --max-loss "$max_loss" "$data"
  utils/trim_silence.sh "$data"
  utils/validate_data_dir.sh --no-feats "$data"
  mtlaug protocol make "$data" --scheme loso --label-map "$label_map" --name "$protocol"
fi

# Stages 2 to 8: copies, features, training, scoring, noisy speech, attacks, report.
. steps/recipe_stages.sh
