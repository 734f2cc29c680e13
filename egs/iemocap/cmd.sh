#!/usr/bin/env bash
# Sourced by run.sh: where the jobs run, chosen by one variable: run (this machine), slurm or sge.
# Change it here, or for one call: cmd_backend=slurm ./run.sh
# What a grid's site differs in goes to conf/slurm.conf or conf/sge.conf, a file that need not be there;
# tools/conf/slurm.conf says how to write it.
#   train_cmd    feature extraction and other work on CPUs
#   cuda_cmd     training, on a GPU where there is one
#   decode_cmd   scoring, noisy speech, attacks
export cmd_backend="${cmd_backend:-run}"

case "$cmd_backend" in
  run)
    export train_cmd="utils/run.py"
    export cuda_cmd="utils/run.py"
    export decode_cmd="utils/run.py"
    ;;
  slurm | sge)
    grid_cmd="utils/$cmd_backend.py"
    if [ -f "conf/$cmd_backend.conf" ]; then grid_cmd="$grid_cmd --config conf/$cmd_backend.conf"; fi
    export train_cmd="$grid_cmd --mem 4G"
    export cuda_cmd="$grid_cmd --mem 8G --gpu 1"
    export decode_cmd="$grid_cmd --mem 4G"
    unset grid_cmd # a plain variable here would be an option of run.sh
    ;;
  *)
    echo "cmd.sh: cmd_backend must be run, slurm or sge, not '$cmd_backend'" >&2
    exit 1
    ;;
esac
