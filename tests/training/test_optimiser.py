"""AdamW without torch's compiler."""

import subprocess
import sys

import torch
from torch.optim.lr_scheduler import LambdaLR

from mtlaug.training.optimiser import AdamW

# What a training does with its optimiser; in a process of its own, as others here may have brought the compiler.
UPDATES = """
import sys, torch
from mtlaug.training.optimiser import AdamW
model = torch.nn.Linear(3, 2)
optimiser = AdamW(model.parameters(), 1e-2, fused=True)
torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: 1.0).step()
optimiser.zero_grad(set_to_none=True)
model(torch.ones(1, 3)).sum().backward()
optimiser.step()
optimiser.load_state_dict(optimiser.state_dict())
sys.exit("torch._dynamo" in sys.modules)
"""


def updated(kind: type[torch.optim.Optimizer], *, resumed: bool) -> tuple[torch.Tensor, dict]:
    """Weights and state after six updates; ``resumed``: by another optimiser after the third."""
    torch.manual_seed(0)
    model, rows = torch.nn.Linear(5, 3), torch.randn(4, 5)
    optimiser = kind(model.parameters(), 1e-2, weight_decay=0.1, fused=True)
    scheduler = LambdaLR(optimiser, lambda step: 1 / (step + 1))
    for update in range(6):
        if resumed and update == 3:
            state, optimiser = optimiser.state_dict(), kind(model.parameters(), 1e-2, fused=True)
            optimiser.load_state_dict(state)
            scheduler.optimizer = optimiser
        optimiser.zero_grad(set_to_none=True)
        model(rows).square().sum().backward()
        optimiser.step()
        scheduler.step()
    return model.weight.detach(), optimiser.state_dict()


def test_updates_are_those_of_torch():
    weight, state = updated(AdamW, resumed=False)
    expected, its_state = updated(torch.optim.AdamW, resumed=False)
    assert torch.equal(weight, expected)
    assert str(state) == str(its_state)


def test_a_resumed_optimiser_goes_on():
    assert torch.equal(updated(AdamW, resumed=True)[0], updated(AdamW, resumed=False)[0])


def test_the_compiler_is_not_imported():
    run = subprocess.run([sys.executable, "-c", UPDATES], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
