#!/usr/bin/env bash
# Sourced by every recipe's path.sh: sets the environment variables that all stages rely on and puts tools/venv,
# made on first use, in front of PATH.

# Sorting in byte order is what Kaldi's tables and every comparison of them rest on.
export LC_ALL=C PYTHONUNBUFFERED=1 PYTHONIOENCODING=UTF-8

MTLAUG_ROOT=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." >/dev/null && pwd -P)
export MTLAUG_ROOT

"$MTLAUG_ROOT/tools/install.sh" --quiet || return 1

export VIRTUAL_ENV=$MTLAUG_ROOT/tools/venv
case :$PATH: in
  :"$VIRTUAL_ENV/bin":*) ;;
  *) export PATH=$VIRTUAL_ENV/bin:$PATH ;;
esac
