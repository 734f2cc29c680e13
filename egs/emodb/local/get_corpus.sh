#!/usr/bin/env bash
# Download EMO-DB from its official page, unless the folder is there: local/get_corpus.sh CORPUS_DIR
set -euo pipefail

url=http://emodb.bilderbar.info/download/download.zip
[ $# -eq 1 ] || { echo "Usage: local/get_corpus.sh CORPUS_DIR; example: local/get_corpus.sh downloads/emodb" >&2; exit 1; }
corpus=$1

fail() {
  echo "get_corpus.sh: $1; fetch $url by hand, unpack it, and give the folder by --corpus-dir" >&2
  exit 1
}

if [ -d "$corpus" ]; then
  echo "get_corpus.sh: using $corpus"
  exit 0
fi
if [ "$corpus" != downloads/emodb ]; then
  echo "get_corpus.sh: $corpus: no such directory; --corpus-dir is the folder that holds EMO-DB's wav/" >&2
  exit 1
fi
command -v curl >/dev/null || fail "curl is needed for the download (Debian: apt-get install curl)"

# Everything is done in a directory of this run's own: whatever goes wrong, downloads/emodb is whole or absent.
mkdir -p downloads
aside=$(mktemp -d downloads/.tmp.XXXXXX)
trap 'rm -rf "$aside"' EXIT
echo "get_corpus.sh: downloading $url (40 MB)"
curl --fail --location --silent --show-error --output "$aside/download.zip" "$url" || fail "the download failed"
python3 -m zipfile -e "$aside/download.zip" "$aside/emodb" 2>"$aside/messages" ||
  fail "what was downloaded cannot be unpacked ($(tail -n 1 "$aside/messages"))"
[ -n "$(find "$aside/emodb" -name '*.wav' -print -quit)" ] || fail "what was downloaded holds no .wav file"
mv -T "$aside/emodb" "$corpus"
