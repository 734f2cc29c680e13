#!/usr/bin/env bash
# Sourced by run.sh: the environment of the whole project, made on first use.
. "$(dirname -- "${BASH_SOURCE[0]}")/../../tools/env.sh"
