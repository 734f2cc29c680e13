#!/usr/bin/env bash
# Train all folds and seeds of a model, each as a job; a killed training goes on where it was.
set -euo pipefail

cmd=utils/run.py               # launcher
train_config=conf/mtlaug.yaml  # YAML with the *_args blocks
train_args=                    # overrides, as "loss_args.alpha=0.1 optim_args.epochs=5"
seeds=(1)                      # one or more, separated by spaces
ngpu=0                         # GPUs of each training, a process each (without GPUs, plain processes); 0: one process
tensorboard=false              # true: TensorBoard event files beside each log.jsonl
command_line=                  # what a user types to train this model; the reports of its scores show it
help_message="Usage: steps/train_mtl.sh [options] DATA_DIR AUG_DIR EXP_DIR
Options: --cmd utils/run.py --train-config conf/mtlaug.yaml --train-args '' --seeds '1 2 3' --ngpu 0 --tensorboard false
  --command-line './run.sh --stage 4'
Example: steps/train_mtl.sh --cmd \"\$cuda_cmd\" data/emodb data/emodb_aug exp/mtlaug"
. utils/parse_options.sh
[ $# -eq 3 ] || { echo "$help_message" >&2; exit 1; }
exp_dir=$3

for dir in "$1" "$2"; do
  [ -d "$dir" ] || { echo "train_mtl.sh: $dir: no such directory; make it by the stages before" >&2; exit 1; }
done

# Two runs in one directory would write each other's logs: the second is refused. The lock is held to the end of the
# last job, even where the run that started it was killed.
mkdir -p "$exp_dir"
exec 9>>"$exp_dir/.lock"
if ! flock -n 9; then
  echo "train_mtl.sh: $exp_dir: another run, or jobs that it left, trains there: process $(cat "$exp_dir/.lock");" \
    "wait for it or stop it" >&2
  exit 1
fi
echo "$$ of $HOSTNAME" >"$exp_dir/.lock"

overrides=()
for override in $train_args; do overrides+=(--set "$override"); done
flags=()
[ "$tensorboard" = false ] || flags=(--tensorboard)
num_jobs=$(mtlaug train prepare "$1" "$2" "$exp_dir" --config "$train_config" --seeds "${seeds[*]}" \
  --command-line "$command_line" ${overrides[@]+"${overrides[@]}"} ${flags[@]+"${flags[@]}"})
echo "train_mtl.sh: $num_jobs jobs, one a fold and seed; logs are $exp_dir/log/train.*.log"
[ "$ngpu" -eq 0 ] || cmd="$cmd --gpu $ngpu"
# shellcheck disable=SC2086  # the launcher comes with its options
$cmd "JOB=1:$num_jobs" "$exp_dir/log/train.JOB.log" mtlaug train run "$exp_dir" --job JOB --ngpu "$ngpu" \
  ${flags[@]+"${flags[@]}"}
