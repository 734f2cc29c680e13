"""Several processes on one training, as torchrun starts them; a single process is the simplest case.

Each process computes its share of the rows of every batch. Sums that normalise a
loss are taken over all processes, so that the update is that of the whole batch.
"""

import contextlib
import os
from collections.abc import Callable, Iterator

import torch
from torch import distributed
from torch.distributed import run as torchrun
from torch.distributed.elastic.multiprocessing.api import SignalException
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
from torch.nn.parallel import DistributedDataParallel

from mtlaug.files import UserError


def run_module(processes: int, words: list[str]) -> bool:
    """Run a module with its arguments in several processes of torchrun on this machine.

    Returns:
        Whether it came to its end; False where SIGTERM told it to stop, which torchrun passes on to all processes.
    Raises:
        UserError: one of the processes failed; its own message is on stderr.
    """
    try:
        torchrun.main(["--standalone", "--nproc-per-node", str(processes), "-m", *words])
    except SignalException:
        return False
    except ChildFailedError:
        raise UserError(f"{' '.join(words)}: one of {processes} processes failed; the reason stands above") from None
    return True


def world() -> int:
    """The number of processes."""
    return distributed.get_world_size() if distributed.is_initialized() else 1


def rank() -> int:
    """The number of this process, from 0."""
    return distributed.get_rank() if distributed.is_initialized() else 0


@contextlib.contextmanager
def started() -> Iterator[None]:
    """Join the processes that torchrun started, if it did: nccl between GPUs, gloo on CPUs."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield
        return
    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    distributed.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
    try:
        yield
    finally:
        distributed.destroy_process_group()


def parallel(model: torch.nn.Module) -> torch.nn.Module:
    """The model, its gradients averaged over the processes where there are several."""
    return DistributedDataParallel(model) if world() > 1 else model


def total(value: torch.Tensor) -> torch.Tensor:
    """A tensor without gradient, summed over the processes."""
    if world() == 1:
        return value
    value = value.detach().clone()
    distributed.all_reduce(value)
    return value


def by_first(compute: Callable[[], dict]) -> dict:
    """What ``compute`` returns in the first process, in all of them; the others wait."""
    if world() == 1:
        return compute()
    values = [compute() if rank() == 0 else None]
    distributed.broadcast_object_list(values)
    return values[0]
