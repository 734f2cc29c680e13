# shellcheck shell=bash disable=SC2154
# Stages 2 to 8, the same for every corpus, and the part of stage 1 that is. To be sourced at the end of a recipe's
# run.sh, after `begin` and its stages 0 and 1, with the options of steps/recipe_options.sh and
#
#   data=data/emodb    # the prepared data directory, with its protocol.json
#   protocol=emodb_4   # its name, by which data of other classes are told
#   title="EMO-DB"     # heading of the report
#   model_suffix=      # what a variant of the corpus adds to the names of its models, such as _7classes
#   unlabelled=        # a prepared directory of unlabelled speech; where not set, of --unlabelled-dir

declare -p bound &>/dev/null || fail "call begin before stage 0, as tools/utils/recipe_template/run.sh.template does"
noise_train="${noise_dir:+data/noise_train}"
noise_test="${noise_dir:+data/noise_test}"
rir="${rir_dir:+data/rir_train}"
unlabelled="${unlabelled-${unlabelled_dir:+data/unlabelled}}"
sets=("$data" ${unlabelled:+"$unlabelled"})
plan_stages "--snrs=$snrs" --noise-dir "$noise_test" "--attack-args=$attack_args" "${sets[@]}"
check_protocol "$data" "$protocol"

if at_stage 1; then
  prepare_shared
  keep_options "$data/options.conf" "${bound[@]}"
fi

if at_stage 2; then
  log "Stage 2: augmentation manifest"
  open_stage "$data/features.conf"
  for set in "${sets[@]}"; do
    steps/make_augmentation.sh --feature-config "$feature_config" --noise-dir "$noise_train" --rir-dir "$rir" \
      "$set" "${set}_aug"
  done
  keep_options "$data/features.conf" "${heard[@]}"
fi

if at_stage 3; then
  log "Stage 3: feature extraction"
  need "${sets[@]/%/_aug}"
  for set in "${sets[@]}" "${sets[@]/%/_aug}"; do
    steps/make_fbank.sh --nj "$nj" --cmd "$train_cmd" --feature-config "$feature_config" "$set"
  done
fi

# Several configurations are trained and tested in turn; each has its own experiment directory.
model_of() {
  local model=${exp_name:-$(basename "$1" .yaml)}${model_suffix-}
  case "$normalisation" in utterance | speaker) model+=_$normalisation ;; esac
  echo "$model"
}

for config in ${train_config//,/ }; do check_trained "exp/$(model_of "$config")"; done

for config in ${train_config//,/ }; do
  model=$(model_of "$config")
  command=$(command_line "$config")

  if at_stage 4; then
    log "Stage 4: MTL training of $model"
    steps/train_mtl.sh --cmd "$cuda_cmd" --train-config "$config" --seeds "${seeds[*]}" --ngpu "$ngpu" \
      --tensorboard "$tensorboard" --train-args "${normalisation:+dataset_args.normalisation=$normalisation }$train_args" \
      --command-line "$command" \
      "$data" "${data}_aug" "exp/$model"
  fi

  if at_stage 5; then
    log "Stage 5: scoring of $model"
    steps/score.sh --cmd "$decode_cmd" --command-line "$command" "exp/$model"
  fi

  if at_stage 6; then
    log "Stage 6: noisy speech for $model"
    babble=${unlabelled:+${unlabelled}_babble}
    [ -d "$babble" ] || babble=
    steps/eval_noise.sh --nj "$nj" --cmd "$decode_cmd" --feature-config "$feature_config" --snrs "$snrs" \
      --noise-dir "$noise_test" --babble-dir "$babble" --command-line "$command" \
      "$data" "${data}_aug" "${data}_noisy" "exp/$model"
  fi

  if at_stage 7; then
    log "Stage 7: adversarial attacks on $model"
    # shellcheck disable=SC2086  # several options
    steps/eval_attack.sh --nj "$nj" --cmd "$decode_cmd" $attack_args --command-line "$command" "exp/$model"
  fi
done

if at_stage 8; then
  log "Stage 8: report"
  steps/make_report.sh --title "$title" exp RESULTS.md
fi
