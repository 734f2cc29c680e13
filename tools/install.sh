#!/usr/bin/env bash
# Makes tools/venv. A stamp inside it is written last and tells what it was made from, so that a second run
# has nothing to do, and a run that was killed is never taken for a finished one.
set -euo pipefail

usage() {
  cat <<'USAGE'
Usage: tools/install.sh [--test] [--quiet] [--help]
 e.g.: tools/install.sh
       PYTHON=python3.12 tools/install.sh --test
Makes the Python environment tools/venv from the versions in tools/requirements.txt, with mtlaug itself in it,
and installs the sox program where it may. Safe to run again; takes no time when everything is there.
The recipes' path.sh runs it on first use.
  --test    add what the tests need (tools/requirements-{test,baseline,onnx,tensorboard}.txt)
  --quiet   say nothing and skip the look for sox when the environment is up to date
  PYTHON    (environment) the interpreter to use, Python 3.10 or newer; default: python3
pip's own settings are respected. On Linux its default index has torch with CUDA, several GB; for a machine without
a GPU point pip (PIP_FIND_LINKS, PIP_INDEX_URL) to where there are wheels of torch for the CPU.
USAGE
}

log() { printf 'install.sh: %s\n' "$*" >&2; }
die() { log "error: $*"; exit 1; }

tools=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" >/dev/null && pwd -P)
root=$(dirname -- "$tools")
venv=$tools/venv
unfinished=$tools/.venv.unfinished  # stands beside the environment while it is being changed
levels=(base)
quiet=false
# Packages found through these would count as installed, and then be missing for whoever runs without them.
unset PYTHONPATH PYTHONHOME

while [ $# -gt 0 ]; do
  case $1 in
    --test) levels=(base test) ;;
    --quiet) quiet=true ;;
    --help) usage; exit 0 ;;
    *) usage >&2; die "unknown option: $1" ;;
  esac
  shift
done

python_version() { "$1" -I -S -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null; }

# What an environment of level $1 (base or test) is made from, as a checksum.
fingerprint() {
  local files=("$tools/requirements.txt" "$tools/install.sh" "$tools/mend_torchaudio.py" "$root/setup.py")
  if [ "$1" = test ]; then files+=("$tools"/requirements-{test,baseline,onnx,tensorboard}.txt); fi
  { cat -- "${files[@]}"; python_version "$venv/bin/python"; } | cksum
}

# The scripts in bin/ name the place they were installed for; a moved or copied environment is no use.
in_its_place() { [ -f "$venv/place" ] && [ "$(<"$venv/place")" -ef "$venv" ]; }

up_to_date() {
  [ -x "$venv/bin/python" ] && [ ! -e "$unfinished" ] && in_its_place || return 1
  if [ -n "${PYTHON:-}" ] && [ "$(python_version "$PYTHON")" != "$(python_version "$venv/bin/python")" ]; then
    return 1
  fi
  local level
  for level in "${levels[@]}"; do
    [ -f "$venv/stamp.$level" ] && [ "$(<"$venv/stamp.$level")" = "$(fingerprint "$level")" ] || return 1
  done
}

# Prints the interpreter to make the environment with, or says what is wrong with it.
find_python() {
  local python=${PYTHON:-python3} base
  # From inside an activated environment python3 is that environment's own; go back to what it was made with.
  base=$("$python" -I -c 'import sys; print(getattr(sys, "_base_executable", sys.executable))' 2>/dev/null) ||
    die "cannot run $python; install Python 3.10 or newer, or name one: PYTHON=python3.12 tools/install.sh"
  "$base" -I -c 'import sys; sys.exit(sys.version_info < (3, 10))' ||
    die "$python is Python $(python_version "$base"), 3.10 or newer is needed: PYTHON=python3.12 tools/install.sh"
  "$base" -I -c 'import venv, ensurepip' 2>/dev/null ||
    die "$python cannot make environments; on Debian or Ubuntu: apt-get install python3-venv"
  printf '%s\n' "$base"
}

