"""Job arrays on a scheduler: submit, wait for every member's end, say what became of those that were killed.

Members' ends are seen by their marks (`jobs.member`); the `jobs.scheduler` explains those that leave none.
"""

import contextlib
import dataclasses
import json
import os
import re
import shlex
import shutil
import sys
import tempfile
import time
from pathlib import Path

from jobs import job_log, launch
from jobs.failure import REQUEUE, Failure
from jobs.options import LauncherError
from jobs.scheduler import State, Unreachable

MARK_DELAY = 60.0  # seconds that an end mark may take over a network file system after the scheduler saw the end
CANCEL_WAIT = 40.0  # seconds for cancelled jobs to go; more than member.GRACE, and than Slurm's KillWait of 30
LONGEST_PAUSE = 1.0  # seconds between two looks at the marks


@dataclasses.dataclass
class Member:
    """A member of an array that is not known to have ended."""

    task: int
    number: int
    code: "int | None" = None
    since: "float | None" = None  # when its end was first seen without an explanation
    beat: "tuple | None" = None  # its last sign of life, and when that was seen


class Array:
    """An array that has been submitted, and what is known of its members."""

    def __init__(self, scheduler, request, config, numbers: list):
        self.scheduler = scheduler
        self.request = request
        self.config = config
        self.failed: dict = {}
        self.noted: set = set()
        self.open = {task: Member(task, number) for task, number in enumerate(numbers, 1)}
        self.total = len(numbers)
        self.folder = self._make_folder(numbers)
        try:
            self.id = self._submit()
        except BaseException:
            self.remove_folder()
            raise
        self.answered = time.monotonic()

    def _make_folder(self, numbers: list) -> Path:
        request = self.request
        logs = os.path.dirname(request.log_of(request.first))
        name = re.sub(r"[^A-Za-z0-9._-]", "_", os.path.basename(request.log))
        try:
            os.makedirs(os.path.join(logs, "q"), exist_ok=True)
            folder = Path(tempfile.mkdtemp(prefix=f"{name}.", dir=os.path.join(logs, "q"))).absolute()
            array = {
                "program": self.scheduler.program,
                "request": dataclasses.asdict(request),
                "numbers": numbers,
                "directory": os.getcwd(),
                "beat": min(30.0, self.config.silence / 4),
            }
            (folder / "array.json").write_text(json.dumps(array))
        except OSError as error:
            raise LauncherError(f"cannot write in the log directory {logs or '.'}: {error.strerror}") from None
        return folder

    def _submit(self) -> str:
        utils = shlex.quote(str(Path(__file__).resolve().parent.parent))
        words = shlex.join([sys.executable, "-m", "jobs.member", str(self.folder)])
        script = f'#!/bin/sh\ncd {utils} && exec {words} "${self.scheduler.task_variable}"\n'
        name = re.sub(r"[^A-Za-z0-9._-]", "_", os.path.basename(self.request.log))
        # SGE takes no name that begins with a digit.
        name = name if name[0].isalpha() else f"j{name}"
        try:
            return self.scheduler.submit(self.config, self.request, name, self.folder, self.total, script)
        except Unreachable as error:
            raise LauncherError(str(error)) from None

    def remove_folder(self) -> None:
        """Remove the folder of marks, and its parent if no other array uses that."""
        shutil.rmtree(self.folder, ignore_errors=True)
        with contextlib.suppress(OSError):
            self.folder.parent.rmdir()

    def wait(self, signals: list) -> dict:
        """Wait until all members have ended or a signal has come; returns the failed, see `jobs.launch.main`.

        Raises:
            LauncherError: the scheduler has not answered for ``config.silence`` seconds.
        """
        pause = 0.1
        next_question = time.monotonic() + min(2.0, self.config.poll)
        while self.open and not signals:
            states = None
            if time.monotonic() >= next_question:
                states = self._ask_states()
                next_question = time.monotonic() + self.config.poll
            self._read_marks()  # after the question: a member that has left its mark by now is judged by it
            for member in list(self.open.values()) if states is not None else ():
                self._judge(member, states.get(member.task) or State("ended"))
            if self.open:
                time.sleep(pause)
                pause = min(LONGEST_PAUSE, pause * 1.2)
        return self.failed

    def _ask_states(self) -> "dict | None":
        try:
            states = self.scheduler.states(self.id, sorted(self.open))
        except Unreachable as error:
            if time.monotonic() - self.answered > self.config.silence:
                raise LauncherError(
                    f"no answer from the scheduler for {self.config.silence:.0f} seconds: {error}"
                ) from None
            self._note(f"the scheduler does not answer, asking again: {error}")
            return None
        self.answered = time.monotonic()
        return states

    def _read_marks(self) -> None:
        for mark in self.folder.glob("*.end"):
            member = self.open.get(int(mark.stem))
            if member and member.code is None:
                said = json.loads(mark.read_text())
                member.code = said["code"]
                # Codes from 128 on come from signals, and mostly the scheduler knows who sent them. It also knows
                # whether one that asks to be run again was cancelled.
                if member.code != REQUEUE and (member.code < 128 or said["reason"]):
                    self._close(member, said["reason"])

    def _judge(self, member: Member, state: State) -> None:
        """Close a member without a mark, or killed by a signal, once it is clear what became of it."""
        now = time.monotonic()
        if state.phase == "stuck":
            self._close(member, f"will never start: {state.why}")
            self._cancel_member(member)
        elif state.phase == "waiting" and state.why:
            self._note(f"job {self.id} waits: {state.why}")
        elif state.phase == "ended" and member.code == REQUEUE:
            # Its state alone decides: Slurm also writes "CANCELLED" where it warns of a time limit.
            self._close(member, state.why, again=not state.cancelled)
        elif state.phase == "ended" and (why := state.why or self.scheduler.explain(self._output(member))):
            self._close(member, why)
        elif member.code is not None or state.phase == "ended":
            member.since = member.since or now
            overdue = now - member.since > min(MARK_DELAY, self.config.silence)
            if member.code == REQUEUE and overdue:
                self._close(member, again=True)
            elif member.code is not None and (state.phase == "ended" or overdue):
                hint = ", often for want of memory" if member.code == 137 else ""
                self._close(member, f"killed by signal {member.code - 128}{hint}")
            elif overdue:
                self._close(member, "ended without an end mark: it was killed, or its node was lost")
        else:
            member.since = None  # one answer that lacks it is no end
            if state.phase == "running":
                self._check_beat(member, now)
            else:
                member.beat = None  # what waits or is suspended gives no signs of life

    def _output(self, member: Member) -> list:
        """The last lines that the scheduler itself wrote about a member."""
        return job_log.tail(str(self.folder / f"{member.task}.out"))

    def _check_beat(self, member: Member, now: float) -> None:
        try:
            beat = (self.folder / f"{member.task}.beat").stat().st_mtime_ns
        except OSError:
            beat = 0
        if member.beat is None or member.beat[0] != beat:
            member.beat = (beat, now)
        elif now - member.beat[1] > self.config.silence:
            self._close(member, f"lost: no sign of life for {self.config.silence:.0f} seconds, and it is cancelled")
            self._cancel_member(member)

    def _close(self, member: Member, reason: str = "", again: bool = False) -> None:
        """Count a member as ended; what its log cannot say by itself is added to it."""
        del self.open[member.task]
        launch.show_progress(self.scheduler.program, self.total - len(self.open), self.total)
        if member.code == 0:
            return
        self.failed[member.number] = Failure(reason, again)
        if not reason:
            return
        with contextlib.suppress(OSError):  # the report names the reason too
            log = self.request.log_of(member.number)
            if member.code is None:
                for line in self._output(member):
                    job_log.add_line(log, line)
            if job_log.tail(log, 1) != [f"{self.scheduler.program}: {reason}"]:
                job_log.add_line(log, f"{self.scheduler.program}: {reason}")

    def _note(self, text: str) -> None:
        if text and text not in self.noted:
            self.noted.add(text)
            print(f"{self.scheduler.program}: note: {text}", file=sys.stderr)

    def _cancel_member(self, member: Member) -> None:
        job = f"{self.id}{self.scheduler.task_suffix(member.task)}"
        try:
            self._note(self.scheduler.cancel(job))
        except Unreachable as error:
            self._note(f"could not cancel {job}: {error}")

    def cancel(self, why: str) -> None:
        """Cancel the array and wait until the scheduler has no member of it left; ``why`` goes to the logs."""
        try:
            self._note(self.scheduler.cancel(self.id))
            limit = time.monotonic() + CANCEL_WAIT
            while time.monotonic() < limit:
                self._read_marks()
                states = self.scheduler.states(self.id, sorted(self.open))
                if all(state.phase == "ended" for state in states.values()):
                    return self._mark_logs(why)
                time.sleep(0.5)
            raise Unreachable("it still has jobs of the array")
        except (Unreachable, LauncherError) as error:
            self._note(f"could not make sure that array {self.id} is cancelled: {error}")

    def _mark_logs(self, why: str) -> None:
        for member in self.open.values():
            if (self.folder / f"{member.task}.beat").exists():
                with contextlib.suppress(OSError):
                    job_log.add_line(self.request.log_of(member.number), f"{self.scheduler.program}: {why}")


def run_jobs(scheduler, request, config, numbers: list, signals: list) -> dict:
    """Run jobs as an array, or as several one after the other where the scheduler takes none so long.

    See `jobs.launch.main`.
    """
    failed: dict = {}
    limit = min(len(numbers), scheduler.array_limit())
    for begin in range(0, len(numbers), limit):
        array = Array(scheduler, request, config, numbers[begin : begin + limit])
        try:
            failed.update(array.wait(signals))
        finally:
            if array.open:
                array.cancel(f"stopped by {signals[0]}" if signals else "cancelled after an error of the scheduler")
            array.remove_folder()
        if signals:
            break
    return failed
