#!/usr/bin/env bash
# Turn "--name value" arguments into values of the variables that a script has set. To be sourced:
#
#   stage=0   # first stage to run
#   nj=4      # parallel jobs
#   . utils/parse_options.sh
#
# Options are the lower-case variables set so far, unless they come from the environment;
# "--train-set x", "--train_set x" and "--train-set=x" are one. A default that is a whole number
# or true/false admits only the like; an array, as in seeds=(1), takes several values separated by
# spaces. "--config FILE" holds lines "name=value", which the command
# line overrides; it is parsed, not run. "--help" prints $help_message, or the options of the script
# and of the files that it sources by a line of their own, as ". steps/recipe_options.sh".
# The first argument that is no option, or "--", ends them; "$@" is then what remains, and the
# array given_options what was given, as name=value in the order given. A script that has set
# OPTIONS_ONLY=true takes no other arguments: one is an error.

# Every name here begins with _po_: no option can have such a name.

_po_script="${BASH_SOURCE[1]-}"
# A script that is called from another folder and goes to its own lies there.
[[ -f "$_po_script" ]] || _po_script="./${_po_script##*/}"

_po_fail() {
  echo "${0##*/}: $1" >&2
  exit 1
}

# Is there an option of this name: set, neither read-only nor from the environment?
# A variable that the script, or a file that it sources, assigns stays an option where the environment has it too.
_po_is_option() {
  local _po_attributes
  [[ "$1" =~ ^[a-z][a-z0-9_]*$ && "$1" != help_message && -n "${!1+set}" ]] || return 1
  _po_attributes="$(declare -p "$1" 2>/dev/null)" || return 1
  _po_attributes="${_po_attributes#declare }"
  case "${_po_attributes%% *}" in
    *[Anr]*) return 1 ;;
    *x*) _po_assigns "$_po_script" "$1" ;;
  esac
}

# _po_assigns FILE NAME: does the file, or one that it sources by a line of its own, assign the variable?
_po_assigns() {
  local _po_sourced
  [[ -f "$1" ]] || return 1
  ! grep -Eq "^[[:space:]]*$2=" "$1" || return 0
  while read -r _po_sourced; do
    ! _po_assigns "$_po_sourced" "$2" || return 0
  done < <(sed -nE 's/^\.[[:space:]]+([^[:space:]]+)$/\1/p' "$1")
  return 1
}

_po_is_array() {
  [[ "$(declare -p "$1")" == "declare -a"* ]]
}

# _po_check OPTION VARIABLE VALUE: does the value suit the variable's default?
_po_check() {
  local _po_whole='^-?[0-9]+$' _po_kind="a whole number"
  _po_is_array "$2" && _po_whole='^-?[0-9]+( +-?[0-9]+)*$' && _po_kind="whole numbers separated by spaces"
  case "${!2}" in
    true | false)
      [[ "$3" == true || "$3" == false ]] || _po_fail "option $1 must be true or false, not '$3'"
      ;;
    *)
      if [[ "${!2}" =~ ^-?[0-9]+$ && ! "$3" =~ $_po_whole ]]; then
        _po_fail "option $1 must be $_po_kind, not '$3'"
      fi
      ;;
  esac
}

