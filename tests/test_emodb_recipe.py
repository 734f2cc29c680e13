"""egs/emodb on a made-up EMO-DB: good runs, and every mistake that a corpus or a user can make."""

import contextlib
import fcntl
import hashlib
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
import recipes
import soundfile
from corpus import RATE, speech

from mtlaug import datadir
from mtlaug.files import read_json

WOMEN = ("08", "09", "13")
SPEAKERS = ("03", "08", "09", "10", "11", "12", "13", "14", "15", "16")
LETTERS = "WLEAFNT"
BAD = ("03b01Wa", "03b02Wa", "03b03Wa", "03b04Wa", "03b05Wa", "03b06Wa")  # what `add_bad_files` adds
MISNAMED = ("03a09Xa", "99a01Wa", "notes")
TINY = "optim_args.epochs=1 model_args.channels=8 model_args.hidden=8"


def write(path: Path, seconds: float = 0.3, seed: int = 0, rate: int = RATE, channels: int = 1) -> Path:
    samples = speech(seconds, 200.0 + 10 * (seed % 50), seed, rate)
    soundfile.write(path, samples[:, None].repeat(channels, axis=1), rate)
    return path


def make_corpus(folder: Path, speakers=SPEAKERS, letters=LETTERS, versions="abc") -> Path:
    """wav/03a01Wa.wav and so on; the last version is .flac, one file is stereo, one has another rate."""
    (folder / "wav").mkdir(parents=True)
    names = [f"{speaker}a01{letter}{version}" for speaker in speakers for letter in letters for version in versions]
    for seed, name in enumerate(names):
        ending = "flac" if len(versions) > 1 and name[-1] == versions[-1] else "wav"
        kind = {0: {"channels": 2}, 1: {"rate": 44100}}.get(seed, {})
        write(folder / "wav" / f"{name}.{ending}", 0.3 + 0.01 * (seed % 20), seed, **kind)
    return folder


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
    assert recipes.succeeded(result, "1 recordings have another sample rate and 1 several channels")
    protocol = read_json(recipe / "data/emodb/protocol.json")
    assert (len(protocol["classes"]), protocol["utterances"], len(protocol["folds"])) == (classes, kept, 10)
    left_out = {"boredom": 30, "disgust": 30, "fear": 30} if classes == 4 else {}
    assert protocol["dropped"] == left_out
    listed = (recipe / "data/emodb/protocol_dropped.tsv").read_text().splitlines()[1:]
    assert len(listed) == sum(left_out.values()) and all("label" in line for line in listed)
    genders = datadir.read(recipe / "data/emodb", "spk2gender")
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
        f"prepare_data: {corpus}/wav/08a01Fa.wav: differs from the original in size or SHA-256"
    ]
    sums.write_text("name\tsize\n")
    assert recipes.failed(prepare(recipe, corpus), f"{sums}:1: expected a header")


def test_missing_corpus(recipe, tmp_path):
    missing = tmp_path / "not here"
    for stage in (0, 1):
        result = recipes.run(recipe, "--stage", stage, "--stop-stage", stage, "--corpus-dir", missing)
        assert recipes.failed(result, f"{missing}: no such directory", "--corpus-dir")
    (missing / "wav").mkdir(parents=True)
    assert recipes.failed(prepare(recipe, missing), f"{missing}: holds no .wav or .flac file")
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


def test_speakers_shared_by_train_and_test(recipe, full):
    assert recipes.succeeded(prepare(recipe, full))
    (recipe / "folds").write_text(f"1 {' '.join(SPEAKERS[:4])}\n2 {' '.join(SPEAKERS[4:8])}\n3 08 {SPEAKERS[8]} 16\n")
    make = ["mtlaug", "protocol", "make", "data/emodb", "--scheme", "speakers", "--fold-list", "folds"]
    assert recipes.failed(recipes.call(recipe, *make), "folds: speaker 08 is in fold 1 and again in fold 3")


