"""The command line: `python -m lstm_ref`, with a command that `--help` lists."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import backends
from lstm_ref.runs.train import Run, Settings
from lstm_ref.validate import check_sizes


def parser() -> argparse.ArgumentParser:
    """The arguments of all commands."""
    top = argparse.ArgumentParser(prog="python -m lstm_ref", description="Train the book's LSTM in any framework.")
    commands = top.add_subparsers(dest="command", required=True)
    book = Settings()

    train = commands.add_parser("train", help="train a model on The Time Machine, with the book's settings")
    train.add_argument("--backend", default=book.backend, help=f"{', '.join(backends.names())} (default: %(default)s)")
    train.add_argument("--model", default=book.model, help="scratch, concise or fused (default: %(default)s)")
    train.add_argument("--cell", default=book.cell, help="lstm or rnn (default: %(default)s)")
    train.add_argument("--epochs", type=int, default=book.epochs, help="(default: %(default)s)")
    train.add_argument("--seed", type=int, default=book.seed, help="of weights and offsets (default: %(default)s)")
    train.add_argument("--data", help="timemachine, embedded, or a text file (default: the first that is to be had)")
    train.add_argument("--use-random-iter", action="store_true", help="random sampling, not sequential partition")
    train.add_argument("--lr", type=float, default=book.lr, help="learning rate (default: %(default)s)")
    train.add_argument("--num-hiddens", type=int, default=book.num_hiddens, help="(default: %(default)s)")
    train.add_argument("--batch-size", type=int, default=book.batch_size, help="(default: %(default)s)")
    train.add_argument("--num-steps", type=int, default=book.num_steps, help="(default: %(default)s)")
    train.add_argument("--max-tokens", type=int, default=book.max_tokens, help="-1 for all (default: %(default)s)")
    train.add_argument("--device", default=book.device, choices=("cpu", "gpu"), help="(default: %(default)s)")
    train.add_argument("--out", type=Path, help="folder (default: build/train/<backend>-<model>-<cell>-<seed>)")
    again = train.add_mutually_exclusive_group()
    again.add_argument("--resume", action="store_true", help="go on from the folder's checkpoint")
    again.add_argument("--restart", action="store_true", help="throw the folder's run away")

    reproduce = commands.add_parser("reproduce", help="the book's 500 epochs in every backend, over several seeds")
    reproduce.add_argument("--python", action="append", metavar="BACKEND=PATH", required=True,
                           help="a backend and the Python of its environment; once for each")
    reproduce.add_argument("--epochs", type=int, default=book.epochs, help="(default: %(default)s)")
    reproduce.add_argument("--seeds", type=int, default=3, help="how many (default: %(default)s)")
    reproduce.add_argument("--jobs", type=int, help="runs at a time (default: one for each core)")
    reproduce.add_argument("--build", type=Path, default=Path("build/reproduce"), help="folder of the runs")
    reproduce.add_argument("--docs", type=Path, default=Path("docs"), help="folder of reproduction.md and its picture")

    chapters = commands.add_parser("chapters", help="run the code cells of the book's chapters on our namespace")
    chapters.add_argument("paths", nargs="+", type=Path, help="Markdown files, or folders of zh-lstm.md and the like")
    chapters.add_argument("--backend", required=True, help="torch, tensorflow, mxnet or paddle")
    chapters.add_argument("--epochs", type=int, default=1, help="what num_epochs is set to (default: %(default)s)")

    curve = commands.add_parser("diagnose-curve", help="say of a perplexity curve: healthy, or which mistake fits")
    curve.add_argument("file", type=Path, help="a log.json of train, a .csv (epoch, and a column a curve), a chapter's "
                                               ".md with its output cells, or an .svg by matplotlib")
    curve.add_argument("--out", type=Path, default=Path("build/curves"), help="of the picture (default: %(default)s)")

    bench = commands.add_parser("bench", help="what each implementation of a backend costs, beside the floor")
    bench.add_argument("--backend", required=True, help=", ".join(backends.names()))
    bench.add_argument("--device", default="auto", choices=("auto", "cpu", "gpu"),
                       help="auto is a GPU where the framework sees one (default: %(default)s)")
    bench.add_argument("--threads", type=int, help="of all libraries (default: one for each core)")
    bench.add_argument("--blocks", type=int, default=20, help="of each thing that is timed (default: %(default)s)")
    bench.add_argument("--curves", action="store_true", help="the cost over each of the four sizes instead")
    bench.add_argument("--num-steps", type=int, default=book.num_steps, help="(default: %(default)s)")
    bench.add_argument("--batch-size", type=int, default=book.batch_size, help="(default: %(default)s)")
    bench.add_argument("--vocab-size", type=int, default=28, help="(default: %(default)s)")
    bench.add_argument("--num-hiddens", type=int, default=book.num_hiddens, help="(default: %(default)s)")
    bench.add_argument("--out", type=Path, default=Path("build/bench"), help="folder (default: %(default)s)")
    bench.add_argument("--build", type=Path, default=Path("build/parity"), help="folder of the truths")

    page = commands.add_parser("bench-page", help="put what bench left into docs/benchmarks.md")
    page.add_argument("--build", type=Path, default=Path("build/bench"), help="folder (default: %(default)s)")
    page.add_argument("--docs", type=Path, default=Path("docs"), help="folder of benchmarks.md and its pictures")

    runs = commands.add_parser("curves", help="compute the runs that curves are compared with (hours; it goes on)")
    runs.add_argument("--jobs", type=int, help="runs at a time (default: one for each core)")
    runs.add_argument("--only", action="append", default=[], metavar="NAME", help="of a mistake, or healthy")
    runs.add_argument("--picture", type=Path, help="store the layers' healthy runs from docs/reproduction.svg")
    return top


#: What is wrong with what was asked for; anything else is a fault of ours, and keeps its traceback.
REFUSALS = (ValueError, ImportError, RuntimeError, OSError)


def main() -> int:
    """Run the command line; returns the exit status: 2 for what was refused."""
    options = vars(parser().parse_args())
    try:
        work = COMMANDS[options.pop("command")](**options)
    except REFUSALS as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return work()


def train(out: Path | None, resume: bool, restart: bool, **options: object) -> Callable[[], int]:
    """`python -m lstm_ref train`, ready to begin."""
    from lstm_ref.runs.show import show

    s = Settings(**options)  # type: ignore[arg-type]  # argparse has made them what they should be
    run = Run(s, out or Path(f"build/train/{s.backend}-{s.model}-{s.cell}-{s.seed}"), resume, restart)
    return lambda: show(run)


def reproduce(**options: Any) -> Callable[[], int]:
    """`python -m lstm_ref reproduce`, ready to begin."""
    from lstm_ref.runs.reproduce import prepare

    return prepare(**options)


def chapters(paths: list[Path], backend: str, epochs: int) -> Callable[[], int]:
    """`python -m lstm_ref chapters`, ready to begin."""
    from lstm_ref.chapters import CHAPTERS, load

    check_sizes(epochs=epochs)
    files = [file for path in paths for file in ([path / name for name in CHAPTERS] if path.is_dir() else [path])]
    loaded = [load(file, backend) for file in files]

    def work() -> int:
        failed = False
        for chapter in loaded:
            outcomes = list(chapter.run(epochs))
            clean = sum(outcome.status == "runs" for outcome in outcomes)
            print(f"{backend}, {chapter.name}: {clean} cells run as they stand")
            for outcome in outcomes:
                if outcome.status != "runs":
                    print(f"  cell {outcome.cell.number}, line {outcome.cell.line}: {outcome.status}: {outcome.detail}")
                failed = failed or outcome.status == "fails"
        return 1 if failed else 0

    return work


def diagnose_curve(file: Path, out: Path) -> Callable[[], int]:
    """`python -m lstm_ref diagnose-curve`, ready to begin."""
    from lstm_ref.curves.show import prepare

    return prepare(file, out)


def curves(jobs: int | None, only: list[str], picture: Path | None) -> Callable[[], int]:
    """`python -m lstm_ref curves`, ready to begin."""
    from lstm_ref.curves.compute import prepare

    return prepare(jobs, only, picture)


def bench(**options: Any) -> Callable[[], int]:
    """`python -m lstm_ref bench`, ready to begin."""
    from lstm_ref.bench.command import prepare

    return prepare(**options)


def bench_page(**options: Any) -> Callable[[], int]:
    """`python -m lstm_ref bench-page`, ready to begin."""
    from lstm_ref.bench.page import prepare

    return prepare(**options)


COMMANDS: dict[str, Callable[..., Callable[[], int]]] = {
    "train": train, "reproduce": reproduce, "chapters": chapters, "diagnose-curve": diagnose_curve, "curves": curves,
    "bench": bench, "bench-page": bench_page,
}


if __name__ == "__main__":
    sys.exit(main())
