# shellcheck shell=bash disable=SC2034,SC2154
# The options that every recipe of a corpus has, and what its run.sh needs to speak of its stages. To be sourced
# before the recipe's own options and utils/parse_options.sh; steps/recipe_stages.sh does the rest.

stage=0                       # first stage to run
stop_stage=8                  # last stage to run
dry_run=false                 # true: print what the stages would run, with rough times and sizes, and do nothing
nj=$(nproc)                   # jobs of the feature extraction and of the attacks
noise_dir=                    # folder of noise recordings for the copies; empty: synthetic coloured noise
held_out_noise=               # kind of noise that is kept out of the copies, for stage 6 alone, such as rain
rir_dir=                      # folder of room impulse responses; empty: synthetic ones
unlabelled_dir=               # folder of speech for conf/mtlaug_unlabelled.yaml and for babble noise; empty: none
max_loss=5.0                  # percent of bad audio files above which stage 1 fails
feature_config=conf/mtlaug.yaml # YAML with the augment_args and feature_args of stages 2, 3 and 6
train_config=conf/mtlaug.yaml # one or more, separated by commas
train_args=                   # overrides, such as "loss_args.alpha=0.1 optim_args.epochs=5"
exp_name=                     # name of the experiment; empty: that of the config
ngpu=0                        # processes of each training, one a GPU; 0: one, on a GPU where there is one
tensorboard=false             # true: TensorBoard event files beside each log.jsonl
seeds=(1)                     # one or more, separated by spaces
normalisation=global          # global, utterance or speaker (the last uses the test speaker's own statistics)
snrs="20 15 10 5 0"           # of the noise in stage 6, dB
attack_args=                  # options of stage 7, such as "--domain waveform" or "--source exp/stl" (transfer)

OPTIONS_ONLY=true # a stray word, as in --seeds 1 2 3, is an error

log() { echo "$(date '+%Y-%m-%d %H:%M:%S') run.sh: $*"; }

# at_stage N: is stage N to be run?
at_stage() { [ "${dry_run-false}" = false ] && [ "$stage" -le "$1" ] && [ "$stop_stage" -ge "$1" ]; }

# plan_stages [--snrs LIST ...] SET...: on a dry run, print what would be run for the data directories.
plan_stages() {
  [ "$dry_run" = true ] || return 0
  mtlaug plan --stage "$stage" --stop-stage "$stop_stage" --nj "$nj" --fbank-config "$feature_config" \
    --configs "$train_config" "--set=$train_args" --seeds "${seeds[*]}" "$@"
}

# check_stages LAST: something is to be run.
check_stages() {
  if [ "$stage" -gt "$stop_stage" ] || [ "$stage" -gt "$1" ]; then
    echo "run.sh: --stage $stage --stop-stage $stop_stage: no stage is left; the last one is $1" >&2
    exit 1
  fi
  [[ "$train_config" == *[!,]* ]] || { echo "run.sh: --train-config is empty; name one or more" >&2; exit 1; }
}

# check_protocol DATA_DIR NAME: stages from 2 on are of the classes and folds that the options name.
check_protocol() {
  if [ "$stage" -gt 1 ] && [ -f "$1/protocol.json" ] && ! grep -Fq "\"name\": \"$2\"" "$1/protocol.json"; then
    echo "run.sh: $1/protocol.json is not that of $2; run stage 1 with the same options first" >&2
    exit 1
  fi
}

# is_given NAME: was this option given?
is_given() { [[ " ${given_options[*]+${given_options[*]%%=*}} " == *" $1 "* ]]; }

# check_seeds EXP_DIR: stages from 5 on test the seeds that are trained, so others would be given in vain.
check_seeds() {
  local seed
  if at_stage 4 || ! is_given seeds || ! { at_stage 5 || at_stage 6 || at_stage 7; }; then return 0; fi
  for seed in "${seeds[@]}"; do
    if ! compgen -G "$1/fold_*/seed_$seed" >/dev/null; then
      echo "run.sh: $1 has no seed $seed; train it by stage 4 first" >&2
      exit 1
    fi
  done
}

UNFINISHED="# stage 1 is not done"

# is_prepared DATA_DIR: has a recipe's stage 1 come to its end?
is_prepared() { [ -f "$1/options.conf" ] && ! grep -Fxq "$UNFINISHED" "$1/options.conf"; }

# keep_options DATA_DIR NAME...: after stage 1, note the values of options that later stages depend on.
keep_options() {
  local option kept=$1/options.conf
  shift
  for option; do
    [ -z "${!option}" ] || echo "$option=${!option}"
  done >"$kept.$$"
  mv "$kept.$$" "$kept"
}

# recall_options DATA_DIR NAME...: stages from 2 on are of the options that stage 1 had, given again or not.
recall_options() {
  local option value kept=$1/options.conf
  if at_stage 1; then mkdir -p "$1" && echo "$UNFINISHED" >"$kept"; fi
  if [ "$stage" -le 1 ] || [ ! -f "$kept" ]; then return 0; fi
  if ! is_prepared "$1"; then
    echo "run.sh: $1: stage 1 has not come to its end; run it again" >&2
    exit 1
  fi
  shift
  for option; do
    value=$(sed -n "s/^$option=//p" "$kept")
    [ "${!option}" != "$value" ] || continue
    if is_given "$option"; then
      echo "run.sh: --${option//_/-} '${!option}': stage 1 was run with '$value'; run it again first" >&2
      exit 1
    fi
    printf -v "$option" '%s' "$value"
    given_options+=("$option=$value")
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
