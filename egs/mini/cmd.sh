#!/usr/bin/env bash
# Sourced by run.sh: where the jobs run, chosen by one variable: run (this machine), slurm or sge.
# Change it here, or for one call: cmd_backend=slurm ./run.sh
# What a grid's site differs in goes to conf/slurm.conf or conf/sge.conf, a file that need not be there;
# tools/conf/slurm.conf says how to write it.
export cmd_backend="${cmd_backend:-run}"

# Sets, and for other wishes they can be set again below:
#   train_cmd    feature extraction and other work on CPUs
#   cuda_cmd     training, on a GPU where there is one
#   decode_cmd   scoring, noisy speech, attacks
. utils/set_cmd.sh
