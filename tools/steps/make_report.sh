#!/usr/bin/env bash
# Write RESULTS.md and exp/report from every score of the recipe.
set -euo pipefail

title=Results # heading of the report
help_message="Usage: steps/make_report.sh [options] EXP_DIR RESULTS_FILE
Options: --title 'EMO-DB'
Example: steps/make_report.sh --title 'EMO-DB' exp RESULTS.md"
. utils/parse_options.sh
[ $# -eq 2 ] || { echo "$help_message" >&2; exit 1; }

mtlaug report --exp-dir "$1" --output "$2" --title "$title"
