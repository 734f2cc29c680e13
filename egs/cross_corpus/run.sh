#!/usr/bin/env bash
# Across corpora and languages: models trained on some corpora, tested on another that had no part in training or in
# choosing the model; README.md says how.
#
#   (cd ../emodb && ./run.sh --stop-stage 1)   # first the data of each corpus, by its own recipe
#   ./run.sh                                   # then every pair whose corpora are there
#   ./run.sh --pairs "ravdess+emodb:urdu" --normalisations "utterance speaker" --few-shot 5
#   ./run.sh --pairs "ravdess:emodb emodb:ravdess" --target-folds 2 --train-config conf/mtlaug_pseudo_labels.yaml
set -euo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")"

. steps/recipe_options.sh
unset normalisation held_out_noise snrs attack_args # there are normalisations, and neither stage 6 nor stage 7
pairs="ravdess:emodb emodb:ravdess ravdess:urdu emodb:urdu ravdess+emodb:urdu" # train:test, train+train:test
pairs+=" iemocap:msp_improv msp_improv:iemocap iemocap:emodb msp_improv:emodb"
normalisations="global utterance speaker" # each is a model of its own
few_shot=0                                # labelled utterances of each class of the test corpus that are trained on too
target_folds=0                            # groups of its speakers: for each tested one the others may be heard, unlabelled
classes=4                                 # of conf/labels_<classes>.yaml

. ./path.sh
. ./cmd.sh
. utils/parse_options.sh

suffix=
[ "$few_shot" = 0 ] || suffix=_${few_shot}shot
[ "$target_folds" = 0 ] || suffix+=_${target_folds}fold
data=data/all$suffix
label_map=conf/labels_$classes.yaml
[ -n "$normalisations" ] || fail "--normalisations is empty; name one or more"
for pair in $pairs; do
  [[ "$pair" =~ ^[A-Za-z0-9_]+(\+[A-Za-z0-9_]+)*:[A-Za-z0-9_]+$ ]] ||
    fail "--pairs: $pair is no pair, such as ravdess:emodb or ravdess+emodb:urdu"
done
begin "$data" pairs
protocol=cross_$classes$suffix
train=data/train$suffix
noise_train="${noise_dir:+data/noise_train}"
rir="${rir_dir:+data/rir_train}"
unlabelled="${unlabelled_dir:+data/unlabelled}"

# Each normalisation is a model of its own, and has lines of its own in the plan.
plan_stages --configs "$(for _ in $normalisations; do printf '%s,' "$train_config"; done)" \
  --copied "$train" "$data" ${unlabelled:+"$unlabelled"}
check_protocol "$data" "$protocol"

# missing PAIR: say which of its corpora is not prepared, and how to; fails where all are there.
missing() {
  local corpus
  for corpus in ${1//[+:]/ }; do
    is_prepared "../$corpus/data/$corpus" && continue
    if [ -x "../$corpus/run.sh" ]; then
      echo "../$corpus/data/$corpus is not prepared; (cd ../$corpus && ./run.sh --stop-stage 1) makes it," \
        "with --corpus-dir where it is not to be downloaded"
    else
      echo "there is no recipe ../$corpus"
    fi
    return 0
  done
  return 1
}

if at_stage 1; then
  log "Stage 1: data preparation"
  kept=()
  for pair in $pairs; do
    if reason=$(missing "$pair"); then
      ! is_given pairs || fail "--pairs: $pair: $reason"
      echo "run.sh: skipped pair $pair: $reason" >&2
    else
      kept+=("$pair")
    fi
  done
  [ "${#kept[@]}" -gt 0 ] || fail "--pairs '$pairs': no pair is left; prepare its corpora first"
  words=${kept[*]}
  open_stage "$data/options.conf"
  copies=()
  for corpus in $(tr ':+ ' '\n' <<<"$words" | sort -u); do
    utils/copy_data_dir.sh --prefix "$corpus-" "../$corpus/data/$corpus" "data/$corpus"
    copies+=("data/$corpus")
  done
  utils/combine_data.sh "$data" "${copies[@]}"
  utils/validate_data_dir.sh --no-feats --no-text "$data"
  mtlaug protocol make "$data" --scheme cross --pairs "$words" --few-shot "$few_shot" \
    --target-folds "$target_folds" --label-map "$label_map" --name "$protocol"
  prepare_shared
  keep_options "$data/options.conf" "${bound[@]}"
fi

if at_stage 2; then
  log "Stage 2: augmentation manifest"
  open_stage "$data/features.conf"
  # Copies only of what some model is trained on.
  mtlaug protocol list "$data" train dev unlabelled >"$train.utterances"
  utils/subset_data_dir.sh --utt-list "$train.utterances" "$data" "$train"
  for set in "$train" ${unlabelled:+"$unlabelled"}; do
    steps/make_augmentation.sh --feature-config "$feature_config" --noise-dir "$noise_train" --rir-dir "$rir" \
      "$set" "${set}_aug"
  done
  keep_options "$data/features.conf" "${heard[@]}"
fi

if at_stage 3; then
  log "Stage 3: feature extraction"
  need "${train}_aug"
  for set in "$data" "${train}_aug" ${unlabelled:+"$unlabelled" "${unlabelled}_aug"}; do
    steps/make_fbank.sh --nj "$nj" --cmd "$train_cmd" --feature-config "$feature_config" "$set"
  done
fi

for config in ${train_config//,/ }; do
  for normalisation in $normalisations; do
    model=${exp_name:-$(basename "$config" .yaml)}$suffix
    [ "$normalisation" = global ] || model=${model}_$normalisation
    command=$(command_line "$config")
    check_trained "exp/$model"

    if at_stage 4; then
      log "Stage 4: MTL training of $model"
      steps/train_mtl.sh --cmd "$cuda_cmd" --train-config "$config" --seeds "${seeds[*]}" --ngpu "$ngpu" \
        --tensorboard "$tensorboard" --train-args "dataset_args.normalisation=$normalisation $train_args" \
        --command-line "$command" \
        "$data" "${train}_aug" "exp/$model"
    fi

    if at_stage 5; then
      log "Stage 5: scoring of $model"
      steps/score_cross.sh --cmd "$decode_cmd" --command-line "$command" "exp/$model"
    fi
  done
done

if at_stage 8; then
  log "Stage 8: report"
  steps/make_report.sh --title "Across corpora" exp RESULTS.md
fi
