#!/usr/bin/env bash
# Test each training set's models on every test corpus; prints a %UAR line for each pair.
set -euo pipefail

cmd=utils/run.py # launcher
command_line=    # what a user types to make this result; the report shows it
help_message="Usage: steps/score_cross.sh [options] EXP_DIR
Options: --cmd utils/run.py --command-line './run.sh --stage 5'
Writes EXP_DIR/score_cross_<train>_to_<test> for each pair of the protocol.
Example: steps/score_cross.sh --cmd \"\$decode_cmd\" exp/mtlaug"
. utils/parse_options.sh
[ $# -eq 1 ] || { echo "$help_message" >&2; exit 1; }
[ -d "$1" ] || { echo "score_cross.sh: $1: no such directory; train the model first" >&2; exit 1; }

# shellcheck disable=SC2086  # the launcher comes with its options
$cmd "$1/log/score_cross.log" mtlaug score cross "$1" --command-line "$command_line"
grep '^%UAR' "$1/log/score_cross.log"
