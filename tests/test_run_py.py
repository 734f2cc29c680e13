"""tools/utils/run.py: logs, arrays, quoting, failures, limits and signals."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

RUN = Path(__file__).parents[1] / "tools/utils/run.py"


def run(*arguments, cwd, env=None):
    command = [sys.executable, str(RUN), *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, timeout=60)


@pytest.fixture
def place(tmp_path):
    directory = tmp_path / "a place"
    directory.mkdir()
    return directory


def alive(pid: int) -> bool:
    """Is there a process of this id that is not a zombie?"""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_for(condition):
    limit = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < limit
        time.sleep(0.02)


def test_log_explains_the_job(place):
    done = run("--num-threads", 2, "log/x.log", "sh", "-c", "echo out; echo err >&2", cwd=place)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    lines = (place / "log/x.log").read_text().splitlines()
    assert lines[0] == "# sh -c 'echo out; echo err >&2'"
    assert re.fullmatch(rf"# Started at 20\d\d-.* on {re.escape(os.uname().nodename)}", lines[1])
    assert lines[2:4] == ["out", "err"]
    assert re.fullmatch(r"# Accounting: time=\d+ threads=2", lines[4])
    assert re.fullmatch(r"# Ended \(code 0\) at 20\d\d-.*, elapsed time \d+ seconds", lines[5])


def test_arguments_reach_the_command_as_they_are(place):
    words = [
        "two words",
        "$HOME",
        "*",
        'quote"s',
        "it's",
        "",
        "a;b",
        "/data/JOBS",
        "MYJOB",
        "JOB_x",
        "JOB",
        "split4/JOB/x",
    ]
    script = "import sys; print(sys.argv[1:])"
    assert run("JOB=3", "x.JOB.log", sys.executable, "-c", script, *words, cwd=place).returncode == 0
    expected = [*words[:-2], "3", "split4/3/x"]
    assert str(expected) in (place / "x.3.log").read_text().splitlines()


def test_array_replaces_the_word_and_counts_failures(place):
    done = run("JOB=1:4", "log/x.JOB.log", "sh", "-c", "echo number JOB; exit $((JOB % 2 * 3))", cwd=place)
    assert done.returncode == 1
    assert "run.py: 2 / 4 failed, log is in log/x.*.log\n" in done.stderr
    assert "last lines of log/x.1.log:\n  number 1\n" in done.stderr
    for number in range(1, 5):
        text = (place / f"log/x.{number}.log").read_text()
        assert f"\nnumber {number}\n" in text
        assert f"(code {number % 2 * 3})" in text


def test_one_failed_job_shows_its_last_lines(place):
    done = run("x.log", "sh", "-c", "seq 1 9; printf end; exit 7", cwd=place)
    assert done.returncode == 1
    assert done.stderr.startswith("run.py: job failed, log is in x.log\n")
    assert done.stderr.endswith("  6\n  7\n  8\n  9\n  end\n")
    assert "\n# Ended (code 7) at" in (place / "x.log").read_text()


@pytest.mark.parametrize(
    "text, code", [("echo a b | tr a c", 0), ("false | cat", 1), ("false; true", 1), ("echo $no_such_variable", 1)]
)
def test_one_argument_with_spaces_is_a_pipeline(place, text, code):
    assert run("x.log", text, cwd=place).returncode == code
    assert (place / "x.log").read_text().startswith(f"# {text}\n")


def test_a_lone_bar_is_no_pipeline_and_is_noted(place):
    done = run("x.log", "echo", "a", "|", "b", cwd=place)
    assert done.returncode == 0
    assert "quote all of it" in done.stderr
    assert "a | b" in (place / "x.log").read_text().splitlines()


def test_command_not_found_is_127(place):
    done = run("x.log", "no-such-program", "x", cwd=place)
    assert done.returncode == 1
    text = (place / "x.log").read_text()
    assert "run.py: no-such-program: command not found" in text
    assert "(code 127)" in text


def test_command_that_cannot_be_executed_is_126(place):
    (place / "plain.txt").write_text("text")
    assert run("x.log", "./plain.txt", cwd=place).returncode == 1
    assert "(code 126)" in (place / "x.log").read_text()


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["JOB=4:1", "x.JOB.log", "true"], "reversed"),
        (["JOB=0:3", "x.JOB.log", "true"], "counted from 1"),
        (["JOB=1:", "x.JOB.log", "true"], "range of job numbers"),
        (["JOB=a:b", "x.JOB.log", "true"], "range of job numbers"),
        (["JOB=-1:2", "x.JOB.log", "true"], "range of job numbers"),
        (["JOB=1:999999999", "x.JOB.log", "true"], "more than 100000 jobs"),
        (["JOB=1:2", "LMWT=1:2", "x.JOB.log", "true"], "second range"),
        (["JOB=1:2", "x.log", "true"], "needs the word JOB"),
        (["--foo", "1", "x.log", "true"], "unknown option --foo"),
        (["-V", "x.log", "true"], "unknown option -V"),
        (["--mem"], "--mem needs a value"),
        (["--mem", "--gpu", "1", "x.log", "true"], "--mem needs a value"),
        (["--mem=", "x.log", "true"], "--mem needs a value"),
        (["--mem", "lots", "x.log", "true"], "4G"),
        (["--mem", "500", "x.log", "true"], "500M or 4G"),
        (["--mem", "0.0G", "x.log", "true"], "500M or 4G"),
        (["--retry", "-1", "x.log", "true"], "--retry -1: expected a whole number of 0 or more"),
        (["--num-threads", "0", "x.log", "true"], "1 or more"),
        (["--max_jobs_run", "x", "x.log", "true"], "--max_jobs_run x: expected a whole number"),
        (["--time", "5", "x.log", "true"], "hh:mm:ss"),
        (["--config", "none.conf", "x.log", "true"], "cannot read none.conf"),
        (["x.log"], "expected LOG and COMMAND"),
        ([], "expected LOG and COMMAND"),
        (["file/x.log", "true"], "cannot write the log file/x.log"),
    ],
)
def test_bad_command_lines_exit_1_and_say_why(place, arguments, message):
    (place / "file").write_text("not a directory")
    done = run(*arguments, cwd=place)
    assert done.returncode == 1
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert not (place / "x.log").exists()


def test_help_exits_0(place):
    done = run("--help", cwd=place)
    assert done.returncode == 0
    assert "--max-jobs-run" in done.stdout


def test_config_holds_defaults(place):
    (place / "x.conf").write_text("# defaults\n--num-threads 3  # three\n--time=01:00:00\n\n")
    show = "echo threads $OMP_NUM_THREADS $MKL_NUM_THREADS"
    assert run("--num_threads", 2, "--config", "x.conf", "a.log", show, cwd=place).returncode == 0
    assert "\nthreads 2 2\n" in (place / "a.log").read_text()
    assert run("--config=x.conf", "b.log", show, cwd=place).returncode == 0
    assert "\nthreads 3 3\n" in (place / "b.log").read_text()
    (place / "x.conf").write_text("--mem 1G\n--partition x\n")
    assert "x.conf:2: unknown option --partition" in run("--config", "x.conf", "c.log", "true", cwd=place).stderr


def test_retry_runs_only_failed_jobs_again_and_keeps_their_logs(place):
    script = "echo x >>runs.JOB; test JOB -ne 2 || test $(wc -l <runs.2) -gt 2"
    done = run("--retry", 1, "JOB=1:3", "x.JOB.log", script, cwd=place)
    assert done.returncode == 1
    assert done.stderr.startswith("run.py: 1 / 3 failed, retry 1 of 1\nrun.py: 1 / 3 failed, log is in x.*.log\n")
    assert [len((place / f"runs.{number}").read_text().split()) for number in (1, 2, 3)] == [1, 2, 1]
    assert "(code 1)" in (place / "x.2.log.try1").read_text()
    assert run("--retry", 1, "JOB=2", "x.JOB.log", script, cwd=place).returncode == 0


def test_threads_default_to_one(place):
    run("a.log", "echo threads $OMP_NUM_THREADS $MKL_NUM_THREADS", cwd=place)
    assert "\nthreads 1 1\n" in (place / "a.log").read_text()


@pytest.mark.parametrize("limit", [1, 3])
def test_max_jobs_run_is_kept(place, limit):
    (place / "now").mkdir()
    script = "touch now/JOB; sleep 0.2; ls now | wc -l; rm now/JOB"
    done = run("--max-jobs-run", limit, "JOB=1:6", "x.JOB.log", script, cwd=place)
    assert done.returncode == 0
    seen = [int(re.search(r"^\d+$", (place / f"x.{number}.log").read_text(), re.M)[0]) for number in range(1, 7)]
    assert max(seen) == limit


def test_jobs_do_not_share_graphics_processors(place):
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": "4,7"}
    script = "echo device $CUDA_VISIBLE_DEVICES; sleep 0.3"
    done = run("--gpu", 1, "--max-jobs-run", 8, "JOB=1:2", "x.JOB.log", script, cwd=place, env=environment)
    assert done.returncode == 0
    assert "\ndevice 4\n" in (place / "x.1.log").read_text()
    assert "\ndevice 7\n" in (place / "x.2.log").read_text()
    done = run("--gpu", 3, "x.log", "true", cwd=place, env=environment)
    assert done.returncode == 1
    assert "this machine has 2" in done.stderr


@pytest.mark.parametrize(("visible", "expected"), [("4,7", "4 7 4"), ("4", "4 4 4"), ("", "  ")])
def test_jobs_that_ask_for_no_graphics_processor_share_them_in_turn(place, visible, expected):
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": visible}
    done = run("JOB=1:3", "x.JOB.log", "echo device $CUDA_VISIBLE_DEVICES", cwd=place, env=environment)
    assert done.returncode == 0
    logs = [(place / f"x.{number}.log").read_text() for number in (1, 2, 3)]
    assert " ".join(re.search(r"^device ?(.*)$", log, re.M)[1] for log in logs) == expected


def test_time_limit_kills_the_job_and_says_so(place):
    done = run("--time", "00:00:01", "x.log", "sleep 60 & echo child $!; wait", cwd=place)
    assert done.returncode == 1
    text = (place / "x.log").read_text()
    assert "killed: the time limit of 1 seconds is over" in text
    assert "(code 143)" in text
    assert not alive(int(re.search(r"child (\d+)", text)[1]))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_stops_everything_and_marks_the_logs(place, number):
    # The inner sleep ignores SIGTERM: the whole process group has to be killed.
    script = "(trap '' TERM; exec sleep 60) & echo $! >pid.JOB.tmp; mv pid.JOB.tmp pid.JOB; wait"
    command = [sys.executable, str(RUN), "--max-jobs-run", "2", "JOB=1:3", "x.JOB.log", script]
    launcher = subprocess.Popen(command, cwd=place, stderr=subprocess.PIPE, text=True)
    wait_for(lambda: (place / "pid.1").exists() and (place / "pid.2").exists())
    launcher.send_signal(number)
    stderr = launcher.communicate(timeout=20)[1]
    assert launcher.returncode == 128 + number
    assert f"stopped by {number.name}" in stderr
    for job in (1, 2):
        pid = int((place / f"pid.{job}").read_text())
        wait_for(lambda pid=pid: not alive(pid))
        text = (place / f"x.{job}.log").read_text()
        assert f"run.py: stopped by {number.name}" in text
        assert "# Ended (code 143)" in text
    assert not (place / "x.3.log").exists()


def test_unwritable_log_in_an_array_stops_the_others(place):
    (place / "2").write_text("not a directory")
    script = "echo $$ >pid.tmp; mv pid.tmp pid.JOB; sleep 60"
    done = run("--max-jobs-run", 2, "JOB=1:2", "JOB/x.log", script, cwd=place)
    assert done.returncode == 1
    assert "cannot write the log 2/x.log" in done.stderr
    assert "another job could not be started" in (place / "1/x.log").read_text()


def test_code_75_is_run_again_without_a_retry(place):
    script = "echo x >>runs.JOB; test $(wc -l <runs.JOB) -gt JOB || exit 75"
    done = run("JOB=1:2", "x.JOB.log", script, cwd=place)
    assert done.returncode == 0
    assert done.stderr == (
        "run.py: 2 / 2 were stopped and go on, time 1 of at most 20\n"
        "run.py: 1 / 2 were stopped and go on, time 2 of at most 20\n"
    )
    assert [len((place / f"runs.{number}").read_text().split()) for number in (1, 2)] == [2, 3]
    assert all("(code 75)" in (place / f"x.2.log.try{number}").read_text() for number in (1, 2))


def test_code_75_for_ever_is_a_failure(place):
    done = run("JOB=1:2", "x.JOB.log", "echo x >>runs.JOB; test JOB = 1 || exit 75", cwd=place)
    assert done.returncode == 1
    assert "time 20 of at most 20\nrun.py: 1 / 2 failed" in done.stderr
    assert [len((place / f"runs.{number}").read_text().split()) for number in (1, 2)] == [1, 21]


def test_time_limit_lets_a_job_save_and_go_on(place):
    script = "echo x >>runs; trap 'exit 75' TERM; test $(wc -l <runs) -gt 1 || { sleep 60 & wait; }"
    done = run("--time", "00:00:01", "x.log", script, cwd=place)
    assert (done.returncode, done.stderr) == (0, "run.py: 1 / 1 were stopped and go on, time 1 of at most 20\n")
    assert "the time limit of 1 seconds is over" in (place / "x.log.try1").read_text()


def test_a_log_that_cannot_be_ended_is_a_failure_and_stops_nothing_else(place):
    """As on a full disk, where what the job has written itself may be cut off too."""
    script = 'if [ JOB = 1 ]; then rm -r "logs/1"; else sleep 0.3; echo done; fi'
    done = run("JOB=1:2", "logs/JOB/x.log", "bash", "-c", script, cwd=place)
    assert done.returncode == 1
    assert "job 1: cannot write the log logs/1/x.log: No such file or directory" in done.stderr
    assert "Traceback" not in done.stderr
    assert "# Ended (code 0)" in (place / "logs/2/x.log").read_text()
