"""The attacks themselves: steps, balls, what is kept, and agreement with foolbox."""

from itertools import pairwise

import numpy as np
import pytest
import torch

from mtlaug.attack import methods
from mtlaug.attack.methods import L2Ball, LinfBall, Problem, evaluate, plan, worst_cases
from mtlaug.files import UserError
from mtlaug.model import frame_mask

CLASSES = 3
LENGTHS = torch.tensor([7, 5, 7, 3, 6, 7])


class Network(torch.nn.Module):
    """A classifier of padded features (N, T, C) that no padding changes; its loss is far from linear."""

    def __init__(self, seed: int = 0):
        super().__init__()
        torch.manual_seed(seed)
        self.layers = torch.nn.Sequential(torch.nn.Linear(4, 16), torch.nn.Tanh(), torch.nn.Linear(16, CLASSES))

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        mask = frame_mask(LENGTHS, features.shape[1])[: len(features), :, None]
        return 4 * (self.layers(3 * features) * mask).sum(dim=1) / mask.sum(dim=1)


def make_problem(rows: int = len(LENGTHS), classify=None, **changes) -> Problem:
    torch.manual_seed(1)
    lengths = LENGTHS[:rows]
    mask = frame_mask(LENGTHS, int(LENGTHS.max()))[..., None]
    clean = (torch.randn(len(LENGTHS), int(LENGTHS.max()), 4) * mask)[:rows]
    labels = torch.tensor([0, 1, 2, 0, 1, 2])[:rows]
    named = [f"s1-{row}" for row in range(rows)]
    given = {"clean": clean, "lengths": lengths, "labels": labels, "utterances": named} | changes
    return Problem(classify or Network().eval(), **given)


def attacked(problem: Problem, method: str, ball, **options) -> methods.Iterate:
    (worst,) = worst_cases(problem, plan(method, **options), [ball], "1")
    return worst


def recorded(network=None, **changes) -> tuple[Problem, list[tuple[torch.Tensor, torch.Tensor]]]:
    """A problem, and a list that fills with the inputs and the logits of each pass."""
    network, seen = network or Network().eval(), []

    def classify(inputs):
        seen.append((inputs, network(inputs)))
        return seen[-1][1]

    return make_problem(classify=classify, **changes), seen


def rank(iterate: methods.Iterate, problem: Problem) -> list[tuple[bool, float]]:
    """How bad each row is for the defender."""
    wrong = iterate.logits.argmax(dim=1) != problem.labels
    return list(zip(wrong.tolist(), iterate.loss.tolist(), strict=True))


def test_fgsm_is_one_step_along_the_sign_of_the_gradient():
    problem = make_problem()
    inputs = problem.clean.clone().requires_grad_()
    loss = torch.nn.functional.cross_entropy(problem.classify(inputs), problem.labels, reduction="sum")
    (gradient,) = torch.autograd.grad(loss, inputs)
    expected = problem.clean + 0.05 * gradient.sign()
    kept = attacked(problem, "fgsm", LinfBall(0.05)).inputs
    before, after = (
        rank(evaluate(problem, inputs - problem.clean, gradient=False), problem) for inputs in (problem.clean, expected)
    )
    rose = [one < other for one, other in zip(before, after, strict=True)]
    assert sum(rose) >= 4
    for row, higher in enumerate(rose):
        torch.testing.assert_close(kept[row], expected[row] if higher else problem.clean[row])


@pytest.mark.parametrize("method", methods.METHODS)
@pytest.mark.parametrize("ball", [LinfBall(0.3), L2Ball(torch.linspace(0.1, 0.6, len(LENGTHS)))])
def test_inputs_stay_in_the_ball_and_padding_as_it_is(method, ball):
    flat, network = isinstance(ball, L2Ball), Network().eval()

    def reading_padding(inputs):
        return network(inputs) + inputs.sum(dim=1)[:, :CLASSES]

    problem = make_problem(classify=reading_padding)
    if flat:  # (N, S), as waveforms are
        problem = make_problem(
            clean=problem.clean[..., 0], classify=lambda x: reading_padding(torch.stack([x, x * x, x, -x], dim=2))
        )
    change = attacked(problem, method, ball, steps=7).inputs - problem.clean
    size = change.norm(dim=1) / ball.radii if flat else change.abs().amax(dim=(1, 2)) / ball.radius
    assert (size <= 1 + 1e-5).all() and (size > 0.9).any()
    padding = ~frame_mask(LENGTHS, change.shape[1])
    assert change[padding].abs().max() == 0


