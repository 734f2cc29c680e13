"""White-box attacks: FGSM (Goodfellow et al. 2015), BIM (Kurakin et al. 2017) and PGD (Madry et al. 2018).

An attack raises the loss of the true class by steps along its gradient, within a
ball around the clean inputs. Nothing here knows what the inputs are: a `Problem`
says how they are classified, a ball how far they may be changed.

Of all inputs that an attack passes, the clean ones among them, the worst for the
defender is kept for each utterance: a misclassified one before any other, then
that of the highest loss. So no attack makes a wrong answer right, and, as the
step size does not depend on their number, more steps or restarts never help the
defender.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from mtlaug.files import UserError
from mtlaug.model import frame_mask
from mtlaug.seeding import random_state

METHODS = ("fgsm", "bim", "pgd")


@dataclass(frozen=True)
class Plan:
    """How an attack searches; made by `plan`.

    ``step_size`` is a share of the ball's radius; ``restarts`` is the number of random
    starts, 0 to start from the clean inputs; ``seed`` is that of the random starts.
    """

    method: str
    steps: int
    restarts: int
    step_size: float
    seed: int

    @property
    def passes(self) -> int:
        """Steps over all starts."""
        return self.steps * max(1, self.restarts)


def plan(method: str, steps: int = 10, restarts: int = 2, step_size: float = 0.25, seed: int = 0) -> Plan:
    """A `Plan` of a named method.

    FGSM is one step to the surface of the ball, BIM ``steps`` steps from the clean inputs,
    PGD the same from each of ``restarts`` random points of the ball.

    Raises:
        UserError: an unknown method, or a number out of range.
    """
    if method not in METHODS:
        raise UserError(f"attack {method!r}: known are {', '.join(METHODS)}")
    for name, value in (("steps", steps), ("restarts", restarts)):
        if value < 1:
            raise UserError(f"attack {method}: {name} must be 1 or more, not {value}")
    if not 0 < step_size <= 2:
        raise UserError(f"attack {method}: the step size must be above 0 and at most 2 radii, not {step_size}")
    if method == "fgsm":
        return Plan(method, 1, 0, 1.0, seed)
    return Plan(method, steps, restarts if method == "pgd" else 0, step_size, seed)


def share(plans: list[Plan], budgets: list[float], job: int, nj: int) -> list[tuple[Plan, list[float]]]:
    """The ``job``-th of ``nj`` parts, from 1, of all plans with all budgets: each plan with its budgets there.

    Parts have about as many passes as each other; where there are more jobs than pairs, some have none.
    """
    pairs = [(plan, budget) for plan in plans for budget in budgets]
    passes, parts = [0] * nj, [[] for _ in range(nj)]
    for plan, budget in sorted(pairs, key=lambda pair: pair[0].passes, reverse=True):
        fewest = passes.index(min(passes))
        passes[fewest] += plan.passes
        parts[fewest].append((plan, budget))
    kept = ((plan, [budget for other, budget in parts[job - 1] if other is plan]) for plan in plans)
    return [(plan, part) for plan, part in kept if part]


class Ball(Protocol):
    """The perturbations that are allowed."""

    def direction(self, gradient: Tensor) -> Tensor:
        """The step of one radius along which a linear loss rises most."""

    def project(self, perturbation: Tensor) -> Tensor:
        """The nearest perturbation that is allowed."""

    def random(self, row: int, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
        """A uniform draw for one utterance of the batch."""


@dataclass(frozen=True)
class LinfBall:
    """No value changes by more than ``radius``."""

    radius: float

    def direction(self, gradient: Tensor) -> Tensor:
        return gradient.sign().mul_(self.radius)

    def project(self, perturbation: Tensor) -> Tensor:
        return perturbation.clamp(-self.radius, self.radius)

    def random(self, row: int, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
        return self.radius * rng.uniform(-1, 1, shape)


@dataclass(frozen=True)
class L2Ball:
    """The root of the summed squared changes of row n of (N, S) is at most ``radii`` (N,)."""

    radii: Tensor

    def direction(self, gradient: Tensor) -> Tensor:
        return self.radii[:, None] * torch.nn.functional.normalize(gradient, dim=1)

    def project(self, perturbation: Tensor) -> Tensor:
        norm = perturbation.norm(dim=1).clamp(min=torch.finfo(perturbation.dtype).tiny)
        return perturbation * (self.radii / norm).clamp(max=1)[:, None]

    def random(self, row: int, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
        draw = rng.standard_normal(shape)
        return float(self.radii[row]) * rng.uniform() ** (1 / draw.size) * draw / np.linalg.norm(draw)


@dataclass(frozen=True)
class Problem:
    """A batch of N utterances to attack.

    Attributes:
        classify: inputs like ``clean`` to logits (N, K); no row may depend on another.
        clean: padded inputs (N, T, ...).
        lengths: (N,) how much of T is no padding; padding is never changed.
        labels: (N,) indices of the true classes.
        utterances: their names, for errors and random starts.
        snap: moves inputs to the nearest that can exist, such as samples of 16 bit.
    """

    classify: Callable[[Tensor], Tensor]
    clean: Tensor
    lengths: Tensor
    labels: Tensor
    utterances: list[str]
    snap: Callable[[Tensor], Tensor] = lambda inputs: inputs


@dataclass(frozen=True)
class Iterate:
    """Inputs (N, T, ...), logits (N, K), loss (N,), which is `lead`, and its gradient where it was asked for."""

    inputs: Tensor
    logits: Tensor
    loss: Tensor
    gradient: Tensor | None = None


def evaluate(problem: Problem, perturbation: Tensor, gradient: bool) -> Iterate:
    """Classify the perturbed inputs, and take the gradient in the same pass where it is asked for.

    Raises:
        UserError: the gradient of an utterance is not finite.
    """
    inputs = problem.snap(problem.clean + perturbation).detach().requires_grad_(gradient)
    with torch.set_grad_enabled(gradient):
        logits = problem.classify(inputs)
        loss = lead(logits, problem.labels)
    slope = _masked(problem, torch.autograd.grad(loss.sum(), inputs)[0]) if gradient else None
    return Iterate(inputs.detach(), logits.detach(), loss.detach(), slope)


def lead(logits: Tensor, labels: Tensor) -> Tensor:
    """log sum_{k != y} exp z_k - z_y of logits (N, K): by how much the other classes are ahead of the true one; (N,).

    The cross entropy is its softplus: both rise together and have gradients of one direction, but that of the
    cross entropy vanishes where a model is sure, which would look like robustness.
    """
    true = labels[:, None]
    others = logits.scatter(1, true, -torch.inf).logsumexp(dim=1)
    return others - logits.gather(1, true).squeeze(1)


def ascend(
    problem: Problem, ball: Ball, start: Iterate, perturbation: Tensor, steps: int, step_size: float
) -> Iterator[Iterate]:
    """Yield the iterate after each step.

    Args:
        start: the iterate at ``perturbation``, with its gradient.
        step_size: share of the ball's radius.
    """
    iterate = start
    for number in range(1, steps + 1):
        perturbation = ball.project(perturbation + step_size * ball.direction(iterate.gradient))
        iterate = evaluate(problem, perturbation, gradient=number < steps)
        yield iterate


def worst_cases(problem: Problem, plan: Plan, balls: list[Ball], fold: str) -> Iterator[Iterate]:
    """Yield the worst iterate an attack finds in each ball, utterance by utterance.

    The clean inputs are evaluated once for all balls. A random start depends on the plan's
    seed, the fold, the utterance and the number of the restart, not on the batch.
    """
    unchanged = torch.zeros_like(problem.clean)
    clean = evaluate(problem, unchanged, gradient=not plan.restarts)
    for ball in balls:
        worst = clean
        for start in range(max(1, plan.restarts)):
            perturbation, first = unchanged, clean
            if plan.restarts:
                perturbation = _random_start(problem, ball, (plan.seed, fold), start)
                first = evaluate(problem, perturbation, gradient=True)
                worst = worse(worst, first, problem.labels)
            for iterate in ascend(problem, ball, first, perturbation, plan.steps, plan.step_size):
                worst = worse(worst, iterate, problem.labels)
        yield worst


def worse(one: Iterate, other: Iterate, labels: Tensor) -> Iterate:
    """Of each utterance the misclassified iterate, or, where both or none are, that of the higher loss."""
    wrong, other_wrong = (iterate.logits.argmax(dim=1) != labels for iterate in (one, other))
    taken = torch.where(wrong == other_wrong, other.loss > one.loss, other_wrong)  # (N,)
    if taken.all():  # the usual case, spared a copy of all inputs
        return other

    def chosen(name: str) -> Tensor:
        kept, new = getattr(one, name), getattr(other, name)
        return torch.where(taken.view(-1, *[1] * (kept.dim() - 1)), new, kept)

    return Iterate(chosen("inputs"), chosen("logits"), chosen("loss"))


def _random_start(problem: Problem, ball: Ball, names: tuple, restart: int) -> Tensor:
    perturbation = torch.zeros_like(problem.clean)
    for row, (utterance, length) in enumerate(zip(problem.utterances, problem.lengths.tolist(), strict=True)):
        shape = (length, *problem.clean.shape[2:])
        draw = ball.random(row, shape, random_state(*names, utterance, restart))
        perturbation[row, :length] = torch.from_numpy(draw).to(perturbation)
    return perturbation


def _masked(problem: Problem, gradient: Tensor) -> Tensor:
    """The gradient, zero at the padding."""
    finite = gradient.flatten(1).sum(dim=1).isfinite()  # one infinite or undefined value makes the sum such
    if not finite.all():
        utterance = problem.utterances[int((~finite).nonzero()[0])]
        raise UserError(
            f"utterance {utterance}: the gradient of the attack is not finite; look at its features and the model"
        )
    mask = frame_mask(problem.lengths, gradient.shape[1])
    return gradient.mul_(mask.view(*mask.shape, *[1] * (gradient.dim() - 2)))
