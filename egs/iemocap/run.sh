#!/usr/bin/env bash
# IEMOCAP: MTL-AUG within corpus, leaving one session (two speakers) out. The corpus needs a licence; see stage 0.
#
#   ./run.sh --corpus-dir /corpora/IEMOCAP_full_release
#   ./run.sh --corpus-dir /corpora/IEMOCAP_full_release --scripted false   # improvised speech alone
#   ./run.sh --stage 4 --train-config conf/stl.yaml,conf/mtlaug.yaml --seeds "1 2 3"
set -euo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")"

. steps/recipe_options.sh
corpus_dir=         # folder of IEMOCAP (the one that holds Session1/ ... Session5/)
classes=4           # of conf/labels_<classes>.yaml
merge_excited=true  # excited speech is of the class happy; false: it is left out
scripted=true       # false: improvised speech alone; scripted sentences recur over sessions
allow_partial=false # true: go on with a copy that is not whole

. ./path.sh
. ./cmd.sh
. utils/parse_options.sh

title="IEMOCAP"
data=data/iemocap
labels=$classes
model_suffix=
[ "$merge_excited" = true ] || { labels+=_without_excited && model_suffix+=_without_excited; }
[ "$scripted" = true ] || { data+=_improvised && model_suffix+=_improvised; }
protocol=${data#data/}_$labels
label_map=conf/labels_$labels.yaml

begin "$data" allow_partial

if at_stage 0 || at_stage 1; then
  log "Stage 0: the corpus, which everybody has to ask for"
  if [ ! -d "$corpus_dir" ]; then
    [ -z "$corpus_dir" ] || echo "run.sh: $corpus_dir: no such directory" >&2
    echo "run.sh: ask for IEMOCAP's licence at https://sail.usc.edu/iemocap/iemocap_release.htm, unpack the release, and
give by --corpus-dir the folder that holds Session1 to Session5, each with dialog/EmoEvaluation/*.txt,
dialog/transcriptions/*.txt and sentences/wav/*/*.wav" >&2
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
