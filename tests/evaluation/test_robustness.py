"""Attacks on the models of an experiment: scores, transfer, recordings, and what is refused."""

import dataclasses
import itertools
from types import SimpleNamespace

import numpy as np
import pytest
import recipes
import soundfile
import torch

from mtlaug import attack, datadir, evaluation
from mtlaug.cli import main
from mtlaug.cli.attack import chosen
from mtlaug.dataset import batching
from mtlaug.evaluation import robustness
from mtlaug.evaluation.waveform_robustness import attack_waveforms
from mtlaug.experiment import inference
from mtlaug.files import UserError, read_json, read_table
from mtlaug.scoring.predictions import read_predictions

ATTACKS = {"features": robustness.attack_features, "waveform": attack_waveforms}
# Loud tones make the classes; a little training tells them apart without certainty.
LEARNT = ("optim_args.epochs=14", "optim_args.patience=14", "optim_args.lr=0.01", "optim_args.ema=0.5")


@pytest.fixture(scope="module")
def models(corpus, tmp_path_factory):
    """Two trained experiments, mtlaug and stl, in a directory with a space in its name."""
    folder = tmp_path_factory.mktemp("an exp")
    stl = ("loss_args.alpha=0", "loss_args.beta=0", "model_args.channels=5")
    return corpus.train(folder / "mtlaug", *LEARNT), corpus.train(folder / "stl", *LEARNT, *stl)


@pytest.fixture(autouse=True)
def several_batches(monkeypatch):
    monkeypatch.setattr(batching, "MOST_FRAMES", 200)


def score(target, method="fgsm", budgets=(0.0,), source=None, domain="features", **options) -> list[dict]:
    """Attack, and read each budget's results.json."""
    run = robustness.Attack(target, source, attack.plan(method, **options), "./run.sh --stage 7")
    lines = ATTACKS[domain](run, list(budgets))
    directories = [line[line.index(str(target.directory)) :] for line in lines]
    return [read_json(f"{directory}/results.json") for directory in directories]


def uars(results: list[dict]) -> list[float]:
    return [result["uar"] for result in results]


def test_no_budget_gives_the_clean_predictions_and_a_large_one_chance(models):
    target, _ = models
    clean = evaluation.predict_within(target, evaluation.predictor(target))
    for method in attack.METHODS:
        none, large = score(target, method, (0.0, 1.5), restarts=1)
        written = read_predictions(target.directory / f"score_attack_{method}_0" / "predictions.tsv")
        assert sorted(written.utts) == sorted(clean.utts)
        by_name = dict(zip(written.utts, written.posteriors, strict=True))
        for utterance, row in zip(clean.utts, clean.posteriors, strict=True):
            np.testing.assert_allclose(by_name[utterance], row, atol=2e-6)
        assert none["uar"] > 0.8
        # A single long step may miss what many short ones find.
        assert large["uar"] <= large["chance"] or method == "fgsm"


def test_the_result_says_what_was_done(models):
    target, _ = models
    (result,) = score(target, "pgd", (0.25,), steps=3, restarts=1, step_size=0.5, seed=7)
    assert result["condition"] == "attack_pgd_0.25" and result["model"] == "mtlaug"
    assert result["curve"] == {"name": "attack on features", "series": "pgd", "level": 0.25, "unit": "ε"}
    assert [result[key] for key in ("steps", "restarts", "step_size", "seed")] == [3, 1, 0.5, 7]
    assert result["protocol"] == target.protocol.sha256 and result["n"] == 30


def test_stronger_attacks_and_larger_budgets_lower_the_uar(models):
    target, _ = models
    budgets = (0.2, 0.5, 1.0)
    fgsm, bim = (uars(score(target, method, budgets)) for method in ("fgsm", "bim"))
    clean = uars(score(target))
    assert [*clean, *bim] == sorted([*clean, *bim], reverse=True) and bim[-1] < clean[0]
    assert all(one >= other for one, other in zip(fgsm, bim, strict=True))


