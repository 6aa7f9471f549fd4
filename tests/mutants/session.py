"""A run over the mutants of some backends: what is left to do, which process does it, and what is saved."""

import json
import threading
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from mutate import Mutant
from process import FIRST_LIMIT, LIFE, LIMIT_FACTOR, LIMIT_SECONDS, Process
from targets import key

#: In the file, marks a result that is withdrawn.
VOID = "void"
#: So many mutants of a backend are judged without its unmutated source before them.
FEW = 5


class NotGreenError(RuntimeError):
    """The checks fail without any mutation, so nothing can be said about mutants."""


@dataclass
class Backend:
    """The mutants of one backend and their results by id; a result is None (survived) or what killed the mutant."""

    name: str
    python: str
    mutants: list[Mutant]
    build: Path
    results: dict[str, str | None] = field(default_factory=dict)
    green: dict[str, float] | None = None  #: seconds of each test on the unmutated source
    lock: Any = field(default_factory=threading.Lock)
    command: list[str] | None = None  #: of the worker, for tests

    def __post_init__(self) -> None:
        self.file = self.build / f"{self.name}.jsonl"
        mutants = {mutant.id: mutant for mutant in self.mutants}
        lines = self.file.read_text(encoding="utf-8").splitlines(keepends=True) if self.file.exists() else []
        if lines and not lines[-1].endswith("\n"):
            self.file.write_text("".join(lines[:-1]), encoding="utf-8")
        for line in lines:
            try:
                entry = json.loads(line)
            except json.JSONDecodeError:  # the last line of a run that was killed
                continue
            mutant = mutants.get(entry["id"])
            if entry["key"] != key(self.name, mutant.source if mutant else "", entry["by"]):
                continue
            if mutant and entry["by"] == VOID:
                self.results.pop(mutant.id, None)
            elif mutant:
                self.results[mutant.id] = entry["by"]
            elif entry["id"] == "green":
                self.green = entry["tests"]

    @cached_property
    def last(self) -> dict[str, float]:
        """Seconds of each test in the last run of `nox -s parity`, for an order: it may have been another source's."""
        try:
            cases = ElementTree.parse(self.build.parent / "parity" / f"{self.name}.xml").iter("testcase")
        except (OSError, ElementTree.ParseError):
            return {}
        return {nodeid(case.get("classname", ""), case.get("name", "")): float(case.get("time", 0)) for case in cases}

    @property
    def left(self) -> list[Mutant]:
        """The mutants without a result."""
        return [mutant for mutant in self.mutants if mutant.id not in self.results]

    def keep(self, name: str, source: str, by: str | None, **more: Any) -> None:
        """Append one line to the file of results, immediately."""
        entry = {"id": name, "key": key(self.name, source, by), "by": by, **more}
        self.file.parent.mkdir(parents=True, exist_ok=True)
        with self.lock, self.file.open("a", encoding="utf-8") as file:
            file.write(json.dumps(entry, ensure_ascii=False) + "\n")

    def start(self, process: Process) -> None:
        """Judge the unmutated source once, in the first process that needs it.

        It takes as long as a mutant that survives. For a `FEW` that is too much: whether the tests that killed them
        pass without a mutation is asked in `retire`, as always.

        Raises:
            NotGreenError: it fails.
        """
        with self.green_lock:
            if self.green is None:
                answer = process.ask({"file": None, "source": ""}, FIRST_LIMIT)
                if answer["by"] is not None:
                    raise NotGreenError(f"{self.name}: the checks fail without any mutation, in {answer['by']}; "
                                        f"fix that first (nox -s \"parity({self.name})\")")
                self.green = answer["tests"]
                self.keep("green", "", None, tests=self.green)

    green_lock: Any = field(default_factory=threading.Lock)

    def judge(self, mutant: Mutant, process: Process) -> None:
        """Ask for one mutant and keep the answer."""
        if len(self.mutants) > FEW:
            self.start(process)
        limit = LIMIT_FACTOR * sum(self.green.values()) + LIMIT_SECONDS if self.green else FIRST_LIMIT
        task = {"file": mutant.file, "source": mutant.source, "order": self.order(mutant)}
        answer = process.ask(task, limit)
        if answer["seconds"] is None and not process.closed:  # this mutant may not be the cause
            answer = process.ask(task, limit)
        if process.closed:  # it was ended by us
            return
        if answer["by"] and not is_test(answer["by"]) and not answer["by"].startswith("import: "):
            self.start(process)  # a crash, say, which no test can show to be the mutant's
        process.judged.append(mutant)
        self.results[mutant.id] = answer["by"]
        self.keep(mutant.id, mutant.source, answer["by"], seconds=answer["seconds"], change=mutant.change)

    def retire(self, process: Process) -> None:
        """End a process, after checking that no mutant left anything behind in it.

        The tests that killed its mutants have to pass there without a mutation. Where they do not, its results are
        withdrawn, and each of its mutants is judged in a process of its own.

        Raises:
            NotGreenError: they fail in a process of their own, too.
        """
        judged = process.judged
        killed = [by for mutant in judged if (by := self.results.get(mutant.id))]
        task = {"file": None, "source": "", "order": {by: -1.0 for by in killed if is_test(by)}, "only": True}
        answer = process.ask(task, FIRST_LIMIT) if killed else {"by": None}
        if process.closed or answer["by"] is None:
            process.close()
            return
        process.close()
        self.start(process)
        for mutant in judged:
            del self.results[mutant.id]
            self.keep(mutant.id, mutant.source, VOID)
        for mutant in judged:
            process.close()
            self.judge(mutant, process)
        process.close()

    def order(self, mutant: Mutant) -> dict[str, float]:
        """The quickest tests first, and before them those that killed others of the same function, or file."""
        killers = [(other.function == mutant.function, by) for other in self.mutants
                   if other.file == mutant.file and is_test(by := self.results.get(other.id))]
        return {**(self.green or self.last),
                **{by: -sum(100 if near else 1 for near, b in killers if b == by) for _, by in killers}}


