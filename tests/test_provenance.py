"""The command that a report gives for a result."""

import pytest

from mtlaug.provenance import command_line

TRAINED = './run.sh --train-config conf/mtlaug.yaml --train-args "loss_args.alpha=0.5 optim_args.epochs=5" --exp-name q'


@pytest.mark.parametrize(
    ("seeds", "tested", "more"),
    [
        ((1,), "./run.sh --train-config conf/mtlaug.yaml --exp-name q", ""),
        ((1,), "./run.sh --exp-name q --train-args optim_args.epochs=9", ""),
        ((1, 2, 3), "./run.sh --exp-name q --seeds 3", ' --seeds "1 2 3"'),
        ((1,), './run.sh --exp-name q --attack-args "--domain waveform"', ' --attack-args "--domain waveform"'),
        ((2, 3), './run.sh --snrs "5 0" --nothing x', ' --snrs "5 0" --seeds "2 3"'),
    ],
)
def test_it_trains_as_was_trained_and_tests_as_is_tested(seeds: tuple[int, ...], tested: str, more: str):
    assert command_line(TRAINED, seeds, tested) == TRAINED + more


def test_options_of_an_earlier_test_are_not_those_of_this_one():
    trained = './run.sh --exp-name q --attack-args "--domain waveform" --snrs 5'
    assert command_line(trained, (1,), "./run.sh --exp-name q") == "./run.sh --exp-name q"


def test_a_single_seed_that_was_asked_for_stays():
    assert command_line("./run.sh --seeds 7 --exp-name x", (7,), "./run.sh --x 1") == "./run.sh --seeds 7 --exp-name x"


@pytest.mark.parametrize(
    ("trained", "tested"),
    [
        ("", "./run.sh --snrs 5"),
        ("./run.sh --seeds", "./run.sh --snrs 5"),
        (TRAINED, ""),
        (TRAINED, './run.sh --attack-args "5'),
        (TRAINED, "steps/score.sh exp/x"),
    ],
)
def test_what_is_no_recipe_stands_as_it_is(trained: str, tested: str):
    assert command_line(trained, (1, 2), tested) == tested


def test_quotes_and_empty_values_survive():
    command = r'./run.sh --noise-dir "my \"own\" noise" --rir-dir ""'
    assert command_line(command, (1,), "./run.sh --exp-name x") == command
