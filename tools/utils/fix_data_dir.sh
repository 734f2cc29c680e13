#!/usr/bin/env bash
# Sort a data directory's tables and keep the utterances that all of them share.
set -euo pipefail

usage="Usage: utils/fix_data_dir.sh DATA_DIR
Changed files are kept in DATA_DIR/.backup; removed utterances are listed in DATA_DIR/dropped.tsv.
Example: utils/fix_data_dir.sh data/emodb"
case "${1-}" in
  -h | --help) echo "$usage" && exit 0 ;;
  "") echo "$usage" >&2 && exit 1 ;;
esac
exec mtlaug datadir fix "$@"
