"""What needs no grid: configuration files of the launchers, missing schedulers, the choice in cmd.sh."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from processes import wait_for

ROOT = Path(__file__).resolve().parents[2]
UTILS = ROOT / "tools/utils"

# Stands in for sbatch: notes its arguments and refuses the job.
REFUSING = '#!/bin/sh\nprintf "<%s>" "$@" >"$NOTES"\necho refused >&2\nexit 1\n'


def run(program, *arguments, place):
    """Run a launcher where no scheduler but those in bin/ can be found."""
    environment = {**os.environ, "PATH": str(place / "bin"), "NOTES": str(place / "notes")}
    command = [sys.executable, str(UTILS / program), *map(str, arguments)]
    return subprocess.run(command, cwd=place, env=environment, capture_output=True, text=True, timeout=60, check=False)


def add_program(place, name, text):
    (place / "bin").mkdir(exist_ok=True)
    (place / "bin" / name).write_text(text)
    (place / "bin" / name).chmod(0o755)


@pytest.mark.parametrize(
    "program, missing, package", [("slurm.py", "sbatch", "slurm-client"), ("sge.py", "qsub", "gridengine-client")]
)
def test_missing_scheduler_names_the_package(place, program, missing, package):
    done = run(program, "x.log", "true", place=place)
    assert done.returncode == 1
    assert f"{program}: {missing}: command not found" in done.stderr
    assert package in done.stderr and "cmd_backend=run" in done.stderr


@pytest.mark.parametrize("program", ["slurm.py", "sge.py"])
def test_help_and_bad_arguments_are_those_of_run_py(place, program):
    done = run(program, "--help", place=place)
    assert done.returncode == 0
    assert f"Usage: {program} [options]" in done.stdout
    done = run(program, "JOB=4:1", "x.JOB.log", "true", place=place)
    assert (done.returncode, done.stderr) == (1, f"{program}: JOB=4:1: the range is reversed\n")


def submitted(place, *arguments):
    add_program(place, "sbatch", REFUSING)
    add_program(place, "scontrol", '#!/bin/sh\necho "MaxArraySize = 1001"\n')
    done = run("slurm.py", *arguments, "log/x.log", "true", place=place)
    assert done.returncode == 1
    assert "sbatch did not take the job, nothing was run: refused" in done.stderr
    return (place / "notes").read_text()


def test_options_become_those_of_sbatch(place):
    words = submitted(place, "--mem", "1.5G", "--num-threads", 3, "--gpu", 2, "--time", "1-02:00:05")
    assert "<--mem=1536M><--cpus-per-task=3><--gres=gpu:2><--time=26:00:05>" in words
    assert "<--export=ALL><--no-requeue>" in words
    assert f"<--chdir={place}><--array=1-1>" in words


def test_what_is_not_asked_for_is_not_submitted(place):
    words = submitted(place)
    assert "--mem" not in words and "--gres" not in words and "--time" not in words


def test_slurm_warns_of_a_limit_that_is_not_known_here(place):
    assert submitted(place).startswith("<--signal=B:TERM@60>")
    assert "--signal" not in submitted(place, "--time", "1-00:00:00")


def test_job_can_be_told_to_stop_before_its_limit(place):
    request = 'Request("x.log", ["bash", "-c", "trap \'exit 75\' TERM; sleep 60 & wait"], time=600)'
    script = f"""import sys, time
from jobs.command_line import Request
from jobs.process import Job
job = Job("slurm.py", {request}, 1, [], early=599)
while job.poll() is None:
    time.sleep(0.1)
