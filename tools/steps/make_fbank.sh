#!/usr/bin/env bash
# Extract the features of a data directory, plain or augmented: log-mel filterbanks, unless the config says otherwise.
set -euo pipefail

nj=2                           # jobs
cmd=utils/run.py               # launcher
feature_config=conf/mtlaug.yaml  # YAML with feature_args
help_message="Usage: steps/make_fbank.sh [options] DATA_DIR [LOG_DIR [ARK_DIR]]
Options: --nj 2 --cmd utils/run.py --feature-config conf/mtlaug.yaml
LOG_DIR is DATA_DIR/log and ARK_DIR is DATA_DIR/data where they are not given.
Example: steps/make_fbank.sh --nj 4 --cmd \"\$train_cmd\" data/emodb_aug"
. utils/parse_options.sh
if [ $# -lt 1 ] || [ $# -gt 3 ]; then
  echo "$help_message" >&2
  exit 1
fi
data_dir=$1
log_dir=${2:-$data_dir/log}
ark_dir=${3:-$data_dir/data}

[ -d "$data_dir" ] || { echo "make_fbank.sh: $data_dir: no such directory; make it by the stages before" >&2; exit 1; }

mkdir -p "$log_dir" "$ark_dir"
exec 9>"$log_dir/.make_fbank.lock"
# Of two extractions into one directory the second waits, and finds its work done.
flock -n 9 || { echo "make_fbank.sh: waiting for another extraction into $data_dir" >&2 && flock 9; }
# shellcheck disable=SC2086  # the launcher comes with its options
$cmd "JOB=1:$nj" "$log_dir/make_fbank.JOB.log" \
  mtlaug fbank extract "$data_dir" "$ark_dir" --config "$feature_config" --job JOB --nj "$nj"
mtlaug fbank collect "$data_dir" "$ark_dir" --config "$feature_config" --nj "$nj"
utils/validate_data_dir.sh --no-text "$data_dir"
