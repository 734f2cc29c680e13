# shellcheck shell=bash disable=SC2034,SC2154
# The options that every recipe of a corpus has, and what its run.sh needs to speak of its stages. To be sourced
# before the recipe's own options and utils/parse_options.sh; steps/recipe_stages.sh does the rest.

. "$(dirname "${BASH_SOURCE[0]}")/recipe_notes.sh" # what a stage notes of them for later ones

stage=0                       # first stage to run
stop_stage=8                  # last stage to run
dry_run=false                 # true: print what the stages would run, with rough times and sizes, and do nothing
nj=$(nproc)                   # jobs of the feature extraction and of the attacks
noise_dir=                    # folder of noise recordings for the copies; empty: synthetic coloured noise
held_out_noise=               # kind of noise, such as rain, that is kept out of training and tested in stage 6
rir_dir=                      # folder of room impulse responses; empty: synthetic ones
unlabelled_dir=               # folder of speech for conf/mtlaug_unlabelled.yaml and for babble noise; empty: none
max_loss=5.0                  # percent of bad audio files above which stage 1 fails
feature_config=conf/mtlaug.yaml # YAML with the augment_args and feature_args of stages 2, 3 and 6
train_config=conf/mtlaug.yaml # one or more, separated by commas
train_args=                   # overrides, such as "loss_args.alpha=0.1 optim_args.epochs=5"
exp_name=                     # name of the experiment; empty: that of the config
ngpu=0                        # GPUs of each training, a process each; 0: one process, on a GPU where there is one
tensorboard=false             # true: TensorBoard event files beside each log.jsonl
seeds=(1)                     # one or more, separated by spaces
normalisation=                # global, utterance or speaker (the last uses the test speaker's own statistics); empty: the config's
snrs="20 15 10 5 0"           # of the noise in stage 6, dB
attack_args=                  # options of stage 7, such as "--domain waveform" or "--source exp/stl" (transfer)

OPTIONS_ONLY=true # a stray word, as in --seeds 1 2 3, is an error

log() { echo "$(date '+%Y-%m-%d %H:%M:%S') run.sh: $*"; }

# at_stage N: is stage N to be run?
at_stage() { [ "${dry_run-false}" = false ] && [ "$stage" -le "$1" ] && [ "$stop_stage" -ge "$1" ]; }

# plan_stages [--snrs LIST ...] SET...: on a dry run, print what would be run for the data directories; else see before
# hours of work that the options of later stages can be read, as far as they were given.
plan_stages() {
  local plan=(mtlaug plan --stage "$stage" --stop-stage "$stop_stage" --nj "$nj" --feature-config "$feature_config"
    --configs "$train_config" "--set=$train_args" --seeds "${seeds[*]}" "$@")
  if [ "$dry_run" = true ]; then
    "${plan[@]}"
  elif is_given train_config || is_given train_args || is_given snrs || is_given attack_args; then
    "${plan[@]}" >/dev/null
  fi
}

fail() {
  echo "run.sh: $1" >&2
  exit 1
}

# begin DATA_DIR [NAME...]: what is wrong in the options is said at once, and what earlier stages were given is taken from
# them: the options of noise and speech, and the NAMEs of the recipe's own, from stage 1 (bound), the feature_config from
# stage 2, whose copies must also have the noise and rooms that stage 1 had last (heard).
begin() {
  local option
  check_stages
  bound=() heard=(feature_config)
  for option in noise_dir held_out_noise rir_dir unlabelled_dir "${@:2}"; do
    [ -n "${!option+set}" ] || continue
    [[ "${!option}" != *$'\n'* ]] || fail "--${option//_/-}: has a line break in it; leave it out"
    bound+=("$option")
    case "$option" in noise_dir | held_out_noise | rir_dir) heard+=("$option") ;; esac
  done
  if [ "$stage" -gt 7 ]; then return 0; fi # the report is of what is there
  if [ "$stage" -gt 1 ] && ! is_prepared "$1"; then
    [ ! -f "$1/options.conf" ] || fail "$1: stage 1 has not come to its end; run it again"
    fail "$1/options.conf: no such file: run stage 1 (touch this file for data prepared by hand)"
  fi
  recall_options 1 "$1/options.conf" "${bound[@]}"
  recall_options 2 "$1/features.conf" "${heard[@]}"
  check_shared
  if [ -n "${held_out_noise-}" ] && [ -z "$noise_dir" ]; then
    fail "--held-out-noise $held_out_noise: needs --noise-dir, of whose recordings it is a kind"
  fi
}

