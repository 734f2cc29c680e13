"""egs/emodb from stage 2 on: one chain over a stage 3 that is killed and run again, to training and the report."""

import contextlib
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
import recipes
from made_emodb import WOMEN, make_corpus, write

from mtlaug import datadir
from mtlaug.files import read_json, read_table, write_table

TINY = "optim_args.epochs=1 model_args.channels=4 model_args.hidden=8"


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
        refused = recipes.run(described, "--stage", 3, "--stop-stage", 3)
        assert recipes.failed(refused, "data/emodb: stage 2 has not come to its end; run it again")
    finally:
        path.write_text(whole)
    assert recipes.succeeded(recipes.run(described, "--stage", 2, "--stop-stage", 2))
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
    whole = read_table(path)
    write_table(path, whole | {"13a01Wa": "sleep 120 |"})  # the last one, so that the kill comes in time
    command = ["./run.sh", "--stage", "3", "--stop-stage", "3", "--nj", "1"]
    killed = subprocess.Popen(command, cwd=described, env=recipes.environment(), stdout=subprocess.DEVNULL)
    while not list(described.glob("data/emodb/data/.tmp*feats.1.ark")) and killed.poll() is None:
        time.sleep(0.05)
    for process in [killed.pid, *descendants(killed.pid)]:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
    assert killed.wait() == -signal.SIGKILL
    write_table(path, whole)
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


def check_results(recipe: Path, exp: str, command: list, kinds: set[str]) -> None:
    """Train, score and report; then look at every file that users read."""
    result = recipes.run(recipe, *command)
    assert recipes.succeeded(result)
    printed = [line for line in result.stdout.splitlines() if line.startswith("%UAR")]
    lines = [line for line in printed if line.endswith(f"exp/{exp}/score_within")]
    assert len(lines) == 1 and "%WA" in lines[0]
    noise = f"exp/{exp}/score_noise_"
    assert {line.split(noise)[1] for line in printed if noise in line} == {f"{kind}_snr5" for kind in kinds}
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
    command = ["--stage", 4, "--train-args", TINY, "--exp-name", "tiny", "--snrs", "5"]
    check_results(recipe, "tiny", command, {"rain"})  # which stage 1 was given, and noted
    assert '/my noise"' in (recipe / "RESULTS.md").read_text()


def test_three_real_speakers(shared_data, tmp_path):
    """Women alone: among three speakers of both genders one fold would lack a dev speaker."""
    recipe = recipes.copy("emodb", tmp_path)
    corpus = tmp_path / "emodb" / "wav"
    corpus.mkdir(parents=True)
    for speaker in WOMEN:
        for letter in "WFNT":
            for path in sorted((shared_data / "emodb" / "wav").glob(f"{speaker}*{letter}?.*"))[:2]:
                (corpus / path.name).symlink_to(path)
    sums = "original_535_sha256.tsv"
    (corpus.parent / sums).symlink_to(shared_data / "emodb" / sums)
    arguments = ["--nj", 1, "--corpus-dir", corpus.parent, "--train-args", TINY.replace("epochs=1", "epochs=2")]
    arguments += ["--snrs", "5"]
    check_results(recipe, "mtlaug", arguments, {"white", "pink", "brown", "blue"})
