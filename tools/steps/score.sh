#!/usr/bin/env bash
# Test each fold's model (best.pt: the epoch that optim_args.select says) on its own test speakers; prints one %UAR line.
set -euo pipefail

cmd=utils/run.py # launcher
command_line=    # what a user types to make this result; the report shows it
help_message="Usage: steps/score.sh [options] EXP_DIR
Options: --cmd utils/run.py --command-line './run.sh --stage 5'
Example: steps/score.sh --cmd \"\$decode_cmd\" exp/mtlaug"
. utils/parse_options.sh
[ $# -eq 1 ] || { echo "$help_message" >&2; exit 1; }
[ -d "$1" ] || { echo "score.sh: $1: no such directory; train the model first" >&2; exit 1; }

# shellcheck disable=SC2086  # the launcher comes with its options
$cmd "$1/log/score_within.log" mtlaug score within "$1" --command-line "$command_line"
grep '^%UAR' "$1/log/score_within.log"
