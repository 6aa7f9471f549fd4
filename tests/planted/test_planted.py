"""Each mistake of the catalogue, made in a framework's own tab, is the one that the diagnosis names first."""

import contextlib
import random
import sys

from install import forget, serving
from tabs import IMPOSSIBLE, sources

from lstm_ref.parity import registry
from lstm_ref.parity.explain.diagnose import COMPARED, diagnose
from lstm_ref.parity.mistakes import MISTAKES

NAMES = 10  #: how many of the mistakes that exchange one name are planted


def chosen(backend, sample):
    """The mistakes that a tab can contain, but only some of the many that exchange one name; or a sample of these."""
    draw = random.Random(backend)
    names = [m for m in MISTAKES if m.kind == "exchanged name"]
    few = draw.sample(names, NAMES)
    possible = [m for m in MISTAKES if m.label in COMPARED and m.name not in IMPOSSIBLE
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


def test_the_planted_mistake_is_named_first(mistake, request):
    """By its name, or by that of one that can't be distinguished from it."""
    option = request.config.option
    planted = implementation(option.tab, sources(mistake, option.tab))
    diagnosis = diagnose(planted, option.build / "truth")
    assert diagnosis.failed, "the planted mistake changes nothing"
    assert diagnosis.findings, "\n".join(diagnosis.lines())
    assert mistake.name == diagnosis.findings[0].name, "\n".join(diagnosis.lines())


def test_the_tab_as_it_stands_is_healthy(request):
    """No mistake is named where none is planted."""
    option = request.config.option
    assert diagnose(implementation(option.tab, {}), option.build / "truth").failed == ()


def test_what_cannot_be_planted_is_in_the_catalogue():
    """The list of reasons is not stale."""
    assert IMPOSSIBLE.keys() <= {m.name for m in MISTAKES}
