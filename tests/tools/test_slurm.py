"""tools/utils/slurm.py on a real Slurm of one node: ends, limits, cancellation, lost nodes, refusals."""

import os
import re
import shutil
import signal
import sys
import time
from pathlib import Path

import pytest
import recipes
import slurm_cluster
import tiny_chain
from grid_jobs import WORDS, Bench, finish, lose_node, running
from processes import gone, wait_for

from mtlaug.files import read_json


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """A running Slurm."""
    yield from running(slurm_cluster, tmp_path_factory.mktemp("slurm"))


@pytest.fixture
def bench(cluster, tmp_path):
    """slurm.py, to be run on the cluster."""
    return Bench("slurm.py", cluster, tmp_path)


def test_one_failing_member_is_named_and_leaves_no_files(bench):
    script = "import os, sys; print(sys.argv[1:], os.environ['OMP_NUM_THREADS']); sys.exit(int(sys.argv[1]) == 6)"
    words = [*WORDS, "new\nline"]
    arguments = ["--num-threads", 2, "JOB=5:8", "log/x.JOB.log", sys.executable, "-c", script, "JOB", *words]
    code, stderr = bench.run(*arguments)
    assert code == 1
    assert stderr.startswith("slurm.py: 1 / 4 failed, log is in log/x.*.log\nslurm.py: last lines of log/x.6.log:\n")
    for number in range(5, 9):
        text = bench.read(f"log/x.{number}.log")
        assert f"\n{[str(number), *words]} 2\n" in text
        assert re.search(rf"\n# Started at .* on {re.escape(os.uname().nodename)}\n", text)
        assert f"\n# Ended (code {int(number == 6)}) at" in text
    logs = [f"x.{number}.log" for number in range(5, 9)]
    assert sorted(path.name for path in (bench.place / "log").iterdir()) == logs


def test_retry_runs_only_the_failed_members_again(bench):
    script = "echo x >>runs.JOB; test JOB -ne 2 || test $(wc -l <runs.2) -gt 1"
    code, stderr = bench.run("--retry", 2, "JOB=1:3", "x.JOB.log", script)
    assert (code, stderr) == (0, "slurm.py: 1 / 3 failed, retry 1 of 2\n")
    assert [len(bench.read(f"runs.{number}").split()) for number in (1, 2, 3)] == [1, 2, 1]
    assert "(code 1)" in bench.read("x.2.log.try1")


def test_more_memory_than_asked_for_is_named(bench):
    script = "import time; x = bytearray(150 << 20); time.sleep(20)"
    code, stderr = bench.run("--mem", "50M", "x.log", sys.executable, "-c", script)
    assert code == 1
    assert "slurm.py: job 1: killed: it needed more memory than it asked for" in stderr
    assert "slurm.py: killed: it needed more memory than it asked for" in bench.read("x.log")


def test_time_limit_is_kept_to_the_second(bench):
    code, stderr = bench.run("--time", "00:00:01", "x.log", "sleep 60 & echo child $!; wait")
    assert code == 1
    assert "slurm.py: job 1: killed: the time limit of 1 seconds is over" in stderr
    child = int(re.search(r"child (\d+)", bench.read("x.log"))[1])
    wait_for(lambda: gone(child))


def test_job_told_to_stop_goes_on_afterwards(bench):
    """What `--signal=B:TERM@60` does at the end of a time limit: a signal to the batch script alone."""
    script = "echo x >>runs; test $(wc -l <runs) -gt 1 || { sleep 60 & wait; }"
    launcher, jobs = bench.start_array(script, 1, first="trap 'exit 75' TERM")

    def told() -> bool:  # more than once: Slurm loses a signal to a job that it has just started
        bench.cluster.call("scancel", "--batch", "--signal=TERM", jobs[0])
        return "stopped by SIGTERM" in bench.read("x.1.log") + bench.read("x.1.log.try1")

    wait_for(told)
    assert finish(launcher) == (0, "slurm.py: 1 / 1 were stopped and go on, time 1 of at most 20\n")
    assert "slurm.py: stopped by SIGTERM\n" in bench.read("x.1.log.try1")


def test_cancelled_job_is_not_run_again(bench):
    launcher, jobs = bench.start_array("sleep 60 & wait", 1, first="trap 'exit 75' TERM")
    bench.cluster.call("scancel", "--full", jobs[0])
    code, stderr = finish(launcher)
    assert code == 1
    assert "slurm.py: job 1: cancelled by a user or the scheduler (CANCELLED" in stderr
    assert "(code 75)" in bench.read("x.1.log")


def test_max_jobs_run_is_kept(bench):
    script = "touch now.JOB; sleep 0.3; ls now.* | wc -l; rm now.JOB"
    assert bench.run("--max-jobs-run", 1, "JOB=1:2", "x.JOB.log", script)[0] == 0
    assert [bench.read(f"x.{number}.log").splitlines()[2] for number in (1, 2)] == ["1", "1"]


