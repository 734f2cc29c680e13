#!/usr/bin/env bash
# The classic system on a corpus: openSMILE functionals and a linear SVM, under the same protocol as our models.
set -euo pipefail

nj=2                  # jobs
cmd=utils/run.py      # launcher
features=ComParE_2016 # or eGeMAPSv02
normalisation=global  # or speaker
command_line=         # what a user types to make this result; the report shows it
help_message="Usage: steps/baseline_svm.sh [options] DATA_DIR EXP_DIR
Options: --nj 2 --cmd utils/run.py --features ComParE_2016|eGeMAPSv02 --normalisation global|speaker --command-line ''
Needs openSMILE: pip install -r \"\$MTLAUG_ROOT/tools/requirements-baseline.txt\"
Example: steps/baseline_svm.sh data/emodb exp/svm"
. utils/parse_options.sh
[ $# -eq 2 ] || { echo "$help_message" >&2; exit 1; }
data_dir=$1
exp_dir=$2
ark_dir=$data_dir/$features

mtlaug baseline prepare --features "$features" --normalisation "$normalisation" "$data_dir" "$exp_dir"
mkdir -p "$ark_dir"
command_line=${command_line:-steps/baseline_svm.sh --features $features --normalisation $normalisation $data_dir $exp_dir}
# shellcheck disable=SC2086  # the launcher comes with its options
{
  $cmd "JOB=1:$nj" "$exp_dir/log/functionals.JOB.log" \
    mtlaug baseline extract "$data_dir" "$ark_dir" --features "$features" --job JOB --nj "$nj"
  $cmd "$exp_dir/log/svm.log" mtlaug baseline score "$data_dir" "$ark_dir" "$exp_dir" --nj "$nj" \
    --normalisation "$normalisation" --command-line "$command_line"
}
grep '^%UAR' "$exp_dir/log/svm.log"
