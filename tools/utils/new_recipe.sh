#!/usr/bin/env bash
# Make the recipe of a new corpus, egs/NAME, which runs on files named speaker_emotion_n.wav as it stands.
set -euo pipefail

here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" >/dev/null && pwd -P)
root=$(dirname "$(dirname "$here")")
usage="Usage: utils/new_recipe.sh [--egs-dir DIR] NAME
NAME: of the corpus, lower-case letters, digits and _, such as my_corpus
Options: --egs-dir: folder of recipes with tools/ beside it (default: $root/egs)
Edit local/prepare_data.py of the new recipe, the one script that knows the corpus; its README.md says more.
Example: tools/utils/new_recipe.sh my_corpus && cd egs/my_corpus && ./run.sh --corpus-dir /corpora/mine"

fail() {
  echo "new_recipe.sh: error: $1" >&2
  exit 1
}

egs_dir=$root/egs
case "${1-}" in
  -h | --help) echo "$usage" && exit 0 ;;
  --egs-dir) [ $# -ge 2 ] || fail "--egs-dir needs a folder" && egs_dir=$2 && shift 2 ;;
esac
[ $# -eq 1 ] || { echo "$usage" >&2; exit 1; }
name=$1
[[ "$name" =~ ^[a-z][a-z0-9_]*$ ]] ||
  fail "NAME '$name': use lower-case letters, digits and _, beginning with a letter"
[ -e "$egs_dir/../tools/env.sh" ] || fail "$egs_dir: has no tools/ beside it, where the recipe's links lead to"
recipe=$egs_dir/$name
[ ! -e "$recipe" ] && [ ! -L "$recipe" ] || fail "$recipe: is there already; choose another name or remove it"

# Everything is made aside: the recipe is whole or absent.
aside=$(mktemp -d "$egs_dir/.tmp.XXXXXX")
trap 'rm -rf "$aside"' EXIT
chmod 755 "$aside"
cp -R "$here/recipe_template/." "$root/egs/mini/cmd.sh" "$root/egs/mini/path.sh" "$aside"
mv "$aside/run.sh.template" "$aside/run.sh" # so named because it can only be checked beside its links
for file in run.sh README.md local/prepare_data.py; do
  sed -i "s/@NAME@/$name/g" "$aside/$file"
done
for folder in steps utils; do
  ln -s "../../tools/$folder" "$aside/$folder"
done
for shared in "$root"/tools/conf/*.yaml "$root/tools/conf/ablation"; do
  ln -s "../../../tools/conf/${shared##*/}" "$aside/conf/${shared##*/}"
done
mv -T "$aside" "$recipe"
echo "new_recipe.sh: made $recipe; now edit its local/prepare_data.py and run ./run.sh --corpus-dir DIR"