sys.exit(job.code)"""
    environment = {**os.environ, "PYTHONPATH": str(UTILS)}
    done = subprocess.run([sys.executable, "-c", script], cwd=place, env=environment, timeout=20, check=False)
    assert done.returncode == 75
    assert "slurm.py: killed: the time limit of 600 seconds is over in 599\n" in (place / "x.log").read_text()


def test_a_site_writes_only_what_differs(place):
    text = (
        "command sbatch --account='my group'  # ours\noption gpu=* --partition=gpu --gpus=$0\ndefault gpu=1\n--mem 2G\n"
    )
    (place / "site.conf").write_text(text)
    words = submitted(place, "--config", "site.conf")
    assert words.startswith(
        "<--signal=B:TERM@60><--account=my group><--mem=2G><--cpus-per-task=1><--partition=gpu><--gpus=1>"
    )
    assert "--partition" not in submitted(place, "--config", "site.conf", "--gpu", 0)


@pytest.mark.parametrize(
    "line, message",
    [
        ("option speed=* --x", "unknown option 'speed'"),
        ("option max_jobs_run=* --x", "unknown option 'max_jobs_run'"),
        ("option mem --x", "expected 'option name=*"),
        ("default speed=1", "unknown option --speed"),
        ("default gpu", "expected 'default name=value'"),
        ("--partition gpu", "unknown option --partition"),
        ("partition gpu", "unknown word 'partition'"),
        ("command", "expected 'command PROGRAM"),
        ("command sbatch 'x", "No closing quotation"),
        ("poll never", "expected 'poll SECONDS'"),
        ("silence 0", "expected 'silence SECONDS'"),
    ],
)
def test_bad_line_of_a_configuration_is_named(place, line, message):
    (place / "x.conf").write_text(f"# a comment\n{line}\n")
    done = run("slurm.py", "--config", "x.conf", "x.log", "true", place=place)
    assert done.returncode == 1
    assert "slurm.py: x.conf:2: " in done.stderr and message in done.stderr
    assert "Traceback" not in done.stderr


def test_run_py_takes_no_lines_about_a_scheduler(place):
    (place / "x.conf").write_text("command sbatch\n")
    done = run("run.py", "--config", "x.conf", "x.log", "true", place=place)
    assert done.returncode == 1
    assert "x.conf:1: a line 'command' is for slurm.py and sge.py" in done.stderr


def test_log_directory_that_cannot_be_written(place):
    add_program(place, "sbatch", REFUSING)
    add_program(place, "scontrol", "#!/bin/sh\n")
    (place / "log").write_text("not a directory")
    done = run("slurm.py", "log/x.log", "true", place=place)
    assert done.returncode == 1
    assert "cannot write in the log directory log" in done.stderr
    assert not (place / "notes").exists()


def test_command_not_found_on_a_node_is_127(place):
    (place / "q").mkdir()
    request = {"log": "x.log", "command": ["no-such-program", "x"]}
    array = {"program": "slurm.py", "request": request, "numbers": [1], "directory": str(place), "beat": 0.1}
    (place / "q/array.json").write_text(json.dumps(array))
    command = [sys.executable, "-m", "jobs.member", place / "q", "1"]
    assert subprocess.run(command, cwd=UTILS, timeout=20, check=False).returncode == 127
    assert "slurm.py: no-such-program: command not found" in (place / "x.log").read_text()
    assert json.loads((place / "q/1.end").read_text())["code"] == 127


def test_job_on_a_node_ends_when_its_launcher_has_given_up(place):
    folder = place / "q"
    folder.mkdir()
    request = {"log": "x.JOB.log", "command": ["sleep", "60"], "variable": "JOB", "first": 3, "last": 4}
    array = {"program": "slurm.py", "request": request, "numbers": [3, 4], "directory": str(place), "beat": 0.1}
    (folder / "array.json").write_text(json.dumps(array))
    job = subprocess.Popen([sys.executable, "-m", "jobs.member", folder, "2"], cwd=UTILS, start_new_session=True)
    wait_for((folder / "2.beat").exists)
    shutil.rmtree(folder)
    assert job.wait(timeout=10) != 0
    text = (place / "x.4.log").read_text()
    assert "slurm.py: stopped: the launcher has given up waiting for it" in text
    assert "# Ended (code 143)" in text


def test_single_answers_that_lack_a_job_do_not_end_it(place):
    script = """import time
from types import SimpleNamespace
from jobs import arrays
from jobs.command_line import Request
from jobs.scheduler import State

running = iter([{1: State("running")}, {}, {1: State("running")}, {}] + [{1: State("running")}] * 3)

def states(id, tasks):
    global answers
    array.folder.joinpath("1.beat").touch()
    answer = next(running, None)
    if answer is None:
        array.folder.joinpath("1.end").write_text('{"code": 0, "reason": ""}')
        return {1: State("running")}
    return answer

scheduler = SimpleNamespace(program="slurm.py", task_variable="TASK", submit=lambda *arguments: "7", states=states)
scheduler.explain = lambda lines: ""
arrays.MARK_DELAY = 0.3
config = SimpleNamespace(silence=30.0, poll=0.2)
array = arrays.Array(scheduler, Request("x.log", ["true"]), config, [1])
print(array.wait([]))"""
    environment = {**os.environ, "PYTHONPATH": str(UTILS)}
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, cwd=place, env=environment, capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stdout) == (0, "{}\n"), done.stderr


def source_cmd_sh(place, backend=None):
    script = '. "$1" && echo "$train_cmd|$cuda_cmd|$decode_cmd"'
    environment = {name: value for name, value in os.environ.items() if name != "cmd_backend"}
    environment |= {"cmd_backend": backend} if backend else {}
    command = ["bash", "-euc", script, "bash", str(ROOT / "egs/mini/cmd.sh")]
    return subprocess.run(command, cwd=place, env=environment, capture_output=True, text=True, check=False)


def test_cmd_sh_chooses_by_one_variable(place):
    (place / "utils").symlink_to(UTILS)
    assert source_cmd_sh(place).stdout == "utils/run.py|utils/run.py|utils/run.py\n"
    assert source_cmd_sh(place, "slurm").stdout.startswith("utils/slurm.py --mem 4G|utils/slurm.py --mem 8G --gpu 1|")
    (place / "conf").mkdir()
    (place / "conf/sge.conf").write_text("")
    assert source_cmd_sh(place, "sge").stdout.startswith("utils/sge.py --config conf/sge.conf --mem 4G|")
    wrong = source_cmd_sh(place, "pbs")
    assert wrong.returncode == 1
    assert "cmd_backend must be run, slurm or sge, not 'pbs'" in wrong.stderr


def test_all_recipes_share_one_cmd_sh():
    assert len({path.read_bytes() for path in ROOT.glob("egs/*/cmd.sh")}) == 1