def test_the_worst_is_kept_whatever_the_order():
    problem = make_problem(rows=2)
    logits = torch.tensor([[2.0, 1.0, 0.0], [0.0, 3.0, 0.0]])
    right = methods.Iterate(torch.zeros(2, 1), logits, torch.tensor([9.0, 1.0]))
    wrong = methods.Iterate(torch.ones(2, 1), logits.flip(1)[:, [0, 2, 1]], torch.tensor([1.0, 0.5]))
    for one, other in ((right, wrong), (wrong, right)):
        assert methods.worse(one, other, problem.labels).inputs.squeeze(1).tolist() == [1.0, 1.0]
    later = methods.Iterate(torch.full((2, 1), 2.0), wrong.logits, torch.tensor([2.0, 0.1]))
    assert methods.worse(wrong, later, problem.labels).inputs.squeeze(1).tolist() == [2.0, 1.0]


@pytest.mark.parametrize(("method", "name"), [("bim", "steps"), ("pgd", "steps"), ("pgd", "restarts")])
def test_more_steps_or_restarts_never_help_the_defender(method, name):
    problem = make_problem()
    ranks = [
        rank(attacked(problem, method, LinfBall(0.2), step_size=1.5, **{name: number}), problem)
        for number in (1, 2, 3, 5, 9)
    ]
    for fewer, more in pairwise(ranks):
        assert all(one <= other for one, other in zip(fewer, more, strict=True))
    assert ranks[0] != ranks[-1]


def test_a_wrong_answer_stays_wrong_and_no_budget_changes_nothing():
    problem = make_problem()
    clean = evaluate(problem, torch.zeros_like(problem.clean), gradient=False)
    wrong = clean.logits.argmax(dim=1) != problem.labels
    assert wrong.any() and not wrong.all()
    for method in methods.METHODS:
        worst = attacked(problem, method, LinfBall(0.4))
        assert (worst.logits.argmax(dim=1) != problem.labels)[wrong].all()
        unchanged = attacked(problem, method, LinfBall(0.0))
        assert torch.equal(unchanged.inputs, problem.clean) and torch.equal(unchanged.logits, clean.logits)


@pytest.mark.parametrize("method", methods.METHODS)
def test_the_worst_of_all_inputs_that_were_tried_is_kept(method):
    network = Network().eval()
    problem, seen = recorded(lambda inputs: (9 * network(inputs)).sin())  # a step may well overshoot
    worst = attacked(problem, method, LinfBall(1.0), steps=1, restarts=4, step_size=1.0)
    tried = [rank(methods.Iterate(x, logits, methods.lead(logits, problem.labels)), problem) for x, logits in seen]
    assert rank(worst, problem) == [max(row) for row in zip(*tried, strict=True)]


@pytest.mark.parametrize("method", methods.METHODS)
def test_all_inputs_are_such_that_can_exist(method):
    problem, seen = recorded(snap=lambda inputs: (16 * inputs).round() / 16)
    attacked(problem, method, LinfBall(0.3))
    assert all(torch.equal(inputs, problem.snap(inputs)) for inputs, _ in seen)


@pytest.mark.parametrize("method", methods.METHODS)
def test_each_ball_is_searched_as_if_alone(method):
    problem, balls = make_problem(), [LinfBall(0.5), LinfBall(0.05)]
    for ball, found in zip(balls, worst_cases(problem, plan(method), balls, "1"), strict=True):
        assert torch.equal(found.inputs, attacked(problem, method, ball).inputs)


def random_start(rows: list[int], fold: str = "1", seed: int = 0) -> torch.Tensor:
    """Where the search begins for these utterances of one batch."""
    named = [f"s1-{row}" for row in rows]
    clean = torch.zeros(len(rows), 7, 4)
    problem, seen = recorded(rows=len(rows), clean=clean, lengths=LENGTHS[rows], utterances=named)
    list(worst_cases(problem, plan("pgd", steps=1, restarts=1, seed=seed), [LinfBall(0.2)], fold))
    return seen[1][0].detach()


def test_random_starts_depend_on_the_utterance_fold_and_seed_not_on_the_batch():
    whole = random_start([0, 1, 2, 3, 4, 5])
    assert torch.equal(random_start([4, 1]), whole[[4, 1]])
    assert len(whole.unique(dim=0)) == len(whole)
    for changed in (random_start([0, 1], fold="2"), random_start([0, 1], seed=1)):
        assert not torch.isclose(changed, whole[:2]).flatten(1).all(dim=1).any()


def test_a_random_start_may_be_anywhere_in_the_ball():
    """Of a uniform draw in S dimensions the S-th power of the distance from the centre is uniform."""
    ball, rng = L2Ball(torch.tensor([1.0, 3.0])), np.random.default_rng(0)
    shares = [(np.linalg.norm(ball.random(1, (4,), rng)) / 3) ** 4 for _ in range(400)]
    assert np.quantile(shares, [0, 0.25, 0.5, 0.75, 1]) == pytest.approx([0, 0.25, 0.5, 0.75, 1], abs=0.08)


@pytest.mark.parametrize(("method", "passes", "gradients"), [("fgsm", 3, 1), ("bim", 11, 9), ("pgd", 25, 20)])
def test_no_pass_through_the_model_is_wasted(method, passes, gradients):
    """Two budgets of five steps: the clean inputs are evaluated once, each iterate in one pass with its gradient."""
    problem, seen = recorded()
    list(worst_cases(problem, plan(method, steps=5), [LinfBall(0.1), LinfBall(0.2)], "1"))
    assert (len(seen), sum(logits.requires_grad for _, logits in seen)) == (passes, gradients)


