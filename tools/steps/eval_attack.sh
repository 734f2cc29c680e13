#!/usr/bin/env bash
# Attack the models of an experiment on their own test speakers; prints a %UAR line for each method and budget.
set -euo pipefail

nj=2                  # jobs that share the methods and budgets
cmd=utils/run.py      # launcher
methods=fgsm,bim,pgd  # one or more, separated by commas or spaces
domain=               # features or waveform; this and what follows: empty for the default of mtlaug attack
budgets=              # ε in standard deviations, or dB SNR; separated by commas or spaces
steps=                # of bim and pgd
restarts=             # random starts of pgd
step_size=            # share of the budget
seed=                 # of the random starts
source=               # experiment that the attacks are made on, for a transfer to EXP_DIR
command_line=         # what a user types to make this result; the report shows it
help_message="Usage: steps/eval_attack.sh [options] EXP_DIR
Options: --nj 2 --cmd utils/run.py --methods fgsm,bim,pgd --domain features|waveform --budgets 0.05,0.1,0.2,0.5
  --steps 10 --restarts 2 --step-size 0.25 --seed 0 --source exp/stl --command-line './run.sh --stage 7'
Example: steps/eval_attack.sh --cmd \"\$decode_cmd\" --methods pgd --domain waveform --budgets 40,30 exp/mtlaug"
. utils/parse_options.sh
[ $# -eq 1 ] || { echo "$help_message" >&2; exit 1; }
exp_dir=$1
[ -d "$exp_dir" ] || { echo "eval_attack.sh: $exp_dir: no such directory; train the model first" >&2; exit 1; }

options=(${domain:+"--domain=$domain"} ${budgets:+"--budgets=$budgets"} ${steps:+"--steps=$steps"}
  ${restarts:+"--restarts=$restarts"} ${step_size:+"--step-size=$step_size"} ${seed:+"--seed=$seed"}
  ${source:+"--source=$source"})
# Runs in another domain or from another source keep logs of their own.
log="$exp_dir/log/attack_${domain:-features}${source:+_from_$(basename -- "$source")}"

# shellcheck disable=SC2086  # the launcher comes with its options
$cmd "JOB=1:$nj" "$log.JOB.log" mtlaug attack "$exp_dir" --methods "$methods" --job JOB --nj "$nj" \
  ${options[@]+"${options[@]}"} --command-line "$command_line"
for ((job = 1; job <= nj; job++)); do sed -n '/^%UAR/p' "$log.$job.log"; done
