#!/usr/bin/env bash
# Check a data directory against every rule of its format.
set -euo pipefail

usage="Usage: utils/validate_data_dir.sh [--no-feats] [--no-wav] [--no-text] DATA_DIR
Options: --no-feats, --no-wav, --no-text: the directory may lack feats.scp, wav.scp or text.
What is there is checked in any case.
Example: utils/validate_data_dir.sh --no-feats --no-text data/emodb"
case "${1-}" in
  -h | --help) echo "$usage" && exit 0 ;;
  "") echo "$usage" >&2 && exit 1 ;;
esac
exec mtlaug datadir validate --feats --text "$@"
