#!/usr/bin/env bash
# Download a corpus that its licence lets anyone download, unless the user has a copy or it is there already.
set -euo pipefail

corpus_dir= # the user's own copy; empty: downloaded
help_message="Usage: steps/get_corpus.sh [options] URL_OF_ZIP DOWNLOAD_DIR
Options: --corpus-dir DIR (a copy of one's own, which must exist; nothing is downloaded then)
Example: steps/get_corpus.sh http://emodb.bilderbar.info/download/download.zip downloads/emodb"
. utils/parse_options.sh
[ $# -eq 2 ] || { echo "$help_message" >&2; exit 1; }
url=$1
download_dir=$2

fail() {
  echo "get_corpus.sh: $1; fetch $url by hand, unpack it, and give the folder by --corpus-dir" >&2
  exit 1
}

if [ -n "$corpus_dir" ] && [ ! -d "$corpus_dir" ]; then
  echo "get_corpus.sh: $corpus_dir: no such directory; --corpus-dir is the folder of an unpacked copy of $url" >&2
  exit 1
fi
if [ -d "${corpus_dir:-$download_dir}" ]; then
  echo "get_corpus.sh: using ${corpus_dir:-$download_dir}"
  exit 0
fi
command -v curl >/dev/null || fail "curl is needed for the download (Debian: apt-get install curl)"

# Everything is done in a directory of this run's own: whatever goes wrong, the download is whole or absent.
mkdir -p "$(dirname "$download_dir")"
aside=$(mktemp -d "$(dirname "$download_dir")/.tmp.XXXXXX")
trap 'rm -rf "$aside"' EXIT
echo "get_corpus.sh: downloading $url"
curl --fail --location --silent --show-error --output "$aside/download.zip" "$url" || fail "the download failed"
python3 -m zipfile -e "$aside/download.zip" "$aside/corpus" 2>"$aside/messages" ||
  fail "what was downloaded cannot be unpacked ($(tail -n 1 "$aside/messages"))"
[ -n "$(find "$aside/corpus" -name '*.wav' -print -quit)" ] || fail "what was downloaded holds no .wav file"
mv -T "$aside/corpus" "$download_dir"
