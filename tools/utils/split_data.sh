#!/usr/bin/env bash
# Split a data directory for parallel jobs.
set -euo pipefail

usage="Usage: utils/split_data.sh [--per-utt] DATA_DIR N
Writes DATA_DIR/split<N>/1 ... <N>, whole speakers each; with --per-utt DATA_DIR/split<N>utt.
A split of which no source file has changed since stays as it is.
Example: utils/split_data.sh data/emodb 4"
case "${1-}" in
  -h | --help) echo "$usage" && exit 0 ;;
  "") echo "$usage" >&2 && exit 1 ;;
esac
exec mtlaug datadir split "$@"
