"""egs/emodb, stages 0 and 1: good runs, and every mistake that a corpus or a user can make."""

import fcntl
import hashlib
import os
import shutil
import subprocess
from pathlib import Path

import pytest
import recipes
import soundfile
from corpus import RATE
from made_emodb import SPEAKERS, make_corpus, write

from mtlaug import datadir
from mtlaug.files import read_json

BAD = ("03b01Wa", "03b02Wa", "03b03Wa", "03b04Wa", "03b05Wa", "03b06Wa")  # what `add_bad_files` adds
MISNAMED = ("03a09Xa", "99a01Wa", "notes")


def add_bad_files(wav: Path) -> None:
    """Unusable audio of six kinds, and files that EMO-DB does not have."""
    whole = write(wav / "03b01Wa.wav").read_bytes()
    (wav / "03b01Wa.wav").write_bytes(whole[:4000])  # truncated
    (wav / "03b02Wa.wav").touch()
    (wav / "03b03Wa.wav").write_text("no audio")
    soundfile.write(wav / "03b04Wa.wav", [0.0] * 8000, RATE)
    write(wav / "03b05Wa.wav", 0.01)  # shorter than a frame
    (wav / "03b06Wa.wav").write_bytes(whole[:44])  # the header alone
    for name in MISNAMED:
        write(wav / f"{name}.wav")


@pytest.fixture
def recipe(tmp_path):
    """A fresh copy of the recipe; its path has a space."""
    return recipes.copy("emodb", tmp_path)


@pytest.fixture(scope="module")
def full(tmp_path_factory):
    """Ten speakers, seven emotions, 210 good files, nothing else; tests must not change it."""
    return make_corpus(tmp_path_factory.mktemp("full") / "my emodb")


def prepare(recipe: Path, corpus: Path, *arguments: object) -> subprocess.CompletedProcess:
    return recipes.run(recipe, "--stage", 0, "--stop-stage", 1, "--corpus-dir", corpus, *arguments)


@pytest.mark.parametrize(("classes", "kept"), [(4, 120), (7, 210)])
def test_four_and_seven_classes(recipe, full, classes, kept):
    result = prepare(recipe, full, "--classes", classes)
    assert recipes.succeeded(result, "210 utterances of 10 speakers, 0 of 210 files left out", "210 of 210 utterances")
    assert recipes.succeeded(result, "not the corpus as it was published: anger 30 of 127, boredom 30 of 81")
    assert recipes.succeeded(result, "1 recordings are not at 16000 Hz and 1 have several channels")
    protocol = read_json(recipe / "data/emodb/protocol.json")
    assert (len(protocol["classes"]), protocol["utterances"], len(protocol["folds"])) == (classes, kept, 10)
    left_out = {"boredom": 30, "disgust": 30, "fear": 30} if classes == 4 else {}
    assert protocol["dropped"] == left_out
    listed = (recipe / "data/emodb/protocol_dropped.tsv").read_text().splitlines()[1:]
    assert len(listed) == sum(left_out.values()) and all("label" in line for line in listed)
    genders = datadir.read(recipe / "data/emodb", "spk2gender")
    other = {4: 7, 7: 4}[classes]
    refused = recipes.run(recipe, "--stage", 2, "--classes", other)
    assert recipes.failed(refused, f"protocol.json is not that of emodb_{other}; run stage 1 with the same options")
    assert [speaker for speaker in genders if genders[speaker] == "m"] == ["03", "10", "11", "12", "15"]


def test_bad_files_among_good_ones_are_named_and_counted(recipe, full, tmp_path):
    corpus = tmp_path / "mixed"
    shutil.copytree(full, corpus)
    add_bad_files(corpus / "wav")
    result = prepare(recipe, corpus)  # 9 of 219 are 4.1 %
    assert recipes.succeeded(result, "216 utterances of 10 speakers, 3 of 219 files left out")
    assert recipes.succeeded(result, "210 of 219 utterances are good, 9 dropped (4.1 %)", *MISNAMED)
    dropped = datadir.read_dropped(recipe / "data/emodb")
    assert dropped.keys() == {*BAD, *MISNAMED}
    reasons = ["truncated", "is empty", "cannot be decoded", "is silent", "less than 0.025 s", "no samples"]
    reasons += ["emotion X is none of", "speaker 99 is none of", "not an EMO-DB file name"]
    for name, reason in zip((*BAD, *MISNAMED), reasons, strict=True):
        assert reason in dropped[name] and f"{name}.wav" in dropped[name] and name in result.stderr
    again = prepare(recipe, corpus)  # the same counts, not those of the rest
    assert recipes.succeeded(again, "210 of 219 utterances are good, 9 dropped (4.1 %)")


