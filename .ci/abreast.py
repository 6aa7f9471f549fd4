"""A session of each backend: several of a kind, asked of nox together, are done side by side and shown in turn."""

import shlex
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import aside
import environments
import nox
from environments import BACKENDS, Wanted

#: For what shares the cores with other processes.
ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
#: One environment is made after the other: they share the network and the tree.
installing = threading.Lock()
_queues: dict[str, aside.Aside] = {}


def environment(session: nox.Session, backend: str, say: aside.Say | None = None, **more: Any) -> str:
    """The Python of a backend's environment, which all sessions share; made and filled when it has to be.

    Raises:
        LookupError: it can't be had; says why in words for the report.
    """
    offline = session._runner.global_config.no_install  # nox -R
    return environments.make(Wanted(backend, **more), say or session.log, keep=offline)


def environment_or_error(session: nox.Session, backend: str) -> str:
    """As `environment`, for a session that can do nothing without it."""
    try:
        return environment(session, backend)
    except LookupError as error:
        session.error(str(error))


def abreast(session: nox.Session, work: Callable[[str, aside.Say, Any], Any], jobs: int,
            last: Mapping[str, float] | None = None) -> Any:
    """Do a backend's work beside that of the backends whose sessions of this kind are still to come.

    Args:
        session: of this backend.
        work: called with a backend, how to speak and where its programs write.
        jobs: how many at a time.
        last: the seconds they took last time, for a word on how long it will take.
    """
    kind, backend = session.name.removesuffix(")").split("(")
    if kind not in _queues:  # all that were asked for; those before this one have ended
        waiting = {runner.friendly_name for runner, waits in session._runner.manifest.list_all_sessions() if waits}
        names = [backend, *(each for each in BACKENDS if f"{kind}({each})" in waiting)]
        jobs = min(jobs, len(names))
        if last is not None and (words := aside.outlook(names, jobs, last, environments.SECONDS)):
            size = sum(environments.SIZES[each] for each in names if not environments.python_of(
                Wanted(each).folder).exists())
            session.log(words + f"; {size:,} MB to install before" * bool(size))
        _queues[kind] = aside.Aside(jobs, {each: partial(work, each) for each in names},
                                    environments.SECONDS | dict(last or {}))
    queue = _queues[kind]
    if len(queue.tasks) > 1:
        left = f", about {queue.left():.0f} min left" * (last is not None and queue.left() >= 0.5)
        session.log(f"{backend}: {[*queue.tasks].index(backend) + 1} of {len(queue.tasks)}{left}")
    return queue.result(backend, session.log)


def shared_out() -> Sequence[str]:
    """Have pytest use all cores that this thread is held to, with a process on each."""
    cores = len(aside.shares(sys.maxsize))
    return (f"--numprocesses={cores}", "--dist=worksteal") if cores > 1 else ()


def runs(session: nox.Session, commands: Callable[[str], Sequence[Sequence[str]]]) -> None:
    """Run a backend's Python beside that of other backends, on one command after the other, until one fails."""

    def work(backend: str, say: aside.Say, output: Any) -> str:
        try:
            with installing:
                python = environment(session, backend, say)
        except LookupError as error:
            return str(error)
        for words in commands(backend):
            say(shlex.join(["python", *words]))
            if not aside.run([python, *words], ONE_THREAD, output):
                return f"{backend}: failed; see above"
        return ""

    if failed := abreast(session, work, aside.default_jobs(len(BACKENDS))):
        session.error(failed)