@pytest.mark.parametrize("method", attack.METHODS)
def test_a_transfer_is_never_stronger_than_the_attack_on_the_model_itself(models, method):
    target, source = models
    budgets = (0.2, 0.5, 1.0)
    for one, other in ((target, source), (source, target)):
        white_box = uars(score(one, method, budgets, restarts=1))
        transfer = score(one, method, budgets, source=other, restarts=1)
        # A single step may by luck do better along another model's gradient, on an utterance of the 72.
        slack = 1 / 72 + 1e-9 if method == "fgsm" else 0
        assert all(theirs >= own - slack for own, theirs in zip(white_box, uars(transfer), strict=True))
        assert transfer[0]["curve"]["series"] == f"{method} from {other.directory.name}"
        assert transfer[0]["condition"] == f"attack_{method}_0.2_from_{other.directory.name}"


def test_a_transfer_needs_a_model_of_the_same_task(models, corpus, tmp_path):
    target, _ = models
    with pytest.raises(UserError, match="another model than the one tested"):
        robustness.check_source(target, target)
    other = corpus.prepare(tmp_path / "other", "dataset_args.normalisation=utterance")
    with pytest.raises(UserError, match=r"other: has another normalisation than .*mtlaug"):
        robustness.check_source(target, other)
    settings = corpus.settings("feature_args.preemphasis=0.5")
    protocol = dataclasses.replace(target.protocol, classes=("calm", "loud"))
    strange = dataclasses.replace(target, directory=tmp_path, settings=settings, protocol=protocol)
    with pytest.raises(UserError, match="another class list and protocol and feature_args than"):
        robustness.check_source(target, strange)
    more = corpus.prepare(tmp_path / "more", seeds="1 2")
    with pytest.raises(UserError, match=r"mtlaug: has no seed 2; train it"):
        robustness.check_source(more, target)


@pytest.mark.parametrize(
    ("domain", "budgets", "message"),
    [
        ("features", "0.1 x", "'x' is not a finite number"),
        ("features", "nan", "'nan' is not a finite number"),
        ("waveform", "inf", "'inf' is not a finite number"),
        ("features", "-0.1", "ε must be 0 or more"),
        ("features", " ", "expected different numbers"),
        ("features", "0.1,0.10", "expected different numbers"),
        ("latent", "0.1", "known are features, waveform"),
    ],
)
def test_a_bad_budget_is_an_error(models, capsys, domain, budgets, message):
    directory = str(models[0].directory)
    assert main(["attack", directory, "--methods", "fgsm", "--domain", domain, f"--budgets={budgets}"]) == 1
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--methods", "cw"], "known are fgsm, bim, pgd"),
        (["--methods", "fgsm fgsm"], "expected different ones"),
        (["--methods", "fgsm,pgd", "--job", "3", "--nj", "2"], "--job 3 is not from 1 to --nj 2"),
        (["--methods", "pgd", "--steps", "0"], "steps must be 1 or more"),
        (["--methods", "pgd", "--source", "nowhere"], "nowhere/config.yaml: no such file"),
    ],
)
def test_a_bad_option_is_an_error(models, capsys, arguments, message):
    assert main(["attack", str(models[0].directory), *arguments]) == 1
    assert message in capsys.readouterr().err


def test_negative_snr_is_a_budget():
    how = {"methods": "fgsm", "steps": 10, "restarts": 2, "step_size": 0.25, "seed": 0}
    plans, budgets = chosen(SimpleNamespace(domain="waveform", budgets="-5, 0 20", **how))
    assert (plans, budgets) == ([attack.plan("fgsm")], [-5.0, 0.0, 20.0])


def test_a_model_with_a_broken_weight_names_the_utterance(models, corpus, tmp_path):
    run = corpus.prepare(tmp_path / "broken")
    state = inference.build_model(run).state_dict()
    state["emotion.layers.4.bias"][0] = torch.nan
    for job in run.jobs():
        run.run_dir(*job).mkdir(parents=True)
        torch.save(state, run.run_dir(*job) / "best.pt")
        (run.run_dir(*job) / "done.json").touch()
    with pytest.raises(UserError, match=r"utterance s.*: the gradient of the attack is not finite"):
        score(run, "pgd", (0.1,))


