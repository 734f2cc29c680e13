#!/usr/bin/env bash
# EMO-DB (Berlin): MTL-AUG within corpus, leaving one speaker out.
#
#   ./run.sh                             # downloads the corpus, then everything
#   ./run.sh --corpus-dir /corpora/emodb # a copy of one's own
#   ./run.sh --stage 4 --train-config conf/stl.yaml,conf/mtlaug.yaml --seeds "1 2 3"
set -euo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")"

stage=0                         # first stage to run
stop_stage=8                    # last stage to run
nj=$(nproc)                     # jobs of the feature extraction
corpus_dir=                     # folder of EMO-DB (the one that holds wav/); empty: downloaded to downloads/emodb
classes=4                       # 4 (angry happy neutral sad) or 7
noise_dir=                      # folder of noise recordings for the copies; empty: synthetic coloured noise
held_out_noise=                 # kind of noise that is kept out of the copies, for stage 6 alone, such as rain
babble_dir=                     # folder of speech for babble noise in stage 6 (any unlabelled speech); empty: no babble
snrs="20 15 10 5 0"             # of stage 6, dB
attack_args=                    # options of stage 7, such as "--domain waveform" or "--source exp/stl" (transfer)
rir_dir=                        # folder of room impulse responses; empty: synthetic ones
max_loss=5                      # percent of bad audio files above which stage 1 fails
train_config=conf/mtlaug.yaml   # one or more, separated by commas
train_args=                     # overrides, such as "loss_args.alpha=0.1 optim_args.epochs=5"
exp_name=                       # name of the experiment; empty: that of the config
seeds=(1)                       # one or more, separated by spaces
normalisation=global            # global, utterance or speaker (the last uses the test speaker's own statistics)

. ./path.sh
. ./cmd.sh
. utils/parse_options.sh

log() { echo "$(date '+%Y-%m-%d %H:%M:%S') run.sh: $*"; }
data=data/emodb
corpus=${corpus_dir:-downloads/emodb}

if [ "$stage" -le 0 ] && [ "$stop_stage" -ge 0 ]; then
  log "Stage 0: get the corpus"
  steps/get_corpus.sh --corpus-dir "$corpus_dir" http://emodb.bilderbar.info/download/download.zip downloads/emodb
fi

if [ "$stage" -le 1 ] && [ "$stop_stage" -ge 1 ]; then
  log "Stage 1: data preparation"
  local/prepare_data.py "$corpus" "$data"
  utils/check_audio.sh --max-loss "$max_loss" "$data"
  utils/validate_data_dir.sh --no-feats "$data"
  mtlaug protocol make "$data" --scheme loso --label-map "conf/labels_$classes.yaml" --name "emodb_$classes"
  [ -z "$noise_dir" ] || steps/prepare_noise.sh --held-out "$held_out_noise" "$noise_dir" data/noise
  [ -z "$babble_dir" ] || steps/prepare_noise.sh --test-share 0 "$babble_dir" data/babble
  [ -z "$rir_dir" ] || steps/prepare_noise.sh --test-share 0 "$rir_dir" data/rir
fi

if [ "$stage" -le 2 ] && [ "$stop_stage" -ge 2 ]; then
  log "Stage 2: augmentation manifest"
  steps/make_augmentation.sh --noise-dir "${noise_dir:+data/noise_train}" --rir-dir "${rir_dir:+data/rir_train}" \
    "$data" "${data}_aug"
fi

if [ "$stage" -le 3 ] && [ "$stop_stage" -ge 3 ]; then
  log "Stage 3: feature extraction"
  for set in "$data" "${data}_aug"; do
    steps/make_fbank.sh --nj "$nj" --cmd "$train_cmd" "$set"
  done
fi

# Several configurations are trained and scored in turn; each has its own experiment directory.
for config in ${train_config//,/ }; do
  model=${exp_name:-$(basename "$config" .yaml)}
  [ "$classes" = 4 ] || model=${model}_${classes}classes
  [ "$normalisation" = global ] || model=${model}_$normalisation
  command="./run.sh --classes $classes --train-config $config --normalisation $normalisation --seeds \"${seeds[*]}\""
  command+="${noise_dir:+ --noise-dir \"$noise_dir\"}${held_out_noise:+ --held-out-noise $held_out_noise}"
  command+="${rir_dir:+ --rir-dir \"$rir_dir\"}"
  command+="${train_args:+ --train-args \"$train_args\"}${exp_name:+ --exp-name $exp_name}"

  if [ "$stage" -le 4 ] && [ "$stop_stage" -ge 4 ]; then
    log "Stage 4: MTL training of $model"
    steps/train_mtl.sh --cmd "$cuda_cmd" --train-config "$config" --seeds "${seeds[*]}" \
      --train-args "dataset_args.normalisation=$normalisation $train_args" "$data" "${data}_aug" "exp/$model"
  fi

  if [ "$stage" -le 5 ] && [ "$stop_stage" -ge 5 ]; then
    log "Stage 5: scoring of $model"
    steps/score.sh --cmd "$decode_cmd" --command-line "$command" "exp/$model"
  fi

  if [ "$stage" -le 6 ] && [ "$stop_stage" -ge 6 ]; then
    log "Stage 6: noisy speech for $model"
    steps/eval_noise.sh --nj "$nj" --cmd "$decode_cmd" --snrs "$snrs" --noise-dir "${noise_dir:+data/noise_test}" \
      --babble-dir "${babble_dir:+data/babble_train}" \
      --command-line "$command --snrs \"$snrs\"${babble_dir:+ --babble-dir \"$babble_dir\"}" \
      "$data" "${data}_aug" "${data}_noisy" "exp/$model"
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
  steps/make_report.sh --title "EMO-DB" exp RESULTS.md
fi
