"""tools/utils/run.py: logs, arrays, quoting and failures."""

import os
import re
import sys

import pytest
from processes import run


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
        (["logs/", "true"], "logs/: is a directory; LOG is a file"),
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
