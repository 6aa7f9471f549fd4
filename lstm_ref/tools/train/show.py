"""A training run on the terminal: progress, perplexity and tokens per second, and what the model writes."""

import json
import math
import sys
from dataclasses import asdict
from pathlib import Path

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from lstm_ref.parity import registry
from lstm_ref.terminal import console
from lstm_ref.tools.train.run import Run
from lstm_ref.tools.train.settings import Settings
from lstm_ref.usage import refusals


def train(
    out: Path | None, resume: bool, restart: bool, temperature: float | None, rendezvous: str | None,
    rank: int | None, **options: object
) -> int:
    """`lstm-parity train`."""
    with refusals():
        if temperature is not None:
            if not (math.isfinite(temperature) and temperature > 0):
                raise ValueError(f"temperature: expected a finite number above 0, got {temperature}")
            options["alpha"] = 1 / temperature
        s = Settings(**options)  # type: ignore[arg-type]  # argparse has converted them
        place = placed(s, rendezvous, rank)
        run = Run(s, out or Path("build/train") / folder(s), resume, restart)
    return show(run) if s.workers == 1 else on_workers(run, resume, restart, place)


def placed(s: Settings, rendezvous: str | None, rank: int | None) -> str:
    """Where one worker of several machines meets the others: 'RANK@HOST:PORT'; '' where all are on this one.

    Raises:
        ValueError: there can't be such a worker.
    """
    if (rank is None) != (rendezvous is None):
        raise ValueError("rendezvous and rank: expected both, --rendezvous HOST:PORT and --rank of this worker, or "
                         "neither")
    if rank is None:
        return ""
    if not 0 <= rank < s.workers:
        raise ValueError(f"rank: expected a number from 0 to {s.workers - 1}, got {rank}")
    engine = registry.load(s.backend, s.device).engine()
    if not hasattr(engine, "elsewhere"):
        raise ValueError(f"rendezvous: expected none, since {engine.ENGINE} starts all workers of {s.backend} on this "
                         f"machine, got {rendezvous}")
    return f"{rank}@{rendezvous}"


def on_workers(run: Run, resume: bool, restart: bool, place: str = "") -> int:
    """Train on several workers, none of which is left when this ends; the exit status."""
    arguments = [json.dumps(asdict(run.settings)), str(run.out), json.dumps([resume, restart])]
    try:
        run.adapter.start_workers(run.settings.workers, "lstm_ref.tools.train.show:worker", arguments, None, place)
    except RuntimeError as error:
        again = "--resume continues from the checkpoint" if run.checkpoint.exists() else "start again"
        print(f"error: {error}; all workers were ended; {again}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"\ninterrupted; {run.checkpoint} has an earlier epoch, --resume continues from it", file=sys.stderr)
        return 130
    return 0


def worker(adapter: object, size: int, rank: int, settings: str, out: str, how: str) -> None:
    """One of several: the first one shows and writes what all do."""
    resume, restart = json.loads(how)
    # By now the first one may have begun to write.
    run = Run(Settings(**json.loads(settings)), Path(out), resume, restart or (rank > 0 and not resume), rank)
    status = show(run) if rank == 0 else _quietly(run)
    if status:
        sys.exit(status)


def _quietly(run: Run) -> int:
    try:
        run.train()
    except FloatingPointError as error:  # in all of them; whose end is seen first is chance
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def folder(s: Settings) -> str:
    """The name of a run's folder."""
    other = ["words"] * (s.tokens == "word") + [f"embedding{s.embedding}"] * (s.embedding is not None)
    return "-".join([s.backend.replace(":", "."), s.model, s.cell, *other, str(s.seed)])


def show(run: Run) -> int:
    """Train with a progress bar, or a line every tenth of the way where there is no terminal; the exit status."""
    out, s = console(), run.settings
    start = len(run.history)
    if start:
        out.print(f"resuming after epoch {start} of {s.epochs}")
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
               TextColumn("{task.fields[state]}"))
    with Progress(*columns, console=out, disable=not sys.stdout.isatty()) as bar:
        task = bar.add_task(f"{s.backend} {s.model} {s.cell}", total=s.epochs, completed=start, state="")

        def after_epoch(epoch: int, perplexity: float, speed: float, valid: float | None) -> None:
            held_out = f" (held out {valid or math.inf:.2f})" if s.valid else ""
            state = f"perplexity {perplexity:.2f}{held_out}, {speed:,.0f} tokens/s"
            bar.update(task, completed=epoch, state=state)
            if bar.disable and epoch % max(s.epochs // 10, 1) == 0:
                print(f"epoch {epoch}: {state}", flush=True)

        try:
            log = run.train(after_epoch)
        except FloatingPointError as error:
            bar.stop()
            print(f"error: {error}", file=sys.stderr)
            return 1
        except OSError as error:
            bar.stop()
            print(f"error: {error}; make room, then "
                  f"{'--resume continues from the checkpoint' if run.checkpoint.exists() else 'start again'}",
                  file=sys.stderr)
            return 1
        except KeyboardInterrupt:
            bar.stop()
            print(f"\ninterrupted; {run.checkpoint} has an earlier epoch, --resume continues from it",
                  file=sys.stderr)
            return 130
    last = log["epochs"][-1]
    perplexity = float("inf") if last["perplexity"] is None else last["perplexity"]
    held_out = f" (held out {last['valid_perplexity'] or math.inf:.1f})" if s.valid else ""
    out.print(f"perplexity {perplexity:.1f}{held_out}, {last['tokens_per_second']:,.1f} tokens/s on {s.device}")
    for sample in log["samples"].values():
        out.print(sample, markup=False)
    out.print(f"log.json, checkpoint.npz, curve.png and curve.svg are in {run.out}", markup=False)
    return 0
