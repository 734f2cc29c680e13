"""A real Slurm of one node on the loopback interface, with its own configuration, folders, ports and munge key."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch")
WHY_NOT = "needs root, and Debian's slurmctld slurmd slurm-client munge"

SETTINGS = """\
ClusterName=loopback
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller_port}
SlurmdPort={node_port}
AuthType=auth/munge
CredType=cred/munge
AuthInfo=socket={folder}/munge.socket
SlurmUser=root
SlurmdUser=root
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
SwitchType=switch/none
MpiDefault=none
ProctrackType=proctrack/pgid
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
SchedulerParameters=sched_min_interval=0,batch_sched_delay=0,sched_interval=1,bf_interval=1
SlurmdParameters=config_overrides
SlurmdTimeout=4
KillWait=2
MaxArraySize=151
DefMemPerCPU=50
ReturnToService=2
NodeName={host} NodeAddr=127.0.0.1 CPUs=64 RealMemory=4000 State=UNKNOWN
PartitionName=batch Nodes={host} Default=YES MaxTime=01:00:00 State=UP
"""
# CPUs=64: light jobs of a test run side by side, however few cores there are.


def available() -> bool:
    """Whether the cluster can be started here."""
    return os.geteuid() == 0 and all(map(shutil.which, PROGRAMS))


def free_ports(count: int) -> list[int]:
    """Ports of the loopback interface that nobody listens on."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


class Cluster:
    """The cluster's daemons, as children of this process. Use it as a context manager."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.host = socket.gethostname().partition(".")[0]
        self.daemons: dict[str, subprocess.Popen] = {}
        self.environment = {
            name: value for name, value in os.environ.items() if not name.startswith(("SLURM", "SBATCH"))
        }
        self.environment["SLURM_CONF"] = str(folder / "slurm.conf")

    def __enter__(self):
        for name in ("state", "spool"):
            (self.folder / name).mkdir()
        controller_port, node_port = free_ports(2)
        settings = SETTINGS.format(
            host=self.host, folder=self.folder, controller_port=controller_port, node_port=node_port
        )
        (self.folder / "slurm.conf").write_text(settings)
        key = self.folder / "munge.key"
        key.write_bytes(os.urandom(128))
        key.chmod(0o600)
        try:
            files = [
                f"--{name}={self.folder / 'munge'}.{end}"
                for name, end in (
                    ("key-file", "key"),
                    ("socket", "socket"),
                    ("pid-file", "pid"),
                    ("log-file", "log"),
                    ("seed-file", "seed"),
                )
            ]
            self._start("munged", "--foreground", "--force", *files)
            self._wait_for("munged", lambda: (self.folder / "munge.socket").exists())
            self.start_controller()
            self.start_node()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_exception) -> None:
        with contextlib.suppress(subprocess.SubprocessError, OSError):
            self.call("scancel", "--user=root", timeout=5)
            limit = time.monotonic() + 5
            while self.jobs() and time.monotonic() < limit:  # without slurmd nobody would end them
                time.sleep(0.2)
        for name in reversed(list(self.daemons)):
            self.stop(name)

    def _start(self, name: str, *options: str) -> None:
        program = shutil.which(name)
        with open(self.folder / f"{name}.out", "ab") as output:
            self.daemons[name] = subprocess.Popen(
                [program, *options],
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
                output = (self.folder / f"{name}.out").read_text(errors="replace")
                raise RuntimeError(f"{name} did not start: {output[-2000:]}")
            time.sleep(0.1)

    def start_controller(self) -> None:
        """Start slurmctld, or start it again with its state kept."""
        self._start("slurmctld", "-D")
        self._wait_for("slurmctld", lambda: self.call("scontrol", "ping").returncode == 0)

    def start_node(self) -> None:
        """Start slurmd and wait until jobs can run."""
        self._start("slurmd", "-D", "-N", self.host)
        self._wait_for("slurmd", self._is_idle)

    def _is_idle(self) -> bool:
        state = self.call("sinfo", "--noheader", "--format=%T").stdout.strip()
        if state.startswith("down"):
            self.call("scontrol", "update", f"NodeName={self.host}", "State=RESUME")
        return state == "idle"

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
        """Run a program of Slurm's in this cluster."""
        return subprocess.run(
            command, env=self.environment, capture_output=True, text=True, timeout=timeout, check=False
        )

    def jobs(self) -> list[str]:
        """The jobs that wait or run."""
        return self.call("squeue", "--noheader", "--array", "--format=%i %T").stdout.split("\n")[:-1]
