"""The command line: `lstm-parity`, or `python -m lstm_ref`, with a command that `--help` lists."""

import argparse
import io
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from lstm_ref.parity.runner import command as parity
from lstm_ref.usage import UsageError, counts, shard

#: Where the work of each command is done: a module, imported when the command is given, and a function.
COMMANDS = {
    "run": "lstm_ref.parity.runner.command:run", "judge": "lstm_ref.parity.runner.command:judge",
    "report": "lstm_ref.parity.runner.command:report", "open": "lstm_ref.parity.runner.command:open_page",
    "compare": "lstm_ref.parity.runner.compare:compare",
    "versions": "lstm_ref.parity.runner.versions:versions", "train": "lstm_ref.tools.train.show:train",
    "reproduce": "lstm_ref.tools.reproduce.runs:reproduce", "chapters": "lstm_ref.tools.chapters:chapters",
    "diagnose-curve": "lstm_ref.tools.curves.show:diagnose_curve", "curves": "lstm_ref.tools.curves.compute:curves",
    "bench": "lstm_ref.tools.bench.command:bench", "bench-page": "lstm_ref.tools.bench.page:bench_page",
    "cache": "lstm_ref.tools.cache:cache", "exercise": "lstm_ref.tools.exercises.command:exercise",
}

#: Commands that pass what they don't know on to pytest.
PASSED_ON = ("run", "judge")


def parser(judge_only: bool = False) -> argparse.ArgumentParser:
    """The arguments of all commands, or of the judge's."""
    top = argparse.ArgumentParser(prog="python -m lstm_ref.parity" if judge_only else "lstm-parity",
                                  description="The book's LSTM, judged and trained in any framework.")
    commands = top.add_subparsers(dest="command", required=True)
    parity.add(commands)
    if not judge_only:
        add_tools(commands)
    return top


def main(arguments: list[str] | None = None, judge_only: bool = False) -> int:
    """Run the command line; returns the exit status: 2 for what is refused."""
    if isinstance(sys.stdout, io.TextIOWrapper):  # an ASCII terminal shows a Chinese name in escapes
        sys.stdout.reconfigure(errors="backslashreplace")
    top = parser(judge_only)
    found, rest = top.parse_known_args(arguments)
    options, rest = vars(found), [argument for argument in rest if argument != "--"]
    command = options.pop("command")
    if command in PASSED_ON:
        options["rest"] = rest
    elif rest:
        top.error(f"unknown arguments: {' '.join(rest)}")
    module, _, name = COMMANDS[command].partition(":")
    try:
        work: Callable[..., int] = getattr(import_module(module), name)
        return work(**options)
    except UsageError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