def test_too_many_bad_files(recipe, tmp_path):
    corpus = make_corpus(tmp_path / "emodb", letters="WFNT", versions="a")
    add_bad_files(corpus / "wav")
    result = prepare(recipe, corpus)
    assert recipes.failed(result, "9 of 49 utterances are lost (18.4 %, more than the 5 % of --max-loss)", *BAD)
    assert not (recipe / "data/emodb/protocol.json").exists()
    assert recipes.succeeded(prepare(recipe, corpus, "--max-loss", 20), "40 of 49 utterances are good")


def test_check_sums(recipe, full, tmp_path):
    corpus = tmp_path / "emodb"
    shutil.copytree(full, corpus)
    rows = ["file\tspeaker\temotion\tbytes\tsha256\tstaged"]
    for name in ("03a01Wb", "08a01Fa", "09a01Fa"):
        content = (corpus / "wav" / f"{name}.wav").read_bytes()
        rows.append(f"{name}.wav\t{name[:2]}\tx\t{len(content)}\t{hashlib.sha256(content).hexdigest()}\tyes")
    rows.append("16a99Fa.wav\t16\thappiness\t10\t00\tyes")  # not here
    sums = corpus / "original_535_sha256.tsv"
    sums.write_text("\n".join(rows) + "\n")
    assert recipes.succeeded(prepare(recipe, corpus), "3 of the 4 original files are here, 0 of them differ")
    write(corpus / "wav" / "08a01Fa.wav", seed=99)
    result = prepare(recipe, corpus)
    assert recipes.succeeded(result, "3 of the 4 original files are here, 1 of them differ")
    assert [line for line in result.stderr.splitlines() if "differs" in line] == [
        f"{corpus}/wav/08a01Fa.wav: differs from the original in size or SHA-256"
    ]
    sums.write_text("name\tsize\n")
    assert recipes.failed(prepare(recipe, corpus), f"{sums}:1: expected a header")


def test_missing_corpus(recipe, tmp_path):
    missing = tmp_path / "not here"
    for stage in (0, 1):
        result = recipes.run(recipe, "--stage", stage, "--stop-stage", stage, "--corpus-dir", missing)
        assert recipes.failed(result, f"{missing}: no such directory", "--corpus-dir")
    (missing / "wav").mkdir(parents=True)
    assert recipes.failed(prepare(recipe, missing), f"{missing}: holds no audio file")
    write(missing / "wav" / "speech.wav")
    assert recipes.failed(prepare(recipe, missing), f"{missing}: none of its 1 audio files is named as EMO-DB's")
    assert not (recipe / "data").exists()


def test_duplicate_utterance(recipe, tmp_path):
    corpus = make_corpus(tmp_path / "emodb", speakers=("03", "08"), versions="a")
    write(corpus / "wav" / "08a01Ta.flac")
    assert recipes.failed(prepare(recipe, corpus), "08a01Ta.wav", "08a01Ta.flac", "would both be utterance 08a01Ta")


def test_class_missing_in_training(recipe, tmp_path):
    corpus = make_corpus(tmp_path / "emodb", letters="FNT", versions="a")
    write(corpus / "wav" / "03a01Wa.wav")
    result = prepare(recipe, corpus)
    assert recipes.failed(result, "fold 03: no training utterance of class(es) angry")
    assert not (recipe / "data/emodb/protocol.json").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--stage"], "--stage needs a value"),
        (["--stage", "--nj", "2"], "--stage needs a value"),
        (["--stage", "abc"], "--stage must be a whole number, not 'abc'"),
        (["--nonsense", "1"], "unknown option --nonsense"),
        (["--config", "none.conf"], "none.conf"),
    ],
)
def test_wrong_options(recipe, arguments, message):
    assert recipes.failed(recipes.run(recipe, *arguments), message)
    assert not (recipe / "data").exists()


def test_unknown_number_of_classes(recipe, full):
    assert recipes.failed(prepare(recipe, full, "--classes", 5), "conf/labels_5.yaml: no such file")


