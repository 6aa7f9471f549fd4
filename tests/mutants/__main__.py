"""Mutation testing: the checks of every backend against its own code, changed in one place at a time.

    python tests/mutants --backend torch=PATH/TO/ITS/PYTHON --backend jax=... [--sample 40]

Our own small tool: the known ones (mutmut, cosmic-ray) start pytest anew for each mutant, although importing TensorFlow
or JAX alone takes ten seconds, and use one environment, although each backend has its own. Here a worker in the
backend's environment imports the framework once and judges one mutant after the other (worker.py).
"""

import argparse
import os
import random
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from explained import read
from mutate import mutants_of
from session import Backend, NotGreenError, run
from summary import tell
from targets import ROOT, files_of

from lstm_ref.terminal import console, progress
from lstm_ref.usage import shard


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python tests/mutants", description=__doc__.partition("\n")[0])
    parser.add_argument("--backend", action="append", required=True, metavar="NAME=PYTHON",
                        help="a backend and the Python of its environment; may be repeated")
    parser.add_argument("--sample", type=int, metavar="N", help="judge N mutants of each backend, drawn with the seed")
    parser.add_argument("--seed", type=int, default=0, help="of the sample (default: 0)")
    parser.add_argument("--shard", type=shard, metavar="K/N", help="judge the K-th of N parts of all these")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="worker processes (default: one per core)")
    parser.add_argument("--build", type=Path, default=Path("build/mutants"), help="folder of the results")
    return parser.parse_args()


def main() -> int:
    """Exit status: 0 all killed or explained, 1 not all, 2 the checks fail without mutation, 130 interrupted."""
    asked = arguments()
    entries, everything, backends = read(), [], []
    for name, _, python in (text.partition("=") for text in asked.backend):
        mutants = mutants_of(ROOT, files_of(name))
        everything += mutants
        if asked.sample is not None:
            chosen = random.Random(f"{asked.seed} {name}").sample(mutants, min(asked.sample, len(mutants)))
            mutants = [mutant for mutant in mutants if mutant in chosen]
        mutants = mutants[asked.shard] if asked.shard else mutants
        backends.append(Backend(name, python or sys.executable, mutants, asked.build))
    status = 0
    with progress() as bar:
        tasks = {b.name: bar.add_task(b.name, total=len(b.mutants), completed=len(b.mutants) - len(b.left))
                 for b in backends}
        try:
            run(backends, asked.jobs, lambda backend: bar.advance(tasks[backend.name]))
        except KeyboardInterrupt:
            status = 130
        except NotGreenError as error:
            print(error, file=sys.stderr)
            status = 2
    good = tell(backends, entries, everything, console())
    return status or (0 if good else 1)


if __name__ == "__main__":
    sys.exit(main())
