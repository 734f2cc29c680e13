#!/usr/bin/env bash
# Join data directories.
set -euo pipefail

usage="Usage: utils/combine_data.sh DST SRC1 [SRC2 ...]
Files that not all sources have are left out, and named; no utterance may be in two sources.
Example: utils/combine_data.sh data/train data/emodb data/ravdess"
case "${1-}" in
  -h | --help) echo "$usage" && exit 0 ;;
  "") echo "$usage" >&2 && exit 1 ;;
esac
exec mtlaug datadir combine "$@"
