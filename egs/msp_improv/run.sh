#!/usr/bin/env bash
# MSP-IMPROV: MTL-AUG within corpus, leaving one session (two speakers) out. The corpus needs a licence; see stage 0.
#
#   ./run.sh --corpus-dir /corpora/MSP-IMPROV
#   ./run.sh --corpus-dir /corpora/MSP-IMPROV --scripted false   # without the 20 sentences that all speakers say
#   ./run.sh --stage 4 --train-config conf/stl.yaml,conf/mtlaug.yaml --seeds "1 2 3"
set -euo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")"

. steps/recipe_options.sh
corpus_dir=         # folder of MSP-IMPROV (the one that holds Evalution.txt and session1/ ..., or Audio/session1/ ...)
classes=4           # of conf/labels_<classes>.yaml
scripted=true       # false: speech in own words alone; read and target sentences recur over sessions
allow_partial=false # true: go on with a copy that is not whole

. ./path.sh
. ./cmd.sh
. utils/parse_options.sh

title="MSP-IMPROV"
data=data/msp_improv
model_suffix=
[ "$scripted" = true ] || { data+=_improvised && model_suffix+=_improvised; }
protocol=${data#data/}_$classes
label_map=conf/labels_$classes.yaml

begin "$data" allow_partial

if at_stage 0 || at_stage 1; then
  log "Stage 0: the corpus, which everybody has to ask for"
  if [ ! -d "$corpus_dir" ]; then
    [ -z "$corpus_dir" ] || echo "run.sh: $corpus_dir: no such directory" >&2
    echo "run.sh: ask for MSP-IMPROV's licence at https://www.lab-msp.com/MSP/MSP-Improv.html, unpack the release, and
give by --corpus-dir the folder that holds the labels Evalution.txt (or Evaluation.txt) and session1 to session6
(or Audio/session1 ...), such as session1/S01A/P/MSP-IMPROV-S01A-F01-P-FM01.wav" >&2
    exit 1
  fi
fi

if at_stage 1; then
  log "Stage 1: data preparation"
  open_stage "$data/options.conf"
  local/prepare_data.py --scripted "$scripted" --allow-partial "$allow_partial" "$corpus_dir" "$data"
  utils/check_audio.sh --max-loss "$max_loss" "$data"
  utils/trim_silence.sh "$data"
  utils/validate_data_dir.sh --no-feats "$data"
  mtlaug protocol make "$data" --scheme sessions --label-map "$label_map" --name "$protocol"
fi

# Stages 2 to 8: copies, features, training, scoring, noisy speech, attacks, report.
. steps/recipe_stages.sh
