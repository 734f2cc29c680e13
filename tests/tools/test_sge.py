"""tools/utils/sge.py on a real Grid Engine of one node: ends, limits, deletion, a lost node, refusals."""

import signal

import pytest
import sge_cluster
from grid_jobs import WORDS, Bench, finish, lose_node, running
from processes import wait_for


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """A running Grid Engine."""
    yield from running(sge_cluster, tmp_path_factory.mktemp("sge"))


@pytest.fixture
def bench(cluster, tmp_path):
    """sge.py, to be run on the cluster."""
    return Bench("sge.py", cluster, tmp_path)


def test_failing_member_is_tried_again_and_named(bench):
    script = 'printf "<%s>" "$@"; echo; exit $(($1 == 2))'
    code, stderr = bench.run("--retry", 1, "JOB=1:4", "log/x.JOB.log", "sh", "-c", script, "sh", "JOB", *WORDS)
    assert code == 1
    assert stderr.startswith("sge.py: 1 / 4 failed, retry 1 of 1\nsge.py: 1 / 4 failed, log is in log/x.*.log\n")
    for number in range(1, 5):
        text = bench.read(f"log/x.{number}.log")
        assert "".join(f"<{word}>" for word in [number, *WORDS]) in text.splitlines()
        assert f"\n# Ended (code {int(number == 2)}) at" in text
    assert not (bench.place / "log/q").exists()
    assert bench.read("log/x.2.log.try1")


def test_limit_of_the_scheduler_is_named(bench):
    bench.write("hard.conf", "option time=* -l h_rt=0:0:1\n")
    code, stderr = bench.run("--config", "hard.conf", "--time", "01:00:00", "x.log", "sleep", 60)
    assert code == 1
    assert "sge.py: job 1: killed: 37 : qmaster enforced h_rt, h_cpu, or h_vmem limit (node " in stderr
    assert "sge.py: killed: 37 " in bench.read("x.log")


def test_deleted_job_is_an_error_that_says_so(bench):
    launcher, jobs = bench.start_array("exec sleep 60")
    bench.cluster.call("qdel", jobs[0].partition(".")[0])
    code, stderr = finish(launcher)
    assert code == 1
    assert "sge.py: 2 / 2 failed" in stderr
    assert "sge.py: job 1: killed by qdel or on its node (100 : assumedly after job, node " in stderr


def test_job_told_to_stop_goes_on_afterwards(bench):
    bench.write("soft.conf", "option time=* -l s_rt=0:0:2\n")
    script = "trap 'exit 75' TERM; echo x >>runs; test $(wc -l <runs) -gt 1 || { sleep 60 & wait; }"
    done = bench.run("--config", "soft.conf", "--time", "01:00:00", "x.log", "bash", "-c", script)
    assert done == (0, "sge.py: 1 / 1 were stopped and go on, time 1 of at most 20\n")
    assert "sge.py: stopped by SIGUSR1\n" in bench.read("x.log.try1")


def test_ctrl_c_deletes_the_jobs(bench):
    launcher, jobs = bench.start_array("exec sleep 60")
    assert len(jobs) == 2
    launcher.send_signal(signal.SIGINT)
    assert finish(launcher)[0] == 128 + signal.SIGINT
    wait_for(lambda: bench.cluster.jobs() == [])
    assert "sge.py: stopped by SIGINT" in bench.read("x.2.log")


@pytest.mark.parametrize(
    "options, message",
    [
        (["--gpu", "1"], 'unknown resource "gpu"'),
        (["--num-threads", "2"], 'parallel environment "smp" does not exist'),
        (["--config", "unknown.conf"], "no-such-option"),
    ],
)
def test_refused_submission_says_why(bench, options, message):
    bench.write("unknown.conf", "command qsub -no-such-option\n")
    code, stderr = bench.run(*options, "x.log", "true")
    assert code == 1
    assert "qsub did not take the job, nothing was run: " in stderr
    assert message in stderr


def test_killed_node_is_an_error_that_says_so(bench):
    code, stderr = lose_node(bench, "sge_execd")
    assert code == 1
    assert "sge.py: job 1: lost: no sign of life for 4 seconds" in stderr
    assert "sge.py: lost: " in bench.read("x.2.log")
