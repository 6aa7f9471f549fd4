"""Each mistake of the catalogue, made in a framework's own tab, is the one that the diagnosis names first."""

import contextlib
import os
import random
import sys
from pathlib import Path

from engines import ENGINES, NOT_NAMED
from engines import IMPOSSIBLE as NOT_IN_ENGINE
from install import forget, serving
from tabs import IMPOSSIBLE, sources

from lstm_ref.parity import registry
from lstm_ref.parity.explain.diagnose import COMPARED, diagnose
from lstm_ref.parity.mistakes import MISTAKES
from lstm_ref.parity.session import truths_of_build

NAMES = 10  #: how many of the mistakes that exchange one name are planted


def chosen(backend, sample):
    """The mistakes that a tab can contain, but only some of the many that exchange one name; or a sample of these."""
    draw = random.Random(backend)
    names = [m for m in MISTAKES if m.kind == "exchanged name"]
    few = draw.sample(names, NAMES)
    impossible = {*IMPOSSIBLE, *NOT_IN_ENGINE[backend]}
    possible = [m for m in MISTAKES if m.label in COMPARED and m.name not in impossible
                and (m not in names or m in few)]
    return possible if sample is None else draw.sample(possible, min(sample, len(possible)))


def pytest_generate_tests(metafunc):
    if "mistake" in metafunc.fixturenames:
        option = metafunc.config.option
        found = chosen(option.tab, option.sample)
        metafunc.parametrize("mistake", found, ids=[m.name.replace(" ", "_") for m in found])


def implementation(backend, files):
    """The scratch tab with some of its files replaced."""
    forget(f"backends.{backend}")
    if "jax" in sys.modules:  # each compiled function is a memory mapping; beyond 65,530 the process dies
        sys.modules["jax"].clear_caches()
    with contextlib.ExitStack() as stack:
        for file, source in files.items():
            stack.enter_context(serving(file, source))
        return registry.load(backend).implementations["scratch"]


#: What a worker's Python runs before all else: the planted files take the place of the engine's.
WORKER = """import sys
from pathlib import Path
sys.path.insert(0, {mutants!r})
from install import Served
for file in {files!r}:
    path = Path(__file__).parent / file.replace("/", "-")
    sys.meta_path.insert(0, Served(file.removesuffix(".py").replace("/", "."), path, path.read_text()))
"""


def in_workers(files, folder, monkeypatch):
    """Have the processes that are started import these sources, too."""
    for file, source in files.items():
        (folder / file.replace("/", "-")).write_text(source)
    mutants = str(Path(__file__).parents[1] / "mutants")
    (folder / "sitecustomize.py").write_text(WORKER.format(mutants=mutants, files=list(files)))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(folder), *os.environ.get("PYTHONPATH", "").split()]))


def test_the_planted_mistake_is_named_first(mistake, request, tmp_path, monkeypatch):
    """By its name, or by that of one that can't be distinguished from it."""
    option = request.config.option
    files = sources(mistake, option.tab)
    planted = implementation(option.tab, files)
    if mistake.check == "parallel":
        in_workers(files, tmp_path, monkeypatch)
    diagnosis = diagnose(planted, truths_of_build(option.build))
    assert diagnosis.failed, "the planted mistake changes nothing"
    if mistake.name in NOT_NAMED.get(option.tab, ()):
        return
    assert diagnosis.findings, "\n".join(diagnosis.lines())
    assert mistake.name == diagnosis.findings[0].name, "\n".join(diagnosis.lines())


def test_the_tab_as_it_stands_is_healthy(request):
    """No mistake is named where none is planted."""
    option = request.config.option
    assert diagnose(implementation(option.tab, {}), truths_of_build(option.build)).failed == ()


def test_what_cannot_be_planted_is_in_the_catalogue():
    """The list of reasons is not stale."""
    assert IMPOSSIBLE.keys() <= {m.name for m in MISTAKES}
    for backend, impossible in NOT_IN_ENGINE.items():
        assert {*impossible} ^ {*ENGINES[backend]} == {m.name for m in MISTAKES if m.check == "parallel"}