def test_second_run_in_one_experiment_directory(recipe):
    directory = recipe / "exp" / "x"
    directory.mkdir(parents=True)
    with open(directory / ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        result = recipes.run(recipe, "--stage", 4, "--stop-stage", 4, "--exp-name", "x")
    assert recipes.failed(result, "exp/x: another run is training there")
    assert os.listdir(directory) == [".lock"]


# From here on one chain: stages 0 to 2, a stage 3 that is killed and run again, training.


@pytest.fixture(scope="module")
def described(tmp_path_factory):
    """A recipe after stage 2, of three speakers of one gender: the fewest for one fold a speaker."""
    folder = tmp_path_factory.mktemp("chain")
    recipe = recipes.copy("emodb", folder)
    corpus = make_corpus(folder / "emodb", speakers=WOMEN, letters="WFNT", versions="a")
    arguments = ["--corpus-dir", corpus, "--stop-stage", 2, "--noise-dir", make_noise(folder / "my noise")]
    assert recipes.succeeded(recipes.run(recipe, *arguments), "data/emodb_aug: ", "data/noise_train")
    return recipe


def make_noise(folder: Path) -> Path:
    (folder / "002 - Rain").mkdir(parents=True)
    for source in range(3):
        write(folder / "002 - Rain" / f"1-{source}-A.wav", seed=source)
    return folder


@pytest.mark.parametrize(
    ("name", "spoil", "message"),
    [
        ("wav.scp", lambda lines: lines[::-1], "wav.scp:2: '13a01Ta' is out of order; run utils/fix_data_dir.sh"),
        ("utt2spk", lambda lines: [*lines[:3], "08a01Wa\n", *lines[4:]], "utt2spk:4: expected 'key value'"),
    ],
    ids=["unsorted", "no value"],
)
def test_malformed_table(described, name, spoil, message):
    path = described / "data/emodb" / name
    whole = path.read_text()
    before = (described / "data/emodb_aug/cuts.jsonl.gz").read_bytes()
    try:
        path.write_text("".join(spoil(whole.splitlines(keepends=True))))
        assert recipes.failed(recipes.run(described, "--stage", 2, "--stop-stage", 2), f"data/emodb/{message}")
    finally:
        path.write_text(whole)
    assert (described / "data/emodb_aug/cuts.jsonl.gz").read_bytes() == before


def descendants(process: int) -> list[int]:
    """All processes that ``process`` has started, and those that they have."""
    found = []
    with contextlib.suppress(FileNotFoundError):
        for child in map(int, Path(f"/proc/{process}/task/{process}/children").read_text().split()):
            found += [child, *descendants(child)]
    return found


@pytest.fixture(scope="module")
def extracted(described):
    """The recipe after a stage 3 that was killed while a job wrote its archive, and that was then run again."""
    path = described / "data/emodb/wav.scp"
    whole = path.read_text()
    path.write_text(whole[: whole.rindex("13a01Wa")] + "13a01Wa sleep 120 |\n")  # so that the kill comes in time
    command = ["./run.sh", "--stage", "3", "--stop-stage", "3", "--nj", "1"]
    killed = subprocess.Popen(command, cwd=described, env=recipes.environment(), stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while not list(described.glob("data/emodb/data/.tmp*feats.1.ark")) and time.monotonic() < deadline:
        time.sleep(0.05)
    for process in [killed.pid, *descendants(killed.pid)]:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
    assert killed.wait() == -signal.SIGKILL
    path.write_text(whole)
    left = sorted(path.name for path in described.glob("data/emodb/data/*"))
    return described, left, recipes.run(described, "--stage", 3, "--stop-stage", 3, "--nj", 1)


def test_killed_stage_runs_again(extracted):
    recipe, left, result = extracted
    assert left and [name for name in left if not name.startswith(".tmp")] == []
    assert recipes.succeeded(result, "data/emodb/feats.scp: 12 utterances")
    for name in ("emodb", "emodb_aug"):
        frames = datadir.read(recipe / "data" / name, "utt2num_frames")
        assert frames.keys() == datadir.read(recipe / "data" / name, "feats.scp").keys()
        # The stereo file and the one at 44.1 kHz have frames of 10 ms as all others.
        durations = datadir.read(recipe / "data" / name, "utt2dur")
        assert [name for name in frames if abs(int(frames[name]) - 100 * float(durations[name])) > 1] == []


def check_results(recipe: Path, exp: str, command: list) -> None:
    """Train, score and report; then look at every file that users read."""
    result = recipes.run(recipe, *command)
    assert recipes.succeeded(result)
    lines = [line for line in result.stdout.splitlines() if line.startswith("%UAR")]
    assert len(lines) == 1 and f"exp/{exp}" in lines[0] and "%WA" in lines[0]
    score = recipe / "exp" / exp / "score_within"
    header, *rows = (line.split("\t") for line in (score / "predictions.tsv").read_text().splitlines())
    assert {row[header.index("speaker")] for row in rows} == set(WOMEN)
    assert {row[header.index("utt")] for row in rows} == datadir.read(recipe / "data/emodb", "utt2spk").keys()
    results = read_json(score / "results.json")
    assert lines[0].startswith(f"%UAR {100 * results['uar']:.1f} [ ")
    assert results["protocol"] == read_json(recipe / "data/emodb/protocol.json")["sha256"]
    assert "<svg" in (score / "confusion.svg").read_text()
    report = (recipe / "RESULTS.md").read_text()
    assert "EMO-DB" in report and exp in report and "./run.sh" in report


def test_training_scoring_and_report(extracted):
    recipe, _, _ = extracted
    command = ["--stage", 4, "--train-args", TINY, "--exp-name", "tiny"]
    check_results(recipe, "tiny", command)


def test_three_real_speakers(shared_data, tmp_path, recipe):
    """Women alone: among three speakers of both genders one fold would lack a dev speaker."""
    corpus = tmp_path / "emodb" / "wav"
    corpus.mkdir(parents=True)
    for speaker in WOMEN:
        for letter in "WFNT":
            for path in sorted((shared_data / "emodb" / "wav").glob(f"{speaker}*{letter}?.*"))[:2]:
                (corpus / path.name).symlink_to(path)
    sums = "original_535_sha256.tsv"
    (corpus.parent / sums).symlink_to(shared_data / "emodb" / sums)
    arguments = ["--corpus-dir", corpus.parent, "--train-args", TINY.replace("epochs=1", "epochs=2")]
    check_results(recipe, "mtlaug", arguments)


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