# check_stages: something is to be run, by configurations that are there.
check_stages() {
  local config configs folder normal
  if [ "$stage" -gt "$stop_stage" ] || [ "$stage" -gt 8 ]; then
    fail "--stage $stage --stop-stage $stop_stage: no stage is left; the last one is 8"
  fi
  # shellcheck disable=SC2206  # as in the loop over them
  configs=(${train_config//,/ })
  [[ "$nj" =~ ^[1-9][0-9]*$ ]] || fail "--nj $nj: expected a whole number above zero"
  [[ "$max_loss" =~ ^[0-9]+(\.[0-9]*)?$ ]] || fail "--max-loss $max_loss: expected a percentage, such as 5.0"
  [[ "$ngpu" =~ ^[0-9]+$ ]] || fail "--ngpu $ngpu: expected a whole number"
  [ -z "$(printf '%s\n' "${seeds[@]}" | sort | uniq -d)" ] || fail "--seeds ${seeds[*]}: names one twice"
  [[ "$exp_name" != */* ]] || fail "--exp-name $exp_name: is the name of a folder in exp/; leave out the /"
  for folder in "$noise_dir" "$rir_dir" "${unlabelled_dir-}"; do
    [ -z "$folder" ] || [ "$stage" -gt 1 ] || [ -d "$folder" ] || fail "$folder: no such directory"
  done
  [ "${#configs[@]}" -gt 0 ] || fail "--train-config is empty; name one or more"
  # Stage 0 would look for it, or make it.
  [ -z "${corpus_dir-}" ] || ! at_stage 1 || [ "$stage" = 0 ] || [ -d "$corpus_dir" ] ||
    fail "--corpus-dir $corpus_dir: no such directory"
  [ -z "${label_map-}" ] || [ "$stage" -gt 1 ] || [ -f "$label_map" ] || fail "$label_map: no such file of classes"
  for config in "${configs[@]}" "$feature_config"; do
    [ -f "$config" ] || fail "$config: no such file"
  done
  config=$(basename -a -s .yaml "${configs[@]}" | sort | uniq -d)
  [ -z "$config" ] || fail "--train-config $train_config: several of them would be exp/$config; rename them"
  if [ -n "$exp_name" ] && [ "${#configs[@]}" -gt 1 ]; then
    fail "--exp-name $exp_name: is of one model, and --train-config names ${#configs[@]}"
  fi
  for normal in ${normalisation-} ${normalisations-}; do
    case "$normal" in
      global | utterance | speaker) ;;
      *) fail "normalisation $normal: known are global, utterance and speaker" ;;
    esac
  done
  if [ -n "${normalisation-}${normalisations-}" ] && [[ "$train_args" == *dataset_args.normalisation=* ]]; then
    fail "--train-args: dataset_args.normalisation is given by an option of its own; leave it out here"
  fi
}

# check_protocol DATA_DIR NAME: stages from 2 on are of the classes and folds that the options name.
check_protocol() {
  if [ "$stage" -gt 1 ] && [ -f "$1/protocol.json" ] && ! grep -Fq "\"name\": \"$2\"" "$1/protocol.json"; then
    fail "$1/protocol.json is not that of $2; run stage 1 with the same options first"
  fi
}

# is_given NAME: was this option given?
is_given() { [[ " ${given_options[*]+${given_options[*]%%=*}} " == *" $1 "* ]]; }

# need DIR...: is what a stage works on there, before others of its parts take hours?
need() {
  local dir
  for dir; do [ -d "$dir" ] || fail "$dir: no such directory; run the stages before first"; done
}

# check_trained EXP_DIR: stages from 5 on test the seeds that are trained, so others would be given in vain.
check_trained() {
  local seed
  if at_stage 4 || ! { at_stage 5 || at_stage 6 || at_stage 7; }; then return 0; fi
  [ -d "$1" ] || fail "$1: no such model; train it by stage 4 first"
  is_given seeds || return 0
  for seed in "${seeds[@]}"; do
    compgen -G "$1/fold_*/seed_$seed" >/dev/null || fail "$1 has no seed $seed; train it by stage 4 first"
  done
}

# command_line CONFIG: what a user types to make the results of a configuration again, from the options given.
command_line() {
  local text="./run.sh --train-config $1" option value
  for option in ${given_options[@]+"${given_options[@]}"}; do
    value=${option#*=}
    case "${option%%=*}" in
      stage | stop_stage | dry_run | nj | ngpu | tensorboard | corpus_dir | train_config) continue ;;
    esac
    [[ "$value" =~ ^[A-Za-z0-9_./:=,+-]+$ ]] || value="\"${value//\"/\\\"}\""
    option=${option%%=*}
    text+=" --${option//_/-} $value"
  done
  echo "$text"
}
