#!/usr/bin/env bash
# Runs the tests in the project's own environment, which it makes on first use.
# Usage: tests/run.sh [pytest options and tests]
#  e.g.: tests/run.sh
#        tests/run.sh tests/tools -k stamp
set -euo pipefail

cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." >/dev/null
tools/install.sh --test
. tools/env.sh
# The tests share the cores already.
export OMP_NUM_THREADS="${OMP_NUM_THREADS:-1}"
exec python -m pytest --rootdir . -c tests/pytest.ini "$@"
