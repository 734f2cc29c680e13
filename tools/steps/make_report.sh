#!/usr/bin/env bash
# Write RESULTS.md and exp/report (index.html, tables, plots) from every score of the recipe.
set -euo pipefail

title=Results # heading of the report
notes=        # file of markdown for the report's end, such as conf/results_notes.md
quick=false   # true: leave out of index.html what needs trained models or audio
help_message="Usage: steps/make_report.sh [options] EXP_DIR RESULTS_FILE
Options: --title 'EMO-DB' --notes conf/results_notes.md --quick false
Example: steps/make_report.sh --title 'EMO-DB' exp RESULTS.md"
. utils/parse_options.sh
[ $# -eq 2 ] || { echo "$help_message" >&2; exit 1; }

flags=()
[ -z "$notes" ] || flags+=(--notes "$notes")
[ "$quick" = false ] || flags+=(--quick)
mtlaug report --exp-dir "$1" --output "$2" --title "$title" ${flags[@]+"${flags[@]}"}