def is_test(by: str | None) -> bool:
    """Whether a test killed the mutant; else it was the import, a crash or the time limit, or nothing did."""
    return by is not None and by.startswith("tests/")


def nodeid(classname: str, name: str) -> str:
    """pytest's name for a test, of what JUnit calls it: a check's is in a collector of its module."""
    module = classname.removesuffix(".checks")
    return "::".join([f"{module.replace('.', '/')}.py", *["checks"] * (module != classname), name])


class Queue:
    """What is left of each backend. A worker stays with its backend, and goes to the one where the fewest are."""

    def __init__(self, backends: list[Backend]):
        self.left = [(backend, deque(backend.left)) for backend in backends]
        self.at = Counter[str]()
        self.lock = threading.Lock()

    def next(self, owner: Backend | None) -> tuple[Backend, Mutant] | None:
        """What a worker does next that was at `owner`; None when nothing is left."""
        with self.lock:
            waiting = [(backend, mutants) for backend, mutants in self.left if mutants]
            if not waiting:
                return None
            found = [pair for pair in waiting if pair[0] is owner] or [min(waiting, key=lambda p: self.at[p[0].name])]
            backend, mutants = found[0]
            if backend is not owner:
                self.at[backend.name] += 1
                if owner:
                    self.at[owner.name] -= 1
            return backend, mutants.popleft()

    def clear(self) -> None:
        """Leave the rest undone."""
        with self.lock:
            self.left = []


def run(backends: list[Backend], jobs: int, advance: Callable[[Backend], None]) -> None:
    """Judge all that is left, in `jobs` worker processes; ends early, keeping its results, when interrupted.

    Raises:
        NotGreenError: the unmutated source of a backend fails.
        KeyboardInterrupt: raised again after the workers were ended.
    """
    queue = Queue(backends)
    processes: list[Process] = []
    failures: list[BaseException] = []

    def work() -> None:
        process, owner = None, None
        try:
            while not failures and (task := queue.next(owner)):
                backend, mutant = task
                if process and (backend is not owner or len(process.judged) >= LIFE):
                    owner.retire(process)
                if backend is not owner:
                    owner = backend
                    process = Process(backend.name, backend.python, backend.build / "checks", backend.command)
                    processes.append(process)
                backend.judge(mutant, process)
                advance(backend)
            if process and not failures:
                owner.retire(process)
        except BaseException as error:
            failures.append(error)
        finally:
            if process:
                process.close()

    threads = [threading.Thread(target=work, daemon=True) for _ in range(jobs)]
    for thread in threads:
        thread.start()
    try:
        while any(thread.is_alive() for thread in threads):
            for thread in threads:
                thread.join(0.2)
    except BaseException:
        queue.clear()
        for process in processes:
            process.closed = True
            process.close()
        raise
    if failures:
        raise failures[0]