_po_trim() { # sets _po_text
  _po_text="${1#"${1%%[![:space:]]*}"}"
  _po_text="${_po_text%"${_po_text##*[![:space:]]}"}"
}

# Add the options of a configuration file to _po_names and _po_values.
_po_read_config() {
  local _po_line _po_number=0 _po_name _po_value
  [[ -f "$1" && -r "$1" ]] || _po_fail "option --config: cannot read '$1'"
  while IFS= read -r _po_line || [[ -n "$_po_line" ]]; do
    _po_number=$((_po_number + 1))
    _po_trim "$_po_line"
    [[ -z "$_po_text" || "$_po_text" == \#* ]] && continue
    if ! [[ "$_po_text" =~ ^(--)?([A-Za-z][A-Za-z0-9_-]*)([[:space:]]*=[[:space:]]*|[[:space:]]+)(.*)$ ]]; then
      _po_fail "$1:$_po_number: expected name=value, got '$_po_text'"
    fi
    _po_name="${BASH_REMATCH[2]//-/_}"
    _po_value="${BASH_REMATCH[4]}"
    if [[ "$_po_value" =~ ^\"([^\"]*)\"[[:space:]]*(#.*)?$ || "$_po_value" =~ ^\'([^\']*)\'[[:space:]]*(#.*)?$ ]]; then
      _po_value="${BASH_REMATCH[1]}"
    else
      [[ "$_po_value" == \#* ]] && _po_value=
      _po_trim "${_po_value%%[[:space:]]#*}"
      _po_value="$_po_text"
    fi
    _po_is_option "$_po_name" || _po_fail "$1:$_po_number: unknown option $_po_name (see --help)"
    _po_check "$_po_name ($1:$_po_number)" "$_po_name" "$_po_value"
    _po_names+=("$_po_name")
    _po_values+=("$_po_value")
  done <"$1"
}

_po_help() {
  local _po_line _po_listed=" "
  if [[ -n "${help_message-}" ]]; then
    printf '%s\n' "$help_message"
    exit 0
  fi
  echo "Usage: $0 [--name value ...]"
  echo "Options, with their defaults:"
  if [[ -f "$_po_script" ]]; then
    _po_describe_file "$_po_script"
  else
    while IFS= read -r _po_line; do
      _po_describe "$_po_line" ""
    done < <(compgen -v)
  fi
  exit 0
}

# In the order of the file, with the comments beside the variables.
_po_describe_file() {
  local _po_line _po_name _po_comment
  while IFS= read -r _po_line; do
    if [[ "$_po_line" =~ ^\.[[:space:]]+([^[:space:]]+)$ && -f "${BASH_REMATCH[1]}" ]]; then
      _po_describe_file "${BASH_REMATCH[1]}"
    elif [[ "$_po_line" =~ ^[[:space:]]*([a-z][a-z0-9_]*)=(.*)$ ]]; then
      _po_name="${BASH_REMATCH[1]}"
      _po_comment="${BASH_REMATCH[2]}"
      [[ "$_po_comment" == *[[:space:]]#* ]] && _po_comment="  #${_po_comment##*[[:space:]]#}" || _po_comment=
      _po_describe "$_po_name" "$_po_comment"
    fi
  done <"$1"
}

_po_describe() {
  if [[ "$_po_listed" != *" $1 "* ]] && _po_is_option "$1"; then
    _po_listed+="$1 "
    printf '  --%s %q%s\n' "${1//_/-}" "${!1}" "$2"
  fi
}

# Read the command line: sets the variables at its end, and _po_used, the number of arguments used.
_po_parse() {
  local _po_option _po_value _po_name _po_text _po_index
  local -a _po_names=() _po_values=() _po_given_names=() _po_given_values=()
  _po_used=0
  while [[ $# -gt 0 ]]; do
    _po_option="$1"
    case "$1" in
      -h | --help) _po_help ;;
      --) _po_used=$((_po_used + 1)) && break ;;
      --*) ;;
      -[A-Za-z]*) _po_fail "unknown option $1; options begin with two dashes (see --help)" ;;
      *) break ;;
    esac
    _po_option="${1%%=*}"
    _po_name="${_po_option#--}"
    _po_name="${_po_name//-/_}"
    if [[ "$_po_name" != config ]] && ! _po_is_option "$_po_name"; then
      _po_fail "unknown option $_po_option (see --help)"
    fi
    if [[ "$1" == *=* ]]; then
      _po_value="${1#*=}"
    else
      # Another option is no value, but text such as "--num-mel-bins 80" is one.
      if [[ $# -lt 2 || "$2" =~ ^--([A-Za-z][A-Za-z0-9_-]*(=.*)?)?$ ]]; then
        _po_fail "option $_po_option needs a value (one that begins with dashes: $_po_option=VALUE)"
      fi
      _po_value="$2"
      shift
      _po_used=$((_po_used + 1))
    fi
    shift
    _po_used=$((_po_used + 1))
    if [[ "$_po_name" == config ]]; then
      _po_read_config "$_po_value"
      _po_is_option config || continue
    fi
    _po_check "$_po_option" "$_po_name" "$_po_value"
    _po_given_names+=("$_po_name")
    _po_given_values+=("$_po_value")
  done
  if [[ "${OPTIONS_ONLY-}" == true && $# -gt 0 ]]; then
    _po_fail "'$1' is no option (see --help); a list is one word, as in --seeds \"1 2 3\""
  fi
  # Only now: until here the variables held the defaults, for the checks and for --help.
  _po_names+=(${_po_given_names[@]+"${_po_given_names[@]}"})
  _po_values+=(${_po_given_values[@]+"${_po_given_values[@]}"})
  given_options=()
  for ((_po_index = 0; _po_index < ${#_po_names[@]}; _po_index++)); do
    given_options+=("${_po_names[_po_index]}=${_po_values[_po_index]}")
    if _po_is_array "${_po_names[_po_index]}"; then
      read -r -a "${_po_names[_po_index]?}" <<<"${_po_values[_po_index]}"
    else
      printf -v "${_po_names[_po_index]}" '%s' "${_po_values[_po_index]}"
    fi
  done
}

_po_parse "$@"
shift "$_po_used"
unset _po_script _po_used
unset -f _po_fail _po_is_option _po_assigns _po_is_array _po_check _po_trim _po_read_config _po_help _po_describe _po_describe_file _po_parse
