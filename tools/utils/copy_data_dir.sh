#!/usr/bin/env bash
# Copy a data directory with a prefix before its ids, so that corpora can be joined.
set -euo pipefail

usage="Usage: utils/copy_data_dir.sh --prefix PREFIX SRC DST
The prefix comes before every utterance, speaker and recording id; utt2corpus holds it without the final dash.
Paths in wav.scp become absolute; features are not copied.
Example: utils/copy_data_dir.sh --prefix emodb- ../emodb/data/emodb data/emodb"
case "${1-}" in
  -h | --help) echo "$usage" && exit 0 ;;
  "") echo "$usage" >&2 && exit 1 ;;
esac
exec mtlaug datadir copy "$@"
