"""A real Grid Engine of one node on the loopback interface, with its own cell, folders and ports."""

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import time
from itertools import chain
from pathlib import Path

from slurm_cluster import free_ports

PROGRAMS = ("qsub", "sge_qmaster", "sge_execd")
INSTALLED = Path("/var/lib/gridengine")
INITIALISE = Path("/usr/share/gridengine/scripts/init_cluster")
SPOOL_DEFAULTS = Path("/usr/lib/gridengine/spooldefaults")
CONFIGURATION = Path("/usr/share/gridengine/default-configuration")
WHY_NOT = "needs root, and Debian's gridengine-master gridengine-exec gridengine-client"

BOOTSTRAP = """\
admin_user none
default_domain none
ignore_fqdn true
spooling_method berkeleydb
spooling_lib libspoolb
spooling_params {root}/spool/spooldb
binary_path /usr/sbin
qmaster_spool_dir {root}/spool/qmaster
security_mode none
listener_threads 2
worker_threads 2
scheduler_threads 1
"""
SETTINGS = {
    "execd_spool_dir": "{root}/spool/execd",
    "min_uid": "0",
    "min_gid": "0",
    "load_report_time": "00:00:02",
    "max_unheard": "00:00:10",
    "reporting_params": "accounting=true reporting=false flush_time=00:00:01 joblog=false sharelog=00:00:00",
}
SCHEDULING = {
    "schedule_interval": "0:0:1",
    "flush_submit_sec": "1",
    "flush_finish_sec": "1",
    "job_load_adjustments": "NONE",
}
# Settings of a node and of a queue that are not in use.
NODE_NONE = (
    ("load_scaling", "complex_values", "user_lists", "xuser_lists"),
    ("projects", "xprojects", "usage_scaling", "report_variables"),
)
QUEUE_NONE = (
    ("load_thresholds", "suspend_thresholds", "ckpt_list", "pe_list", "prolog", "epilog", "starter_method"),
    ("suspend_method", "resume_method", "terminate_method", "owner_list", "user_lists", "xuser_lists"),
    ("subordinate_list", "complex_values", "projects", "xprojects", "calendar"),
)
NODE = {"hostname": "{host}", **dict.fromkeys(chain(*NODE_NONE), "NONE")}
LIMITS = ("rt", "cpu", "fsize", "data", "stack", "core", "rss", "vmem")
QUEUE = {
    "qname": "all.q",
    "hostlist": "{host}",
    "seq_no": "0",
    "nsuspend": "1",
    "suspend_interval": "00:05:00",
    "priority": "0",
    "min_cpu_interval": "00:05:00",
    "processors": "UNDEFINED",
    "qtype": "BATCH",
    "rerun": "FALSE",
    "slots": "32",
    "tmpdir": "/tmp",
    "shell": "/bin/sh",
    "shell_start_mode": "posix_compliant",
    "notify": "00:00:60",
    "initial_state": "default",
    **dict.fromkeys(chain(*QUEUE_NONE), "NONE"),
    **{f"{kind}_{limit}": "INFINITY" for limit in LIMITS for kind in "sh"},
}


def available() -> bool:
    """Whether the cluster can be started here."""
    return os.geteuid() == 0 and all(map(shutil.which, PROGRAMS)) and INITIALISE.exists()