def test_recordings_keep_their_budget_and_are_scored_as_written(models):
    target, _ = models
    results = score(target, "pgd", (35.0, 5.0), domain="waveform", steps=4, restarts=1)
    assert results[0]["condition"] == "attack_wave_pgd_35dB"
    assert results[0]["curve"] == {"name": "attack on waveforms", "series": "pgd", "level": 35.0, "unit": "dB SNR"}
    clean = uars(score(target))[0]
    assert clean >= results[0]["uar"] >= results[1]["uar"] and results[1]["uar"] < clean
    for result in results:
        reached = result["reached_snr"]
        assert result["curve"]["level"] - 0.1 < reached["lowest"] <= reached["mean"] < result["curve"]["level"] + 3
    directory = target.directory / "attack" / "attack_wave_pgd_35dB" / "seed_1"
    assert datadir.validate(directory, need_feats=True) == 30
    for name, path in read_table(directory / "wav.scp").items():
        info = soundfile.info(path)
        assert info.subtype == "PCM_16" and name.endswith("-attack_wave_pgd_35dB")
    predictions = read_predictions(target.directory / "score_attack_wave_pgd_35dB" / "predictions.tsv")
    store = target.store("1", str(directory))
    labels = {f"{utt}-attack_wave_pgd_35dB": label for utt, label in target.protocol.utterances("1", "test").items()}
    model = inference.trained_model(target, "1", target.seeds[0])
    again = inference.predict(model, store, labels, target.classes)
    stored = dict(zip(predictions.utts, predictions.posteriors, strict=True))
    for name, row in again.items():
        np.testing.assert_allclose(stored[name.removesuffix("-attack_wave_pgd_35dB")], row, atol=2e-6)


def test_a_waveform_transfer_uses_the_other_models_gradient(models):
    target, source = models
    (white_box,) = score(target, "bim", (10.0,), domain="waveform", steps=20)
    (transfer,) = score(target, "bim", (10.0,), source=source, domain="waveform", steps=20)
    assert transfer["curve"]["series"] == "bim from stl"
    assert transfer["uar"] >= white_box["uar"]


def test_jobs_share_all_methods_and_budgets_evenly():
    plans, budgets = [attack.plan(method) for method in attack.METHODS], [0.05, 0.1, 0.2, 0.5]
    whole = [(plan, budget) for plan in plans for budget in budgets]
    for nj in (1, 2, 5, 20):
        parts = [attack.share(plans, budgets, job, nj) for job in range(1, nj + 1)]
        pairs = [[(plan, budget) for plan, part in parts[job] for budget in part] for job in range(nj)]
        assert sorted(itertools.chain(*pairs), key=whole.index) == whole
        passes = [sum(plan.passes for plan, _ in part) for part in pairs]
        assert max(passes) - min(passes) <= 20  # of pgd at one budget
    assert attack.share(plans, budgets, 1, 1) == [(plan, budgets) for plan in plans]


def test_the_step_shares_methods_and_budgets_among_its_jobs(models, tmp_path):
    target, _ = models
    recipe = recipes.copy("mini", tmp_path)
    options = ["--methods", "fgsm,bim", "--budgets", "0.1 0.4", "--steps", "2", "--command-line", "./run.sh --x 'y z'"]
    result = recipes.call(recipe, "steps/eval_attack.sh", *options, target.directory)
    assert recipes.succeeded(result)
    names = [line.rsplit("/", 1)[1] for line in result.stdout.splitlines() if line.startswith("%UAR")]
    assert names == [f"score_attack_{name}" for name in ("fgsm_0.1", "bim_0.1", "fgsm_0.4", "bim_0.4")]
    results = read_json(target.directory / "score_attack_bim_0.4" / "results.json")
    assert results["command"] == "./run.sh --x 'y z'" and results["steps"] == 2
    bad = recipes.call(recipe, "steps/eval_attack.sh", "--methods", "fgsm", "--budgets=-1", target.directory)
    assert recipes.failed(bad, "failed, log is in")
    assert "ε must be 0 or more" in (target.directory / "log" / "attack_features.1.log").read_text()
