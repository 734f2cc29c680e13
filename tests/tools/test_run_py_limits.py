"""tools/utils/run.py: how many jobs at once, on what, for how long, and what stops them."""

import os
import re
import signal
import subprocess
import sys

import pytest
from processes import RUN, gone, run, wait_for


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
    assert gone(int(re.search(r"child (\d+)", text)[1]))


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
        wait_for(lambda pid=pid: gone(pid))
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
