"""Training loop of one fold and seed; checkpoints, resume, early stop."""

import contextlib
import json
import logging
import math
import signal
import sys
import time
from pathlib import Path

import numpy as np
import torch
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from tqdm import tqdm

from mtlaug import provenance
from mtlaug.dataset import batching, unlabelled
from mtlaug.experiment import Experiment, checkpoints, locked
from mtlaug.experiment.inference import build_model, device, predict
from mtlaug.files import UserError, atomic_path, write_json
from mtlaug.scoring.statistics import uar
from mtlaug.seeding import random_state
from mtlaug.training import adversarial, board, distributed, pseudo_labels
from mtlaug.training.objective import Objective, class_weights
from mtlaug.training.optimiser import AdamW

log = logging.getLogger(__name__)
# Where the processor computes in bfloat16 itself; elsewhere it would be emulated, and slow.
if device.type == "cuda":
    has_bf16 = torch.cuda.is_bf16_supported(including_emulation=False)
else:
    has_bf16 = torch.cpu.get_capabilities().get("avx512_bf16", False)
LOOK = 1000  # batches between two looks at whether the loss is finite; the last is at the epoch's end
REQUEUE = 75  # exit code of a training that was told to stop (EX_TEMPFAIL): run again, it goes on


class Trainer:
    """State of one run; `train` drives it.

    Each epoch seeds its own random state from (seed, fold, epoch), so that a
    resumed run continues bit for bit (on a CPU) without the generators' states.
    """

    def __init__(self, experiment: Experiment, fold: str, seed: int):
        self.experiment, self.fold, self.seed = experiment, fold, seed
        self.directory = experiment.run_dir(fold, seed)
        self.args = experiment.settings.optim_args
        others = unlabelled.directories(experiment.settings.unlabelled_args)
        self.store = experiment.store(fold, experiment.aug_dir, *others)
        on_dev = experiment.settings.dataset_args.train_on_dev
        self.dev = {} if on_dev else experiment.protocol.utterances(fold, "dev")
        # Of the unlabelled utterances too.
        self.utt2spk = experiment.protocol.corpus.utt2spk | unlabelled.utt2spk(experiment.settings.unlabelled_args)
        self.data, labels = self._training_set()
        rows = self.data.draws // self.data.num_batches()  # of the smallest batch
        if rows < distributed.world():
            mend = "raise dataset_args.batch_size or give fewer --ngpu"
            raise UserError(f"{self.directory}: batches of {rows} rows for {distributed.world()} processes; {mend}")
        self._seed_torch(0)
        self.model = build_model(experiment).to(device)
        self.parallel = distributed.parallel(self.model)
        # Dev UAR of the averaged weights is far steadier from epoch to epoch than that of the last ones.
        self.averaged = AveragedModel(self.model, multi_avg_fn=get_ema_multi_avg_fn(self.args.ema))
        args, classes = experiment.settings.loss_args, experiment.classes
        weights = class_weights(labels, classes) if args.class_weights else torch.ones(len(classes))
        self.objective = Objective(args, weights).to(device)
        self.parameters, decay = list(self.model.parameters()), self.args.weight_decay
        self.optimiser = AdamW(self.parameters, self.args.lr, weight_decay=decay, fused=True)
        self.scheduler = torch.optim.lr_scheduler.LambdaLR(self.optimiser, self._schedule)
        self.epoch, self.best = 0, {"epoch": 0, "dev_uar": -1.0, "dev_loss": math.inf}

    def _training_set(self) -> tuple[batching.TrainingSet, dict[str, str]]:
        """The data, and the labels that are used."""
        experiment, settings = self.experiment, self.experiment.settings
        everything = experiment.training_labels(self.fold)
        share = settings.dataset_args.labelled_share
        labels, hidden = unlabelled.hide_labels(everything, self.utt2spk, share, self.seed)
        target = experiment.protocol.utterances(self.fold, "unlabelled")
        without = [*hidden, *target, *unlabelled.utt2spk(settings.unlabelled_args)]
        draws = len(everything) * settings.dataset_args.copies_per_epoch
        meta = {task: experiment.meta_targets(task) for task in experiment.meta_tasks()}
        data = batching.TrainingSet(self.store, labels, experiment.classes, settings, self.seed, without, meta, draws)
        return data, labels

    def _schedule(self, step: int) -> float:
        warm, total = self.data.num_batches(), self.args.epochs * self.data.num_batches()
        if step < warm:
            return (step + 1) / warm
        return 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, total - warm)))

    def _seed_torch(self, epoch: int) -> None:
        # All processes start from the same weights, and then drop out rows of their own.
        own = [distributed.rank()] if epoch and distributed.rank() else []
        torch.manual_seed(int(random_state(self.seed, self.fold, epoch, "torch", *own).integers(2**62)))

    def train_epoch(self) -> dict:
        """One epoch of updates and a look at dev; returns the line for the log."""
        self.epoch += 1
        if 0 < self.experiment.settings.unlabelled_args.pseudo_labels_from <= self.epoch:
            self.data.label(pseudo_labels.make(self.averaged.module, self.data, self.utt2spk))
        self._seed_torch(self.epoch)
        self.model.train()
        sums = 0.0  # of each term; read now and then only, as a GPU would wait for the CPU each time
        batches = self.data.batches(self.epoch, distributed.rank(), distributed.world())
        for number, batch in enumerate(batches, 1):
            batch = batch.to(device)
            with torch.autocast(device.type, torch.bfloat16, enabled=self.args.bf16 and has_bf16):
                outputs = self.parallel(self._inputs(batch), batch.lengths)
            terms = self.objective(outputs, batch)
            self._update(terms["loss"])
            terms |= {
                "typed": (batch.augmentation != batching.UNKNOWN).sum(),
                "correct": (outputs.augmentation.argmax(dim=1) == batch.augmentation).sum(),
            }
            sums = sums + torch.stack([value.detach() for value in terms.values()]).double()
            if number % LOOK == 0:
                self._refuse_infinite(sums)
        self._refuse_infinite(sums := distributed.total(sums))
        line = {"epoch": self.epoch} | self._figures(dict(zip(terms, sums.tolist(), strict=True)))
        return line | distributed.by_first(self._look_at_dev)

    def _inputs(self, batch: batching.Batch) -> torch.Tensor:
        """The features (N, T, C) that an update learns from."""

        def loss(features: torch.Tensor) -> torch.Tensor:
            return self.objective.emotion(self.model.classify(features, batch.lengths), batch.emotion)

        epsilon = self.experiment.settings.loss_args.adversarial_epsilon
        return adversarial.moved(batch, loss, epsilon) if epsilon else batch.features

    def _update(self, loss: torch.Tensor) -> None:
        self.optimiser.zero_grad(set_to_none=True)
        # The processes' gradients are averaged, and each has its share of the sum.
        (loss * distributed.world()).backward()
        torch.nn.utils.clip_grad_norm_(self.parameters, self.args.grad_clip)
        self.optimiser.step()
        self.scheduler.step()
        self.averaged.update_parameters(self.model)

    def _refuse_infinite(self, sums: torch.Tensor) -> None:
        if not sums.isfinite().all():
            raise UserError(f"{self.directory}: the loss is not finite in epoch {self.epoch}; lower optim_args.lr")

    def _figures(self, sums: dict[str, float]) -> dict:
        """Of an epoch's sums the loss terms, means over the batches, and the accuracy of the augmentation task."""
        correct, typed = sums.pop("correct"), sums.pop("typed")
        means = {name: round(value / self.data.num_batches(), 6) for name, value in sums.items()}
        return means | {"aug_accuracy": round(correct / max(1, typed), 4)}

    def _look_at_dev(self) -> dict:
        if not self.dev:  # it is trained on
            return {"dev_uar": None, "dev_loss": None}
        classes = self.experiment.classes
        posteriors = predict(self.averaged.module, self.store, self.dev, classes)
        reference = np.array([classes.index(label) for label in self.dev.values()])
        matrix = np.stack([posteriors[utterance] for utterance in self.dev])
        # By counting, not by scikit-learn: importing it would take as long as a short epoch in every job.
        right = reference[matrix.argmax(1) == reference]
        hits, totals = (np.bincount(part, minlength=len(classes)) for part in (right, reference))
        loss = -np.log(np.maximum(matrix[np.arange(len(reference)), reference], 1e-12)).mean()
        return {"dev_uar": round(float(uar(hits, totals)), 6), "dev_loss": round(float(loss), 6)}

    def keep_if_best(self, line: dict) -> bool:
        """Save the model where it is better on dev, or always where the last epoch is to be tested."""
        if self.args.select != "last" and self._rank(line) <= self._rank(self.best):
            return False
        self.best = {name: line[name] for name in self.best}
        if distributed.rank() == 0:
            checkpoints.save(self.directory / "best.pt", self.averaged.module.state_dict())
        return True

    def _rank(self, line: dict) -> tuple[float, float]:
        uar, loss = line["dev_uar"], -line["dev_loss"]
        return (uar, loss) if self.args.select == "uar" else (loss, uar)

    def state(self) -> dict:
        """All that a resumed run needs."""
        return {
            "epoch": self.epoch,
            "best": self.best,
            "model": self.model.state_dict(),
            "averaged": self.averaged.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "scheduler": {"last_epoch": self.scheduler.last_epoch},
        }

    def restore(self) -> None:
        """Continue from ``last.pt`` where there is one, and the best model so far."""
        path = self.directory / "last.pt"
        if not path.exists() or not (self.directory / "best.pt").exists():
            return
        state = checkpoints.load(path)
        self.epoch, self.best = state["epoch"], state["best"]
        self.model.load_state_dict(state["model"])
        self.averaged.load_state_dict(state["averaged"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.scheduler.last_epoch = state["scheduler"]["last_epoch"]
        log.info("%s: going on after epoch %d", self.directory, self.epoch)

    def provenance(self) -> dict:
        """What this training was made by; other folds and seeds of the experiment may be others' work."""
        bf16 = self.args.bf16 and has_bf16
        return {"versions": provenance.versions(), "git_commit": provenance.git_commit(), "bf16": bf16}

    def finished(self) -> bool:
        return self.epoch >= self.args.epochs or self.epoch - self.best["epoch"] >= self.args.patience


def train(experiment: Experiment, fold: str, seed: int, tensorboard: bool = False) -> None:
    """Train one fold and seed; a finished run returns at once, a killed one goes on after its last whole epoch.

    Writes ``log.jsonl`` (one line an epoch), ``best.pt`` (the epoch of ``optim_args.select``), ``last.pt``
    (full state) and at the end ``done.json``. Several processes of torchrun share the work, and the first
    writes. SIGTERM ends the process with code `REQUEUE`. With ``tensorboard`` the lines of the log go to event
    files too, see `mtlaug.training.board`.
    """
    directory = experiment.run_dir(fold, seed)
    signal.signal(signal.SIGTERM, _requeue)
    with distributed.started(), locked(directory) if distributed.rank() == 0 else contextlib.nullcontext():
        if experiment.is_trained(fold, seed):
            log.info("%s: is trained already", directory)
            if tensorboard and distributed.rank() == 0:
                board.start(directory, _log_until(directory / "log.jsonl", math.inf))
            return
        torch.set_flush_denormal(True)
        trainer = Trainer(experiment, fold, seed)
        trainer.restore()
        lines = _log_until(directory / "log.jsonl", trainer.epoch)
        show = board.start(directory, lines) if tensorboard and distributed.rank() == 0 else None
        quiet = distributed.rank() > 0 or not sys.stderr.isatty()
        bar = tqdm(total=trainer.args.epochs, initial=trainer.epoch, disable=quiet, unit="epoch")
        while not trainer.finished():
            started = time.monotonic()
            line = trainer.train_epoch()
            line |= {"best": trainer.keep_if_best(line), "seconds": round(time.monotonic() - started, 3)}
            lines.append(json.dumps(line))
            if distributed.rank() == 0:
                _write_lines(directory / "log.jsonl", lines)
                checkpoints.save(directory / "last.pt", trainer.state())
                if show:
                    show(lines[-1])
                log.info("fold %s seed %d %s", fold, seed, " ".join(f"{k}={v}" for k, v in line.items()))
            bar.update()
            bar.set_postfix(dev_uar=line["dev_uar"])
        bar.close()
        if distributed.rank() == 0:
            write_json(directory / "done.json", trainer.best | {"epochs": trainer.epoch} | trainer.provenance())


def _requeue(signal_number: int, frame: object) -> None:
    log.warning("stopped by signal %d; run again to go on after the last whole epoch", signal_number)
    sys.exit(REQUEUE)


def _log_until(path: Path, epoch: float) -> list[str]:
    """Lines of an earlier run up to the epoch that its checkpoint holds."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return [line for line in lines if json.loads(line)["epoch"] <= epoch]


def _write_lines(path: Path, lines: list[str]) -> None:
    with atomic_path(path) as temporary:
        temporary.write_text("\n".join(lines) + "\n", encoding="utf-8")
