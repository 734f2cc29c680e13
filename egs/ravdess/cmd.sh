#!/usr/bin/env bash
# Sourced by run.sh: where the jobs run. The default is this machine; for a grid, uncomment one of the
# blocks below and adapt it to the site.
#   train_cmd    feature extraction and other work on CPUs
#   cuda_cmd     training, on a GPU where there is one
#   decode_cmd   scoring, noisy speech, attacks
export train_cmd="utils/run.py"
export cuda_cmd="utils/run.py"
export decode_cmd="utils/run.py"

# Slurm:
# export train_cmd="utils/slurm.py --mem 4G"
# export cuda_cmd="utils/slurm.py --mem 8G --gpu 1"
# export decode_cmd="utils/slurm.py --mem 4G"

# SGE:
# export train_cmd="utils/sge.py --mem 4G"
# export cuda_cmd="utils/sge.py --mem 8G --gpu 1"
# export decode_cmd="utils/sge.py --mem 4G"
