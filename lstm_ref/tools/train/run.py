"""One training run of a backend's model on the book's data, by default with the book's settings."""

import hashlib
import json
import math
import random
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from lstm_ref import Animator, SeqDataLoader
from lstm_ref.files import check_writable, irregular, whole, write_json
from lstm_ref.loop import PREFIXES
from lstm_ref.parallel import shards, train_workers_epoch
from lstm_ref.parity import registry
from lstm_ref.parity.fingerprint import fingerprint
from lstm_ref.tools.train.checkpoint import check_fits, load, save
from lstm_ref.tools.train.reading import Reader
from lstm_ref.tools.train.settings import Settings
from lstm_ref.usage import UsageError, check_installed
from lstm_ref.validate import check_alpha, check_prefix, check_sizes

SAVE_SECONDS = 1.0
#: Settings that the corpus depends on: a checkpoint with others is refused by their names, not by a weight's shape.
TEXT = ("tokens", "min_freq", "valid")
#: Settings that may change when a run is resumed.
FREE = ("epochs", "alpha", "workers")
WRITTEN = ("checkpoint.npz", "log.json", "curve.png", "curve.svg")


class Run:
    """A run that has passed all checks and may begin.

    Args:
        settings: what to do.
        out: folder of the checkpoint, the log and the curve.
        resume: resume from the existing checkpoint.
        restart: discard the existing run.
        worker: the number of the one whose process this is, where there are several: the first one writes.

    Raises:
        ValueError: a setting, the data or the checkpoint is not usable; says why.
        ImportError: the backend is unknown, or its framework or matplotlib is missing.
        RuntimeError: the device is unavailable.
        OSError: the folder can't be written to.
    """

    def __init__(self, settings: Settings, out: Path, resume: bool = False, restart: bool = False,
                 worker: int | None = None):
        s = self.settings = settings
        check_sizes(epochs=s.epochs, num_hiddens=s.num_hiddens, batch_size=s.batch_size, num_steps=s.num_steps)
        if not (math.isfinite(s.lr) and s.lr > 0):
            raise ValueError(f"lr: expected a finite number above 0, got {s.lr}")
        if s.cell not in ("lstm", "rnn", "gru"):
            raise ValueError(f"cell: expected 'lstm', 'rnn' or 'gru', got {s.cell!r}")
        if s.alpha is not None:
            check_alpha(s.alpha)
        if not 0 <= s.valid < 1:
            raise ValueError(f"valid: expected a share of at least 0 and below 1, got {s.valid}")
        adapter = self.adapter = registry.load(s.backend, s.device)
        if s.model not in adapter.implementations:
            raise ValueError(f"model: the backend {s.backend} has {', '.join(adapter.implementations)}, "
                             f"got {s.model!r}")
        self.implementation = adapter.implementations[s.model] if s.embedding is None else _embedded(adapter, s)
        if s.workers != 1:
            check_workers(adapter, s)
        self.data = SeqDataLoader(s.batch_size, s.num_steps, s.use_random_iter, s.max_tokens, s.data, adapter.tensor,
                                  s.tokens, s.min_freq, s.valid)
        self.vocab = self.data.vocab
        if s.valid and len(self.data.held_out) <= s.num_steps:
            raise ValueError(f"valid: expected a share of at least {s.num_steps + 1} tokens, got {s.valid}, which is "
                             f"{len(self.data.held_out)} of {len(self.data.corpus) + len(self.data.held_out)}")
        #: what is read before the two samples: characters, or words, of which a text may lack some
        self.prefixes: dict[str, Any] = {prefix: prefix for prefix in PREFIXES}
        if s.tokens == "word":
            self.prefixes = {prefix: self.vocab.to_tokens(self.vocab[prefix.split()]) for prefix in PREFIXES}
        for prefix in self.prefixes.values():
            check_prefix(prefix, self.vocab.token_to_idx)
        between = "" if s.tokens == "char" else " "
        text = between.join(self.vocab.to_tokens(self.data.corpus))
        #: what is trained on; a run resumes on the same alone, since other indices would mean other tokens
        self.corpus = {"sha256": hashlib.sha256(text.encode()).hexdigest(), "tokens": len(self.data.corpus),
                       "vocabulary": between.join(self.vocab.idx_to_token[1:])}
        check_installed("matplotlib.figure", "train", "curve.png and curve.svg")
        self.out, self.checkpoint = out, out / "checkpoint.npz"
        check_writable(out)
        for name in WRITTEN:
            if found := irregular(out / name):
                raise ValueError(f"{out / name}: expected a file or nothing, found {found}; --out names another folder")
        taken = [name for name in WRITTEN if (out / name).exists()]
        if taken and not (resume or restart):
            raise ValueError(f"{out}: there is already a run; --resume continues it, --restart starts over and "
                             f"replaces {', '.join(taken)}, --out names another folder")
        read_log(out)  # no other program's log is overwritten
        #: perplexity, held out too, and tokens per second of each epoch so far
        self.history: list[dict[str, Any]] = []
        self.own = _stamp(self.checkpoint) if resume else None  # of the checkpoint that it read or wrote last
        self.writes = not worker
        self.team = None if worker is None else adapter.engine().Worker(
            self.implementation, lambda: self._start(resume), s.lr, s.workers)
        self.net = self._start(resume) if self.team is None else self.team.net
        self.reader = Reader(adapter, self.implementation, self.net)
        self.fingerprint = fingerprint(adapter.version(), s.device, self.data.source)

    def _start(self, resume: bool) -> Any:
        s = self.settings
        net = self.implementation.start(s.cell, len(self.vocab), s.num_hiddens, s.seed)
        if resume:
            self._restore(net)
        return net

    def _restore(self, net: Any) -> None:
        weights, facts = load(self.checkpoint)
        s, then = asdict(self.settings), asdict(Settings()) | facts["settings"]  # of before there were all of them
        changed = {key: f"{key} was {then[key]!r} and is {s[key]!r}" for key in s if then[key] != s[key]
                   and key not in FREE}
        words = f"{self.checkpoint}: a run with other settings: {'; '.join(changed.values())}"
        if changed.keys() & set(TEXT):
            raise ValueError(words)
        if not changed and facts["corpus"] != self.corpus:
            raise ValueError(f"{self.checkpoint}: expected the corpus that the run began with, "
                             f"{_brief(facts['corpus'])}, got {_brief(self.corpus)} from {self.data.source!r}; bring "
                             "that text back, or --restart starts over with this one")
        check_fits(self.checkpoint, weights, self.implementation.weights(net))
        if changed:
            raise ValueError(words)
        if len(facts["history"]) > self.settings.epochs:
            raise ValueError(f"epochs: the run in {self.out} already has {len(facts['history'])}, got "
                             f"{self.settings.epochs}")
        self.implementation.set_weights(net, weights)
        self.history = facts["history"]

    def train(
        self, after_epoch: Callable[[int, float, float, float | None], None] = lambda *_: None
    ) -> dict[str, Any]:
        """Train to the end, saving a checkpoint after an epoch when the last one is more than a second old.

        Args:
            after_epoch: called with the epoch's number, its perplexity, tokens per second, and the perplexity on
                held-out text after it, or None without such text.

        Returns:
            The log, as written to log.json.

        Raises:
            FloatingPointError: a loss is not finite; names the epoch, the minibatch and the gradient norm.
            UsageError: another training writes into the folder.
            OSError: the folder can't be written to any more.
        """
        if not self.history:
            self._save()  # so that there is a checkpoint from the start
        saved = time.monotonic()
        s = self.settings
        for epoch in range(len(self.history) + 1, s.epochs + 1):
            # Each epoch has its own seed, so that a resumed run draws the same offsets.
            random.seed(s.seed * 1_000_003 + epoch)
            try:
                perplexity, speed = self._epoch()
            except FloatingPointError as error:
                raise FloatingPointError(f"epoch {epoch}, {error}; try a smaller --lr than {s.lr:g}") from None
            point = {"epoch": epoch, "perplexity": perplexity if math.isfinite(perplexity) else None}
            valid = None
            if self.data.held_out and self.writes:
                valid = self.reader.perplexity(self.data.held_out, s.num_steps, s.batch_size)
                point["valid_perplexity"] = valid
            self.history.append(point | {"tokens_per_second": round(speed, 1)})
            if time.monotonic() - saved > SAVE_SECONDS or epoch == s.epochs:
                self._save()
                saved = time.monotonic()
            after_epoch(epoch, perplexity, speed, valid)
        if not self.writes:
            return self._log()
        rng = np.random.default_rng(s.seed)
        samples = {prefix: str(self.implementation.predict(self.net, tokens, 50, self.vocab, s.alpha, rng))
                   for prefix, tokens in self.prefixes.items()}
        log = self._log() | {"finished": True, "samples": samples}
        write_json(self.out / "log.json", log)
        self._draw()
        return log

    def _epoch(self) -> tuple[float, float]:
        """Perplexity and tokens per second."""
        s = self.settings
        if self.team is None:
            return self.implementation.epoch(self.net, self.data, s.lr, s.use_random_iter)
        return train_workers_epoch(self.team, self.data, s.use_random_iter)

    def _save(self) -> None:
        if not self.writes:
            return
        if self.own and _stamp(self.checkpoint) not in (None, self.own):
            raise UsageError(f"{self.out}: expected the checkpoint that this run wrote last, got another training's; "
                             "this one stops: start it again with --out for a folder of its own")
        facts = {"settings": asdict(self.settings), "corpus": self.corpus, "history": self.history}
        save(self.checkpoint, self.implementation.weights(self.net), facts)
        self.own = _stamp(self.checkpoint)
        write_json(self.out / "log.json", self._log())

    def _log(self) -> dict[str, Any]:
        return {"schema": 1, "settings": asdict(self.settings), "fingerprint": self.fingerprint,
                "corpus": self.corpus, "vocab_size": len(self.vocab), "finished": False, "epochs": self.history}

    def _draw(self) -> None:
        s = self.settings
        name = f"{s.backend} {s.model} {s.cell}"
        animator = Animator(xlabel="epoch", ylabel="perplexity", xlim=[1, s.epochs],
                            legend=[f"{name}, training", f"{name}, held out"] if s.valid else [name])
        for point in self.history:
            animator.add(point["epoch"], [point[key] for key in ("perplexity", "valid_perplexity") if key in point])
        for name in WRITTEN[2:]:
            with whole(self.out / name) as part:
                animator.save(part)