def test_a_mistake_leaves_what_is_there_as_it_was(recipe, full, tmp_path):
    assert recipes.succeeded(prepare(recipe, full))
    made = sorted(recipe.rglob("*"))
    again = ("--stage", 1, "--stop-stage", 1)
    typo = tmp_path / "typo"
    assert recipes.failed(recipes.run(recipe, *again, "--corpus-dir", typo), f"--corpus-dir {typo}: no such directory")
    assert recipes.failed(recipes.run(recipe, *again, "--corpus-dir", full, "--classes", 5), "labels_5.yaml: no such")
    assert recipes.failed(recipes.run(recipe, "--stage", 3), "data/emodb_aug: no such directory; run the stages before")
    for stage in (5, 6, 7):
        refused = recipes.run(recipe, "--stage", stage, "--train-config", "conf/stl.yaml")
        assert recipes.failed(refused, "run.sh: exp/stl: no such model; train it by stage 4 first")
    for step in ("make_fbank.sh data/typo", "score.sh exp/typo", "eval_attack.sh exp/typo"):
        assert recipes.failed(recipes.call(recipe, "bash", "-c", f"steps/{step}"), "typo: no such directory")
    for step in ("train_mtl.sh data/emodb data/typo exp/typo", "eval_noise.sh data/emodb data/typo data/x exp/typo"):
        assert recipes.failed(recipes.call(recipe, "bash", "-c", f"steps/{step}"), "data/typo: no such directory")
    assert sorted(recipe.rglob("*")) == made
    assert "#" not in (recipe / "data/emodb/options.conf").read_text()


def test_speakers_shared_by_train_and_test(recipe, full):
    assert recipes.succeeded(prepare(recipe, full))
    (recipe / "folds").write_text(f"1 {' '.join(SPEAKERS[:4])}\n2 {' '.join(SPEAKERS[4:8])}\n3 08 {SPEAKERS[8]} 16\n")
    make = ["mtlaug", "protocol", "make", "data/emodb", "--scheme", "speakers", "--fold-list", "folds"]
    assert recipes.failed(recipes.call(recipe, *make), "folds: speaker 08 is in fold 1 and again in fold 3")


def test_second_run_in_one_experiment_directory(recipe):
    directory, options = recipe / "exp" / "x", recipe / "data/emodb/options.conf"
    directory.mkdir(parents=True)
    options.parent.mkdir(parents=True)
    options.touch()
    (recipe / "data/emodb_aug").mkdir()
    with open(directory / ".lock", "w") as lock:
        lock.write("7 of here\n")
        lock.flush()
        fcntl.flock(lock, fcntl.LOCK_EX)
        result = recipes.run(recipe, "--stage", 4, "--stop-stage", 4, "--exp-name", "x")
    assert recipes.failed(result, "exp/x: another run, or jobs that it left, trains there: process 7 of here; wait")
    assert os.listdir(directory) == [".lock"]


def test_mixed_genders_need_four_speakers(recipe, tmp_path):
    corpus = make_corpus(tmp_path / "emodb", speakers=("03", "08", "09"), letters="WFNT", versions="a")
    assert recipes.failed(prepare(recipe, corpus), "fold 03: 1 dev speaker(s) of gender m asked for, but only 0")


# The download.


def fake_curl(folder: Path, body: str) -> Path:
    """A curl that runs ``body`` with the output file as $out."""
    folder.mkdir()
    script = folder / "curl"
    find_output = 'while [ $# -gt 1 ]; do [ "$1" != --output ] || out=$2; shift; done'
    script.write_text(f'#!/usr/bin/env bash\necho "$*" >"{folder}/called"\n{find_output}\n{body}\n')
    script.chmod(0o755)
    return folder


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ('echo "curl: (6) Could not resolve host" >&2; head -c 999 /dev/zero >"$out"; exit 6', "the download failed"),
        ('echo "<html>moved</html>" >"$out"', "cannot be unpacked"),
        ('cp "$NO_AUDIO" "$out"', "holds no .wav file"),
    ],
)
def test_download_that_fails(recipe, tmp_path, monkeypatch, body, message):
    (tmp_path / "text").write_text("no audio")
    monkeypatch.setenv("NO_AUDIO", shutil.make_archive(str(tmp_path / "other"), "zip", tmp_path, "text"))
    result = recipes.run(recipe, "--stop-stage", 1, path=fake_curl(tmp_path / "bin", body))
    assert recipes.failed(result, message, "http://emodb.bilderbar.info/download/download.zip", "--corpus-dir")
    assert list((recipe / "downloads").iterdir()) == []


def test_download(recipe, full, tmp_path, monkeypatch):
    monkeypatch.setenv("ARCHIVE", shutil.make_archive(str(tmp_path / "download"), "zip", full))
    curl = fake_curl(tmp_path / "bin", 'cp "$ARCHIVE" "$out"')
    assert recipes.succeeded(recipes.run(recipe, "--stop-stage", 1, path=curl), "210 of 210 utterances are good")
    assert [path.name for path in (recipe / "downloads").iterdir()] == ["emodb"]
    (curl / "called").unlink()
    again = recipes.run(recipe, "--stop-stage", 0, path=curl)
    assert recipes.succeeded(again, "using downloads/emodb") and not (curl / "called").exists()
