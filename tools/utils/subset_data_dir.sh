#!/usr/bin/env bash
# Write some of a data directory's utterances to another data directory.
set -euo pipefail

usage="Usage: utils/subset_data_dir.sh [--first|--per-spk] [--seed 0] SRC N DST
   or: utils/subset_data_dir.sh --utt-list FILE|--spk-list FILE SRC DST
N utterances at random, or the first N, or N of each speaker; or the listed utterances or speakers.
The choice at random depends on the seed and the utterance-ids, not on their order.
Example: utils/subset_data_dir.sh --per-spk data/emodb 5 data/emodb_5"
case "${1-}" in
  -h | --help) echo "$usage" && exit 0 ;;
  "") echo "$usage" >&2 && exit 1 ;;
esac
exec mtlaug datadir subset "$@"