def add_tools(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """The commands beside the judge's; the defaults are the book's."""
    from lstm_ref.tools.train.settings import Settings

    book = Settings()

    train = commands.add_parser("train", help="train a model on The Time Machine, with the book's settings")
    train.add_argument("--backend", default=book.backend, help="its name (default: %(default)s)")
    train.add_argument("--model", default=book.model, help="scratch, concise or fused (default: %(default)s)")
    train.add_argument("--cell", default=book.cell, help="lstm, rnn or gru (default: %(default)s)")
    train.add_argument("--epochs", type=int, default=book.epochs, help="(default: %(default)s)")
    train.add_argument("--seed", type=int, default=book.seed,
                       help="of weights, of offsets and of what is drawn (default: %(default)s)")
    train.add_argument("--data", help="timemachine, embedded, or a text file (default: the first that is available)")
    train.add_argument("--use-random-iter", action="store_true", help="random sampling, not sequential partition")
    train.add_argument("--lr", type=float, default=book.lr, help="learning rate (default: %(default)s)")
    train.add_argument("--num-hiddens", type=int, default=book.num_hiddens, help="(default: %(default)s)")
    train.add_argument("--batch-size", type=int, default=book.batch_size, help="(default: %(default)s)")
    train.add_argument("--num-steps", type=int, default=book.num_steps, help="(default: %(default)s)")
    train.add_argument("--max-tokens", type=int, default=book.max_tokens, help="-1 for all (default: %(default)s)")
    train.add_argument("--tokens", default=book.tokens, help="char or word (default: %(default)s)")
    train.add_argument("--min-freq", type=int, default=book.min_freq,
                       help="tokens that the text has less often are <unk> (default: %(default)s)")
    train.add_argument("--valid", type=float, default=book.valid, metavar="SHARE",
                       help="of the corpus, its end, held out, as 0.1; its perplexity stands next to the training one")
    train.add_argument("--embedding", type=int, metavar="D",
                       help="a learned embedding of this size in front of the LSTM (default: one-hot)")
    drawn = train.add_mutually_exclusive_group()
    drawn.add_argument("--alpha", type=float, help="draw what is written at the end, with the probabilities raised to "
                                                   "this (default: take the most likely)")
    drawn.add_argument("--temperature", type=float, help="1 / alpha")
    train.add_argument("--device", default=book.device, choices=("cpu", "gpu"), help="(default: %(default)s)")
    train.add_argument("--workers", type=int, default=book.workers, metavar="N",
                       help="share the rows of each minibatch among N, by the framework's own engine")
    train.add_argument("--rendezvous", metavar="HOST:PORT", help="where workers on several machines meet; start one on "
                                                                 "each, with --rank")
    train.add_argument("--rank", type=int, help="of this worker, from 0; the first one writes")
    train.add_argument("--out", type=Path, help="folder (default: build/train/<backend>-<model>-<cell>-<seed>)")
    again = train.add_mutually_exclusive_group()
    again.add_argument("--resume", action="store_true", help="go on from the folder's checkpoint")
    again.add_argument("--restart", action="store_true", help="throw the folder's run away")

    reproduce = commands.add_parser("reproduce", help="the book's 500 epochs in every backend, over several seeds")
    reproduce.add_argument("--python", action="append", metavar="BACKEND=PATH", required=True,
                           help="a backend and the Python of its environment; once for each")
    reproduce.add_argument("--epochs", type=int, default=book.epochs, help="(default: %(default)s)")
    reproduce.add_argument("--cell", choices=("lstm", "gru"), default="lstm", help="(default: %(default)s)")
    reproduce.add_argument("--seeds", type=int, default=3, help="how many (default: %(default)s)")
    reproduce.add_argument("--shard", type=shard, metavar="K/N",
                           help="only the K-th of N parts of the runs; a call without it writes the page of all")
    reproduce.add_argument("--jobs", type=int, help="runs at a time (default: one for each core)")
    reproduce.add_argument("--build", type=Path, default=Path("build/reproduce"), help="folder of the runs")
    reproduce.add_argument("--docs", type=Path, default=Path("docs"), help="folder of the page and its picture")

    chapters = commands.add_parser("chapters", help="run the code cells of the book's chapters on our namespace")
    chapters.add_argument("paths", nargs="+", type=Path, help="Markdown files, or folders of zh-lstm.md and the like")
    chapters.add_argument("--backend", required=True, help="torch, tensorflow, mxnet or paddle")
    chapters.add_argument("--epochs", type=int, default=1, help="what num_epochs is set to (default: %(default)s)")
    chapters.add_argument("--time-limit", type=float, default=1800, help="seconds for a cell (default: %(default)s)")

    curve = commands.add_parser("diagnose-curve", help="say of a perplexity curve: healthy, or which mistake fits")
    curve.add_argument("file", type=Path, help="a log.json of train, a .csv (epoch, and a column a curve), a chapter's "
                                               ".md with its output cells, or an .svg by matplotlib")
    curve.add_argument("--out", type=Path, default=Path("build/curves"), help="of the picture (default: %(default)s)")

    bench = commands.add_parser("bench", help="what each implementation of a backend costs, beside the floor")
    bench.add_argument("--backend", required=True, help="its name")
    bench.add_argument("--device", default="auto", choices=("auto", "cpu", "gpu"),
                       help="auto is a GPU where the framework sees one (default: %(default)s)")
    bench.add_argument("--threads", type=int, help="of all libraries (default: one for each core)")
    bench.add_argument("--blocks", type=int, default=20, help="of each thing that is timed (default: %(default)s)")
    instead = bench.add_mutually_exclusive_group()
    instead.add_argument("--curves", action="store_true", help="the cost over each of the four sizes instead")
    instead.add_argument("--workers", type=counts, default=(), metavar="N,...",
                         help="a step on so many workers instead, beside one device's")
    bench.add_argument("--num-steps", type=int, default=book.num_steps, help="(default: %(default)s)")
    bench.add_argument("--batch-size", type=int, default=book.batch_size, help="(default: %(default)s)")
    bench.add_argument("--vocab-size", type=int, default=28, help="(default: %(default)s)")
    bench.add_argument("--num-hiddens", type=int, default=book.num_hiddens, help="(default: %(default)s)")
    bench.add_argument("--out", type=Path, default=Path("build/bench"), help="folder (default: %(default)s)")
    bench.add_argument("--build", type=Path, default=Path("build/parity"), help="folder of the truths")

    page = commands.add_parser("bench-page", help="put what bench left into its pages")
    page.add_argument("--build", type=Path, default=Path("build/bench"), help="folder (default: %(default)s)")
    page.add_argument("--docs", type=Path, default=Path("docs"), help="folder of the pages")

    cache = commands.add_parser("cache", help="the truths and the compiled code that all checkouts share")
    cache.add_argument("--clear", action="store_true", help="remove them")

    exercise = commands.add_parser("exercise", help="answer an exercise of the chapters by measurement")
    exercise.add_argument("names", nargs="*", metavar="NAME", help="of exercises, or all")
    exercise.add_argument("--list", dest="listed", action="store_true", help="which there are, and what they ask")
    exercise.add_argument("--seeds", type=int, default=3, help="runs of each case (default: %(default)s)")
    exercise.add_argument("--small", action="store_true", help="at toy size, in seconds")
    exercise.add_argument("--draw", action="store_true", help="measure nothing: draw again from the numbers that are "
                                                              "there")
    place = exercise.add_mutually_exclusive_group()
    place.add_argument("--out", type=Path, default=Path("build/exercises"), help="folder (default: %(default)s)")
    place.add_argument("--docs", type=Path, help="folder of exercises.md: fill its tables, and write next to it")

    runs = commands.add_parser("curves", help="compute the runs that curves are compared with (hours; it goes on)")
    runs.add_argument("--jobs", type=int, help="runs at a time (default: one for each core)")
    runs.add_argument("--only", action="append", default=[], metavar="NAME", help="of a mistake, or healthy")
    runs.add_argument("--shard", type=shard, metavar="K/N", help="only the K-th of N parts of the runs")
    runs.add_argument("--merge", dest="others", action="append", default=[], type=Path, metavar="FILE",
                      help="store the runs of another machine's runs.json first")
    runs.add_argument("--picture", type=Path, help="store the layers' healthy runs from docs/reproduction.svg")


if __name__ == "__main__":
    sys.exit(main())
