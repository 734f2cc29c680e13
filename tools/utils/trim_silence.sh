#!/usr/bin/env bash
# Leave out the silence around the utterances of a data directory.
set -euo pipefail

usage="Usage: utils/trim_silence.sh [--below 30] [--margin 0.1] DATA_DIR
Options: --below: windows this far (dB) below an utterance's loudest are silence
         --margin: seconds kept at either end of the speech
After utils/check_audio.sh. Writes DATA_DIR/segments, and utt2dur anew.
Example: utils/trim_silence.sh data/ravdess"
case "${1-}" in
  -h | --help) echo "$usage" && exit 0 ;;
  "") echo "$usage" >&2 && exit 1 ;;
esac
exec mtlaug datadir trim-silence "$@"