def test_the_loss_rises_with_the_cross_entropy():
    torch.manual_seed(0)
    logits, labels = torch.randn(50, CLASSES) * 5, torch.randint(CLASSES, (50,))
    expected = torch.nn.functional.cross_entropy(logits, labels, reduction="none")
    torch.testing.assert_close(torch.nn.functional.softplus(methods.lead(logits, labels)), expected)


@pytest.mark.parametrize("method", methods.METHODS)
def test_a_sure_model_is_attacked_like_any_other(method):
    """Of two classes larger logits change no direction; the cross entropy's gradient would vanish."""
    network, ball = Network().eval(), LinfBall(0.3)
    labels = torch.tensor([0, 1, 0, 0, 1, 1])
    plain = make_problem(classify=lambda x: network(x)[:, :2], labels=labels)
    sure = make_problem(classify=lambda x: 1000 * network(x)[:, :2], labels=labels)
    assert evaluate(sure, torch.zeros_like(sure.clean), gradient=False).loss.min() < -100
    torch.testing.assert_close(attacked(sure, method, ball).inputs, attacked(plain, method, ball).inputs)


@pytest.mark.parametrize("method", methods.METHODS)
def test_a_gradient_that_is_not_finite_names_the_utterance(method):
    network = Network().eval()

    def classify(inputs):
        return network(inputs) * torch.tensor([1.0, 1.0, 1.0, torch.nan, 1.0, 1.0])[:, None]

    with pytest.raises(UserError, match="utterance s1-3: the gradient"):
        attacked(make_problem(classify=classify), method, LinfBall(0.1))


@pytest.mark.parametrize(
    ("method", "options", "message"),
    [
        ("cw", {}, "known are fgsm, bim, pgd"),
        ("pgd", {"steps": 0}, "steps must be 1 or more"),
        ("pgd", {"restarts": 0}, "restarts must be 1 or more"),
        ("bim", {"step_size": float("nan")}, "step size"),
        ("bim", {"step_size": 0.0}, "step size"),
        ("bim", {"step_size": 2.1}, "step size"),
    ],
)
def test_a_plan_that_cannot_be(method, options, message):
    with pytest.raises(UserError, match=message):
        plan(method, **options)


def last_iterate(problem: Problem, ball, steps: int, step_size: float) -> torch.Tensor:
    unchanged = torch.zeros_like(problem.clean)
    clean = evaluate(problem, unchanged, gradient=True)
    return list(methods.ascend(problem, ball, clean, unchanged, steps, step_size))[-1].inputs


def test_foolbox_takes_the_same_steps():
    foolbox = pytest.importorskip("foolbox", reason="foolbox is not installed (tools/install.sh --test)")
    network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(28, 16), torch.nn.Tanh(), torch.nn.Linear(16, 3))
    torch.manual_seed(3)
    clean = torch.randn(6, 7, 4)
    problem = make_problem(classify=network.eval(), clean=clean, lengths=torch.full((6,), 7))
    model = foolbox.PyTorchModel(network, bounds=(-100, 100), device="cpu")
    budget = 0.15

    def theirs(kind, epsilon: float, **options) -> torch.Tensor:
        _, clipped, _ = kind(random_start=False, **options)(
            model, clean, foolbox.criteria.Misclassification(problem.labels), epsilons=epsilon
        )
        return clipped

    fgsm = theirs(foolbox.attacks.LinfFastGradientAttack, budget)
    torch.testing.assert_close(last_iterate(problem, LinfBall(budget), 1, 1.0), fgsm, rtol=0, atol=1e-6)
    options = {"steps": 8, "rel_stepsize": 0.25}
    pgd = theirs(foolbox.attacks.LinfProjectedGradientDescentAttack, budget, **options)
    torch.testing.assert_close(last_iterate(problem, LinfBall(budget), 8, 0.25), pgd, rtol=0, atol=1e-6)
    flat = make_problem(classify=network, clean=clean.flatten(1), lengths=torch.full((6,), 28))
    pgd = theirs(foolbox.attacks.L2ProjectedGradientDescentAttack, 0.8, **options)
    ours = last_iterate(flat, L2Ball(torch.full((6,), 0.8)), 8, 0.25)
    torch.testing.assert_close(ours, pgd.flatten(1), rtol=0, atol=1e-5)
    # What is kept is no better for the defender than where foolbox ends.
    kept = attacked(problem, "bim", LinfBall(budget), steps=8)
    end = evaluate(problem, last_iterate(problem, LinfBall(budget), 8, 0.25) - clean, gradient=False)
    assert all(one >= other for one, other in zip(rank(kept, problem), rank(end, problem), strict=True))