def check_workers(adapter: Any, s: Settings) -> None:
    """A model can be trained by so many.

    Raises:
        ValueError: it can't.
        ImportError: its engine is not installed.
    """
    check_sizes(workers=s.workers)
    if not hasattr(adapter, "engine"):
        raise ValueError(f"workers: the backend {s.backend} trains on one alone, got {s.workers}")
    reason = adapter.implementations[s.model].not_judged.get("parallel")
    if reason or s.embedding is not None:
        raise ValueError(f"workers: expected 1 for {s.model if reason else 'an embedding'}"
                         f"{f', since {reason}' if reason else ''}, got {s.workers}")
    shards(s.batch_size, s.workers)
    adapter.engine()


def _embedded(adapter: Any, s: Settings) -> Any:
    """The implementation with a learned embedding in front.

    Raises:
        ValueError: the size is not a positive integer, or the backend, the model or the cell has no embedding.
    """
    check_sizes(embedding=s.embedding)
    makers = getattr(adapter, "embeddings", {})
    if s.model not in makers:
        have = f"the models {', '.join(makers)} alone" if makers else "no model; numpy and torch do"
        raise ValueError(f"embedding: the backend {s.backend} has a learned one for {have}, got {s.model!r}")
    if s.cell != "lstm":
        raise ValueError(f"embedding: expected the cell lstm, got {s.cell!r}")
    return makers[s.model](s.embedding)


def read_log(out: Path) -> dict[str, Any] | None:
    """The log in a run's folder, or None where there is none yet.

    Raises:
        ValueError: it is not one that `Run` wrote.
    """
    path = out / "log.json"
    try:
        log = json.loads(path.read_text(encoding="utf-8"))
        points = [(point["epoch"], point["perplexity"] and float(point["perplexity"])) for point in log["epochs"]]
        if log["schema"] != 1 or (log["finished"] and len(points) != log["settings"]["epochs"]):
            raise ValueError("another schema, or epochs are missing")
        _ = log["fingerprint"]["framework"], log["finished"] and [log["samples"][prefix] for prefix in PREFIXES]
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise ValueError(f"{path}: expected the log of a run, got another file ({type(error).__name__}: {error}); move "
                         "it away, or name another folder") from None
    return log


def _stamp(path: Path) -> tuple[int, int] | None:
    """What changes when a file is replaced, or None without one."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_mtime_ns


def _brief(corpus: dict[str, Any]) -> str:
    return (f"{corpus.get('tokens')} tokens (SHA-256 {corpus.get('sha256')!s:.8}…, vocabulary "
            f"{corpus.get('vocabulary')!r:.42})")
