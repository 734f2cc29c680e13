#!/usr/bin/env bash
# The whole chain on SYNTHETIC speech, in minutes and without a download. Its figures show that the toolkit
# works; they say nothing about real emotion.
#
#   ./run.sh                                        # three models: chance, single task and multitask differ
#   ./run.sh --stage 4 --train-config conf/mtlaug.yaml --seeds "1 2 3"
set -euo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")"

stage=0             # first stage to run
stop_stage=8        # last stage to run
nj=$(nproc)         # jobs of the feature extraction
corpus_dir=corpus   # where the synthetic corpus goes
train_config=conf/stl.yaml,conf/stl_aug.yaml,conf/mtlaug.yaml # one or more, separated by commas
train_args=         # overrides, such as "loss_args.alpha=0.1 optim_args.epochs=5"
snrs="20 10 0"      # of stage 6, dB
attack_args="--methods fgsm,pgd --budgets 0.1,0.3 --steps 5 --restarts 1" # of stage 7: options of steps/eval_attack.sh
seeds=(1)           # one or more, separated by spaces

. ./path.sh
. ./cmd.sh
. utils/parse_options.sh

log() { echo "$(date '+%Y-%m-%d %H:%M:%S') run.sh: $*"; }
data=data/mini

if [ "$stage" -le 0 ] && [ "$stop_stage" -ge 0 ]; then
  log "Stage 0: make the synthetic corpus"
  local/make_corpus.py --corpus-dir "$corpus_dir"
fi

if [ "$stage" -le 1 ] && [ "$stop_stage" -ge 1 ]; then
  log "Stage 1: data preparation"
  local/prepare_data.py --corpus-dir "$corpus_dir" --data-dir data
  for set in "$data" "${data}_unlabelled"; do
    utils/check_audio.sh "$set"
    utils/validate_data_dir.sh --no-feats "$set"
  done
  mtlaug protocol make "$data" --scheme speakers --folds 4 --name mini
fi

if [ "$stage" -le 2 ] && [ "$stop_stage" -ge 2 ]; then
  log "Stage 2: augmentation manifest"
  steps/make_augmentation.sh "$data" "${data}_aug"
fi

if [ "$stage" -le 3 ] && [ "$stop_stage" -ge 3 ]; then
  log "Stage 3: feature extraction"
  for set in "$data" "${data}_aug"; do
    steps/make_fbank.sh --nj "$nj" --cmd "$train_cmd" "$set"
  done
fi

for config in ${train_config//,/ }; do
  model=$(basename "$config" .yaml)
  command="./run.sh --train-config $config --seeds \"${seeds[*]}\"${train_args:+ --train-args \"$train_args\"}"

  if [ "$stage" -le 4 ] && [ "$stop_stage" -ge 4 ]; then
    log "Stage 4: MTL training of $model"
    steps/train_mtl.sh --cmd "$cuda_cmd" --train-config "$config" --seeds "${seeds[*]}" --train-args "$train_args" \
      "$data" "${data}_aug" "exp/$model"
  fi

  if [ "$stage" -le 5 ] && [ "$stop_stage" -ge 5 ]; then
    log "Stage 5: scoring of $model"
    steps/score.sh --cmd "$decode_cmd" --command-line "$command" "exp/$model"
  fi

  if [ "$stage" -le 6 ] && [ "$stop_stage" -ge 6 ]; then
    log "Stage 6: noisy speech for $model"
    steps/eval_noise.sh --nj "$nj" --cmd "$decode_cmd" --snrs "$snrs" --babble-dir "${data}_unlabelled" \
      --command-line "$command --snrs \"$snrs\"" "$data" "${data}_aug" "${data}_noisy" "exp/$model"
  fi

  if [ "$stage" -le 7 ] && [ "$stop_stage" -ge 7 ]; then
    log "Stage 7: adversarial attacks on $model"
    # shellcheck disable=SC2086  # several options
    steps/eval_attack.sh --cmd "$decode_cmd" $attack_args \
      --command-line "$command${attack_args:+ --attack-args \"$attack_args\"}" "exp/$model"
  fi
done

if [ "$stage" -le 8 ] && [ "$stop_stage" -ge 8 ]; then
  log "Stage 8: report"
  steps/make_report.sh --title "mini (synthetic speech)" exp RESULTS.md
fi