def test_cancelled_job_is_an_error_that_says_so(bench):
    launcher, jobs = bench.start_array("exec sleep 60")
    bench.cluster.call("scancel", jobs[0].partition("_")[0])
    code, stderr = finish(launcher)
    assert code == 1
    assert "slurm.py: 2 / 2 failed" in stderr
    assert "slurm.py: job 2: cancelled by a user or the scheduler (CANCELLED" in stderr


def test_ctrl_c_cancels_what_runs_and_what_waits(bench):
    launcher, _ = bench.start_array("(trap '' TERM; sleep 60) & echo $! >pid; wait", 1)
    waiting = bench.start("--num-threads", 64, "y.log", "true")
    wait_for(lambda: len(bench.cluster.jobs()) == 2)
    waiting.send_signal(signal.SIGTERM)
    launcher.send_signal(signal.SIGINT)
    assert finish(waiting)[0] == 128 + signal.SIGTERM
    code, stderr = finish(launcher)
    assert code == 128 + signal.SIGINT
    assert stderr == "slurm.py: stopped by SIGINT with all its jobs, log is in x.JOB.log\n"
    assert bench.cluster.jobs() == []
    wait_for(lambda: gone(int(bench.read("pid"))))
    assert "slurm.py: stopped by SIGINT" in bench.read("x.1.log")
    assert not (bench.place / "y.log").exists()
    assert not (bench.place / "q").exists()


def test_more_jobs_than_an_array_may_have(bench):
    assert bench.run("JOB=1:200", "log/x.JOB.log", "echo", "number", "JOB") == (0, "")
    assert all(f"\nnumber {number}\n" in bench.read(f"log/x.{number}.log") for number in range(1, 201))


@pytest.mark.parametrize(
    "options, message",
    [
        (["--mem", "50G"], "Memory specification can not be satisfied"),
        (["--gpu", "1"], "Invalid generic resource"),
        (["--config", "partition.conf"], "invalid partition"),
        (["--config", "unknown.conf"], "unrecognized option '--no-such-option'"),
    ],
)
def test_refused_submission_says_why(bench, options, message):
    bench.write("partition.conf", "command sbatch --partition=none\n")
    bench.write("unknown.conf", "command sbatch --no-such-option\n")
    code, stderr = bench.run(*options, "x.log", "true")
    assert code == 1
    assert "sbatch did not take the job, nothing was run: sbatch: " in stderr
    assert message in stderr
    assert not (bench.place / "q").exists()


def test_held_job_is_noted_and_goes_on_when_released(bench):
    bench.write("hold.conf", "command sbatch --hold\n")
    launcher = bench.start("--config", "hold.conf", "x.log", "true")
    note = launcher.stderr.readline()
    assert re.fullmatch(r"slurm.py: note: job \d+ waits: JobHeldUser\n", note)
    bench.cluster.call("scontrol", "release", note.split()[3])
    assert finish(launcher) == (0, "")


def test_stages_of_a_recipe_with_four_jobs(cluster, corpus, tmp_path, monkeypatch):
    recipe = recipes.copy("mini", tmp_path)
    shutil.copytree(corpus.data_dir, recipe / "data/mini")
    (recipe / "data/mini/options.conf").touch()  # stage 1 is done, and was given none
    story = (recipe / "run.sh").read_text().replace("\nunlabelled=data/mini_unlabelled\n", "\n")  # for half the jobs
    name = read_json(Path(corpus.data_dir, "protocol.json"))["name"]
    (recipe / "run.sh").write_text(story.replace("\nprotocol=mini\n", f"\nprotocol={name}\n"))
    (recipe / "conf/slurm.conf").write_text("option mem=* --mem=900M\noption gpu=*\npoll 1\n")
    for name in ("SLURM_CONF", "cmd_backend"):
        monkeypatch.setenv(name, {**cluster.environment, "cmd_backend": "slurm"}[name])
    done = tiny_chain.run(recipe, "--nj", 4, "--train-config", "conf/mtlaug.yaml")
    assert recipes.succeeded(done, "Successfully validated data-directory data/mini_aug", "%UAR ")
    assert len(list((recipe / "data/mini/log").glob("make_fbank.*.log"))) == 4
    assert len(list((recipe / "exp/mtlaug").glob("fold_*/seed_1/done.json"))) == 3
    names = re.findall(r"JobName=(\S+)", cluster.call("scontrol", "show", "jobs").stdout)
    assert (names.count("make_fbank.JOB.log"), names.count("train.JOB.log")) == (2 * 4, 3)


def test_controller_that_is_away_for_a_moment_is_waited_for(bench):
    launcher, _ = bench.start_array("sleep 3", 1)
    bench.cluster.stop("slurmctld")
    time.sleep(1)
    bench.cluster.start_controller()
    assert finish(launcher)[0] == 0


def test_killed_node_is_an_error_that_says_so(bench):
    try:
        code, stderr = lose_node(bench, "slurmd")
    finally:
        bench.cluster.start_node()
    assert code == 1
    assert "slurm.py: 2 / 2 failed, log is in x.*.log\n" in stderr
    assert "slurm.py: job 1: lost: " in stderr
    assert "slurm.py: lost: " in bench.read("x.2.log")
