"""Several workers in processes of their own: what starts them, what each runs, and how their training is judged.

All that is judged on one number of workers is done by one start of them. The first worker alone is given the weights of
a case, so that its sending them to the others is judged as well.
"""

import hashlib
import importlib
import os
import pickle
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from backends import launch
from lstm_ref.files import whole
from lstm_ref.parallel import train_workers_epoch
from lstm_ref.parity.interface import Parallel, not_judged

SECONDS = 300  #: for all that is judged on one number of workers
STARTS = 3  #: of the workers, until what each job ended in is known

Job = tuple[str, str, str]  #: implementation, case and precision


def engine(backend: str) -> Any:
    """The engine of a backend.

    Raises:
        ImportError: it has none, or it is not installed.
    """
    return importlib.import_module(f"backends.{backend}.parallel")


class OnWorkers:
    """What an adapter adds to train on several workers, and to be judged so.

    Args:
        device: 'cpu' or 'gpu'.
    """

    implementations: dict[str, Any]

    def __init__(self, device: str):
        super().__init__(device)  # type: ignore[call-arg]  # of the framework, beside which this is a base
        self.backend, self.asked = type(self).__module__.split(".")[1], device
        self.place = ""  # where the judged workers meet, each in a process of its own; as `start_workers` takes it
        self._done: dict[int, dict[Job, Parallel | str]] = {}  # what was judged, by the number of workers

    def engine(self) -> Any:
        """Its engine, with `Worker` and what the others need to start it.

        Raises:
            ImportError: it has none, or what it needs is not installed.
        """
        return engine(self.backend)

    def without_engine(self) -> dict[str, str]:
        """What is not judged where it is missing, and why."""
        try:
            self.engine()
        except (ImportError, RuntimeError) as error:
            return {"parallel": f"no engine here: {str(error).splitlines()[0]}"}
        return {}

    def start_workers(
        self, workers: int, program: str, arguments: Sequence[str], seconds: float | None = None, place: str = ""
    ) -> None:
        """Run a program on so many workers and wait for its end.

        Args:
            workers: how many.
            program: 'package.module:function', which is called with an adapter, the number of workers, that of the one
                whose process it is, and the arguments.
            arguments: texts.
            seconds: that it may take; None is for ever.
            place: 'RANK@HOST:PORT' for one worker on this machine, which meets the others there; without its number
                all of them, each in a process of its own.

        Raises:
            WorkerError: one failed; says which, and what it said. None is left.
        """
        found = self.engine()
        with launch.folder() as folder:
            only, _, address = place.rpartition("@")
            if place:
                address = found.elsewhere(address)
            elif found.PROCESSES:
                address = found.meet(workers, folder)
            start = launch.python("backends.parallel", self.backend, self.asked, str(workers), address, folder)
            here = workers if found.PROCESSES or place else 1
            ranks = [int(only)] if only else list(range(here))
            if hasattr(found, "launcher"):  # which gives each its number
                commands = [[*found.launcher(workers), *start, "", program, *arguments]]
            else:
                commands = [[*start, str(rank), program, *arguments] for rank in ranks]
            # The workers share the cores.
            threads = max(1, (os.cpu_count() or 1) // len(ranks))
            said = launch.launch(commands, seconds, {"OMP_NUM_THREADS": str(threads)})
            # A launcher may end well where a worker did not.
            if missing := len(ranks) - len(list(Path(folder).glob("ended-*"))):
                raise launch.WorkerError(f"{missing} of {len(ranks)} workers did not come to their end{said}")

    def on_workers(self, implementation: Any, case: Any) -> Parallel:
        """What an implementation's training on a case gives.

        Raises:
            RuntimeError: a worker failed; says what it said.
        """
        label = next(name for name, each in self.implementations.items() if each is implementation)
        if case.workers not in self._done:
            self._done[case.workers] = self._results(case.workers, self._jobs(case))
        found = self._done[case.workers][label, case.name, str(case.dtype)]
        if isinstance(found, str):
            raise RuntimeError(found)
        return found

    def _jobs(self, case: Any) -> dict[Job, Any]:
        """The cases of all that is judged on so many workers."""
        return {(label, each.name, str(each.dtype)): each
                for label, found in self.implementations.items() for each in case.together()
                if each.cell in ("lstm", *found.cells) and "parallel" not in not_judged(found, each.cell)
                if str(each.dtype) not in found.dtypes}

    def _results(self, workers: int, jobs: dict[Job, Any]) -> dict[Job, Parallel | str]:
        """Do all jobs; of one that failed, what was said.

        A job that ends a worker ends that start of them; what it left is done by another, a few times.
        """
        done: dict[Job, Parallel | str] = {}
        parts = workers if self.engine().PROCESSES or self.place else 1
        for _ in range(STARTS):
            with launch.folder() as name:
                folder, failure = Path(name), ""
                left = [job for job in jobs if job not in done]
                (folder / "jobs").write_bytes(pickle.dumps([(job[0], jobs[job]) for job in left]))
                try:
                    self.start_workers(workers, "backends.parallel:judged", [name], SECONDS, self.place)
                except launch.WorkerError as error:
                    failure = str(error)
                for i, job in enumerate(left):
                    if (said := folder / f"{i}.txt").exists():
                        done[job] = said.read_text()
                    elif len(list(folder.glob(f"{i}-*.npz"))) == parts:
                        done[job] = _read(folder, i, parts)
                    else:
                        done[job] = failure
                        break
            if len(done) == len(jobs):
                break
        return done | {job: failure for job in jobs if job not in done}


def main(
    backend: str, device: str, workers: str, address: str, folder: str, rank: str, program: str, *arguments: str
) -> None:
    """One process of the workers: it joins the others and runs the program."""
    launch.end_with_the_others()
    found, size = engine(backend), int(workers)
    apart = found.PROCESSES or bool(address)
    if not found.PROCESSES:
        found.prepare(1 if apart else size)
    mine = found.join(rank and int(rank), size, address, device) if apart else 0
    adapter = importlib.import_module(f"backends.{backend}.adapter").Adapter(device)
    adapter.place = address
    module, _, function = program.partition(":")
    try:
        getattr(importlib.import_module(module), function)(adapter, size, mine, *arguments)
    except SystemExit:  # of all of them
        if apart:
            found.leave()
        raise
    (Path(folder) / f"ended-{mine}").touch()
    if apart:
        found.leave()


def judged(adapter: Any, size: int, mine: int, folder: str) -> None:
    """The program of the judged workers: all jobs, what this process saw of each in a file."""
    found = adapter.engine()
    for i, (label, case) in enumerate(pickle.loads((Path(folder) / "jobs").read_bytes())):
        try:
            seen = _train(found, adapter.implementations[label], case, size, mine)
        except Exception as error:
            if found.PROCESSES or adapter.place:
                raise
            (Path(folder) / f"{i}.txt").write_text(f"{type(error).__name__}: {error}")
            continue
        with whole(Path(folder) / f"{i}-{mine}.npz") as part:
            np.savez(part, **seen)


def _train(found: Any, implementation: Any, case: Any, size: int, rank: int) -> dict[str, Any]:
    """Train on a case: all that this process saw of it."""
    adapter = implementation.adapter
    params = case.params if rank == 0 else case.params._make(map(np.negative, case.params))
    team = found.Worker(implementation, lambda: implementation.fresh(params), case.lr, size)
    team.watched = True
    losses, seen, step = list[Any](), dict[str, Any](), team.step
    bits, norms = list[list[str]](), list[Any]()

    def watched(X: Any, Y: Any, state: Any) -> Any:
        loss, state = step(X, Y, state)
        norms.append(team.norm)
        params = [[np.array(array) for array in each] for each in team.params()]
        if not seen:
            seen.update(_named("reduced", team.reduced) | _named("first", params[0]))
        bits.append([_digest(each) for each in params])
        seen["states"] = team.states(state, len(X))
        return loss, state

    team.step = watched
    perplexities = [train_workers_epoch(team, [tuple(adapter.tensors(minibatch)) for minibatch in epoch],
                                    case.use_random_iter, losses)[0] for epoch in case.epochs]
    states = {f"state-{k}-{i}": array for k, each in enumerate(seen.pop("states")) for i, array in enumerate(each)}
    return {**seen, **states, **_named("last", team.params()[0]), "losses": np.stack(adapter.arrays(losses)),
            "norms": np.stack(norms), "perplexities": np.array(perplexities), "bits": np.array(bits)}


def _named(what: str, arrays: Sequence[Any]) -> dict[str, Any]:
    return {f"{what}-{i}": array for i, array in enumerate(arrays)}


def _digest(arrays: Sequence[Any]) -> str:
    """Of the bits of some arrays."""
    found = hashlib.blake2b(digest_size=16)
    for array in arrays:
        found.update(np.ascontiguousarray(array).tobytes())
    return found.hexdigest()


def _read(folder: Path, job: int, processes: int) -> Parallel:
    """What all processes saw of a job, put together."""
    parts = [dict(np.load(folder / f"{job}-{rank}.npz")) for rank in range(processes)]
    first = parts[0]

    def numbered(what: str, part: dict[str, Any] = first) -> list[Any]:
        return [part[f"{what}-{i}"] for i in range(sum(name.startswith(f"{what}-") for name in part))]

    kinds = len({name.rpartition("-")[2] for name in first if name.startswith("state-")})
    states = [np.concatenate([part[f"state-{k}-{i}"] for part in parts
                              for k in range(sum(name.startswith("state-") for name in part) // kinds)])
              for i in range(kinds)]
    bits = np.concatenate([part["bits"] for part in parts], axis=1)
    return Parallel(first["losses"], first["norms"], first["perplexities"], numbered("reduced"), numbered("first"),
                    numbered("last"), states, (bits != bits[:, :1]).sum(axis=1))


if __name__ == "__main__":
    main(*sys.argv[1:])
