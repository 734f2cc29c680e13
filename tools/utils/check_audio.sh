#!/usr/bin/env bash
# Decode all audio of a data directory, drop unusable utterances by name, write utt2dur.
set -euo pipefail

usage="Usage: utils/check_audio.sh [--max-loss 5] [--min-duration 0.025] [--sample-rate HZ] DATA_DIR
Options: --max-loss: stop, and change nothing, if more than this percentage of the utterances is lost
         --min-duration: shortest utterance, in seconds
         --sample-rate: count the recordings at other rates (they are converted later)
Dropped utterances are listed with their reasons in DATA_DIR/dropped.tsv.
Example: utils/check_audio.sh --max-loss 1 data/emodb"
case "${1-}" in
  -h | --help) echo "$usage" && exit 0 ;;
  "") echo "$usage" >&2 && exit 1 ;;
esac
exec mtlaug datadir check-audio "$@"