# Whether the packages in an existing environment can be built upon.
can_be_completed() {
  [ ! -e "$unfinished" ] && "$venv/bin/python" -I -c 'import pip' 2>/dev/null || return 1
  # One that was made by hand has no file "place" yet; its pip tells.
  in_its_place || { [ ! -e "$venv/place" ] && head -n 3 "$venv/bin/pip" | grep -qF -- "$venv/bin/"; } || return 1
  [ -z "${PYTHON:-}" ] || [ "$(python_version "$PYTHON")" = "$(python_version "$venv/bin/python")" ]
}

pip_install() {
  local code=0
  "$venv/bin/python" -m pip install --quiet --disable-pip-version-check "$@" </dev/null >&2 || code=$?
  if [ "$code" -eq 0 ]; then return; fi
  # With 1 pip gave up in good order and left nothing half-made, so that the next run can build on what is there.
  if [ "$code" -eq 1 ]; then rm -f -- "$unfinished"; fi
  die "pip failed (exit code $code), see above; run tools/install.sh again when it is mended"
}

torch_version() { "$venv/bin/python" -I -c 'import importlib.metadata as m; print(m.version("torch"))'; }

install_packages() {
  local kind pin before after requirements=(-r "$tools/requirements.txt")
  if [ "${#levels[@]}" -gt 1 ]; then
    for kind in baseline onnx tensorboard test; do requirements+=(-r "$tools/requirements-$kind.txt"); done
  fi
  # torch goes first and alone: should anything below ask for another one, it is seen, not followed.
  pin=$(grep -E '^torch==' "$tools/requirements.txt")
  pip_install "$pin"
  before=$(torch_version)
  pip_install "${requirements[@]}"
  after=$(torch_version)
  [ "$before" = "$after" ] || die "a package replaced torch $before with $after; check tools/requirements.txt"
  "$venv/bin/python" "$tools/mend_torchaudio.py"
  pip_install --no-deps --no-build-isolation --use-pep517 -e "$root"
}

write_file() { printf '%s\n' "$2" >"$1.tmp" && mv -f -- "$1.tmp" "$1"; }

make_environment() {
  local python level
  if ! can_be_completed; then
    python=$(find_python)
    log "making $venv with $python ($(python_version "$python")); a minute or two, more where torch is downloaded"
    : >"$unfinished"
    "$python" -m venv --clear "$venv" >&2
  else
    log "completing $venv"
    : >"$unfinished"
    rm -f -- "$venv"/stamp.*
  fi
  install_packages
  write_file "$venv/place" "$venv"
  for level in "${levels[@]}"; do
    write_file "$venv/stamp.$level" "$(fingerprint "$level")"
  done
  rm -f -- "$unfinished"
  log "$venv is ready"
}

# Pitch and tempo copies are made by the sox program; all else works without it, so its lack is no failure.
look_for_sox() {
  if command -v sox >/dev/null; then return; fi
  if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
    log "installing the sox program with apt-get"
    export DEBIAN_FRONTEND=noninteractive
    if { apt-get install -y sox || { apt-get update && apt-get install -y sox; }; } </dev/null >&2; then return; fi
  fi
  cat >&2 <<'MESSAGE'
install.sh: WARNING: the sox program is missing; pitch and tempo copies cannot be made until it is installed:
install.sh:   Debian, Ubuntu   sudo apt-get install sox
install.sh:   Fedora           sudo dnf install sox
install.sh:   conda            conda install -c conda-forge sox
install.sh:   macOS            brew install sox
MESSAGE
}

if up_to_date; then
  if $quiet; then exit 0; fi
  log "$venv is up to date"
else
  if command -v flock >/dev/null; then
    exec 9>"$tools/.venv.lock"
    flock -n 9 || { log "waiting for another install.sh"; flock 9; }
  fi
  # The one that was waited for may have done it all.
  up_to_date || make_environment
fi
look_for_sox
