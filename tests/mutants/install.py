"""Puts a mutated source in place of a module, in a process that has already imported the framework.

A backend's package is imported anew for every mutant, the framework is not. The reference is imported a second time,
so that the judge, which is built on it, keeps using the one that is not mutated.
"""

import contextlib
import importlib
import importlib.abc
import importlib.util
import itertools
import linecache
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType


class Served(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Serves one module from a source that is in no file."""

    number = itertools.count(1)

    def __init__(self, module: str, path: Path, source: str):
        self.module, self.source = module, source
        # A name of its own, under which its lines are found: TensorFlow reads the source of what it compiles.
        self.name = f"<mutant {next(self.number)}> {path}"
        linecache.cache[self.name] = (len(source), None, source.splitlines(keepends=True), self.name)

    def find_spec(self, fullname, path, target=None):
        return importlib.util.spec_from_loader(fullname, self, origin=self.name) if fullname == self.module else None

    def exec_module(self, module):
        module.__file__ = self.name
        exec(compile(self.source, self.name, "exec"), module.__dict__)


@contextlib.contextmanager
def serving(file: str | None, source: str) -> Iterator[None]:
    """While it lasts, importing the module of `file` (relative to the root) gives `source`; None serves nothing."""
    finders = [] if file is None else [Served(file.removesuffix(".py").replace("/", "."), Path(file), source)]
    sys.meta_path[:0] = finders
    try:
        yield
    finally:
        sys.meta_path[:] = [finder for finder in sys.meta_path if finder not in finders]


def forget(*packages: str) -> dict[str, ModuleType]:
    """Take packages and all below them out of the imported modules; returns what was taken."""
    names = [name for name in sys.modules if any(name == p or name.startswith(f"{p}.") for p in packages)]
    return {name: sys.modules.pop(name) for name in names}


def import_reference() -> dict[str, ModuleType]:
    """A second copy of the reference, from whatever is being served; the first one stays imported."""
    first = forget("lstm_ref")
    try:
        importlib.import_module("lstm_ref")
        return forget("lstm_ref")
    finally:
        sys.modules.update(first)


@contextlib.contextmanager
def in_place(modules: dict[str, ModuleType]) -> Iterator[None]:
    """While it lasts, these modules are the imported ones."""
    first = forget("lstm_ref")
    sys.modules.update(modules)
    try:
        yield
    finally:
        forget("lstm_ref")
        sys.modules.update(first)
