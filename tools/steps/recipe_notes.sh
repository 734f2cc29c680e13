# shellcheck shell=bash disable=SC2154
# What a stage notes of its options for later ones, in options.conf and features.conf beside what it made, and what the
# data directories of a recipe share. Sourced by steps/recipe_options.sh.

# open_stage FILE: a stage begins; until keep_options, what it makes is not whole.
open_stage() { [ ! -d "$(dirname "$1")" ] || echo "# not done" >"$1"; }

# is_done FILE: has the stage come to its end that notes its options there?
is_done() { [ -f "$1" ] && ! grep -q "^#" "$1"; }

# is_prepared DATA_DIR: has a recipe's stage 1 come to its end?
is_prepared() { is_done "$1/options.conf"; }

# keep_options FILE [NAME...]: at the end of a stage, note the values of options that later ones depend on.
keep_options() {
  local option kept=$1
  shift
  for option; do
    [ -z "${!option}" ] || echo "$option=${!option}"
  done >"$kept.$$"
  mv "$kept.$$" "$kept"
}

# recall_options STAGE FILE [NAME...]: later stages are of the options that STAGE had, given again or not.
recall_options() {
  local option value made=$1 kept=$2
  shift 2
  if [ "$stage" -le "$made" ] || [ ! -f "$kept" ]; then return 0; fi
  is_done "$kept" || fail "${kept%/*}: stage $made has not come to its end; run it again"
  for option; do
    value=$(sed -n "s/^$option=//p" "$kept")
    [ "${!option}" != "$value" ] || continue
    if is_given "$option"; then
      fail "--${option//_/-} '${!option}': stage $made was run with '$value'; run it again first"
    fi
    printf -v "$option" '%s' "$value"
    given_options+=("$option=$value")
  done
}

# prepare_shared: at stage 1, the noise, rooms and unlabelled speech of the options, for all data directories of a recipe.
prepare_shared() {
  if [ -n "$noise_dir" ]; then
    open_stage data/noise_train/options.conf
    steps/prepare_noise.sh --held-out "${held_out_noise-}" --max-loss "$max_loss" "$noise_dir" data/noise
    keep_options data/noise_train/options.conf noise_dir ${held_out_noise+held_out_noise}
  fi
  if [ -n "$rir_dir" ]; then
    open_stage data/rir_train/options.conf
    steps/prepare_noise.sh --test-share 0 --max-loss "$max_loss" "$rir_dir" data/rir
    keep_options data/rir_train/options.conf rir_dir
  fi
  if [ -n "${unlabelled_dir-}" ]; then
    open_stage data/unlabelled/options.conf
    steps/prepare_unlabelled.sh --max-loss "$max_loss" "$unlabelled_dir" data/unlabelled
    keep_options data/unlabelled/options.conf unlabelled_dir
  fi
}

# check_shared: they are still what this data directory's stage 1 made.
check_shared() {
  [ "$stage" -gt 1 ] || return 0
  [ -z "$noise_dir" ] || check_made data/noise_train noise_dir ${held_out_noise+held_out_noise}
  [ -z "$rir_dir" ] || check_made data/rir_train rir_dir
  [ -z "${unlabelled_dir-}" ] || check_made data/unlabelled unlabelled_dir
}

# check_made DIR NAME...: was DIR made with these options? Stage 1 of another data directory may have made it anew.
check_made() {
  local option made=$1
  shift
  [ -f "$made/options.conf" ] || return 0
  is_done "$made/options.conf" || fail "$made: was not made to its end for other data; run stage 1 again"
  for option; do
    [ "${!option}" = "$(sed -n "s/^$option=//p" "$made/options.conf")" ] ||
      fail "$made was made anew with another --${option//_/-} for other data; run stage 1 again"
  done
}