class Cluster:
    """The cluster's daemons, as children of this process. Use it as a context manager."""

    def __init__(self, root: Path):
        self.root = root
        self.host = socket.gethostname().partition(".")[0]
        self.daemons: dict[str, subprocess.Popen] = {}
        ports = dict(zip(("SGE_QMASTER_PORT", "SGE_EXECD_PORT"), map(str, free_ports(2)), strict=True))
        # SGE_ND: the daemons stay in the foreground.
        self.environment = {**os.environ, "SGE_ROOT": str(root), "SGE_CELL": "default", "SGE_ND": "1", **ports}

    def __enter__(self):
        self._make_cell()
        try:
            self._start("sge_qmaster")
            self._wait_for("sge_qmaster", lambda: self.call("qconf", "-sconf").returncode == 0)
            shown = self.call("qconf", "-ssconf").stdout
            self._configure("-Msconf", _edited(shown, SCHEDULING))
            self.call("qconf", "-as", self.host)
            self._configure("-Ae", self._lines(NODE))
            self._configure("-Aq", self._lines(QUEUE))
            self.start_node()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_exception) -> None:
        with contextlib.suppress(subprocess.SubprocessError, OSError):
            self.call("qdel", "-f", "-u", "root", timeout=5)
        for name in reversed(list(self.daemons)):
            self.stop(name, signal.SIGKILL)  # asked to end, sge_qmaster takes many seconds; nobody needs its cell again

    def _make_cell(self) -> None:
        for name in ("default/common", "spool/qmaster/job_scripts", "spool/spooldb", "spool/execd"):
            (self.root / name).mkdir(parents=True)
        for name in ("bin", "lib", "util", "utilbin"):
            (self.root / name).symlink_to(INSTALLED / name)
        common = self.root / "default/common"
        (common / "bootstrap").write_text(BOOTSTRAP.format(root=self.root))
        (common / "act_qmaster").write_text(f"{self.host}\n")
        # The loopback address has the name localhost, which Grid Engine would refuse for this host.
        (common / "host_aliases").write_text(f"{self.host} localhost\n")
        settings = {name: value.format(root=self.root) for name, value in SETTINGS.items()}
        (self.root / "configuration").write_text(_edited(CONFIGURATION.read_text(), settings))
        spool = str(self.root / "spool/spooldb")
        self._run(str(INITIALISE), str(self.root), "default", spool, "root")
        self._run(str(SPOOL_DEFAULTS), "configuration", str(self.root / "configuration"))

    def _lines(self, table: dict) -> str:
        return "".join(f"{name} {value.format(host=self.host)}\n" for name, value in table.items())

    def _configure(self, option: str, text: str) -> None:
        path = self.root / "settings"
        path.write_text(text)
        self._run("qconf", option, str(path))

    def _run(self, *command: str) -> None:
        done = self.call(*command)
        if done.returncode:
            raise RuntimeError(f"{command}: {done.stdout}{done.stderr}")

    def _start(self, name: str) -> None:
        with open(self.root / f"{name}.out", "ab") as output:
            self.daemons[name] = subprocess.Popen(
                [shutil.which(name)],
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def _wait_for(self, name: str, condition) -> None:
        limit = time.monotonic() + 20
        while not condition():
            if time.monotonic() > limit or self.daemons[name].poll() is not None:
                output = (self.root / f"{name}.out").read_text(errors="replace")
                raise RuntimeError(f"{name} did not start: {output[-2000:]}")
            time.sleep(0.1)

    def start_node(self) -> None:
        """Start sge_execd and wait until jobs can run."""
        self._start("sge_execd")
        self._wait_for("sge_execd", self._is_ready)

    def _is_ready(self) -> bool:
        fields = self.call("qstat", "-f").stdout.split("all.q@", 1)[-1].splitlines()[:1]
        return bool(fields) and len(fields[0].split()) == 5  # a sixth field would be a state: unknown, or in error

    def stop(self, name: str, number: int = signal.SIGTERM) -> None:
        """Stop a daemon of this cluster."""
        daemon = self.daemons.pop(name)
        daemon.send_signal(number)
        try:
            daemon.wait(timeout=10)
        except subprocess.TimeoutExpired:
            daemon.kill()
            daemon.wait()

    def call(self, *command: str, timeout: float = 30) -> subprocess.CompletedProcess:
        """Run a program of Grid Engine's in this cluster."""
        return subprocess.run(
            command, env=self.environment, capture_output=True, text=True, timeout=timeout, check=False
        )

    def jobs(self) -> list[str]:
        """The jobs that wait or run, as ``id.task state``."""
        lines = [line.split() for line in self.call("qstat", "-g", "d").stdout.splitlines()[2:]]
        return [f"{fields[0]}.{fields[-1]} {fields[4]}" for fields in lines]


def _edited(text: str, values: dict) -> str:
    """Lines ``name value`` with some values replaced."""
    for name, value in values.items():
        text = re.sub(rf"^{name}\s.*$", f"{name} {value}", text, flags=re.M)
    return text
