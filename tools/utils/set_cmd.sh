# shellcheck shell=bash disable=SC2154
# Sourced by a recipe's cmd.sh: sets train_cmd, cuda_cmd and decode_cmd for its cmd_backend, run, slurm or sge.

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
    echo "cmd.sh: cmd_backend must be run, slurm or sge, not '$cmd_backend' (utils/set_cmd.sh is where another is added)" >&2
    exit 1
    ;;
esac
