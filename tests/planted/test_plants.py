"""Each wrong implementation of `plants.PLANTS`, planted in a framework's own tab, is caught by a check."""

import importlib
import inspect
import math
import random
import sys
from functools import wraps
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
from install import forget
from plants import OPEN, PLANTS, SITES, TABS
from words import WORDS

import lstm_ref as ref
from lstm_ref.parity import registry
from lstm_ref.parity.cases import CASES, make
from lstm_ref.parity.checks import CHECKS
from lstm_ref.parity.interface import DTYPES, HALVES, not_judged, split
from lstm_ref.parity.session import lacking, truths_of_build

KINDS = ("scratch", "concise", "fused")
SAID = "grad_clipping: expected a gradient"  #: what the judge itself raises, in words
caught: dict[str, str] = {}  #: plants by the check that caught them


def pytest_generate_tests(metafunc):
    if "plant" in metafunc.fixturenames:
        tab, sample = metafunc.config.option.tab, metafunc.config.option.sample
        found = [plant for plant in PLANTS if tab not in plant.not_in]
        found = found if sample is None else random.Random(tab).sample(found, min(sample, len(found)))
        metafunc.parametrize("plant", found, ids=[plant.name.replace(" ", "_") for plant in found])


def helpers(tab, adapter, training):
    """What the texts of a plant may use, in the words of a framework."""
    words = {**vars(importlib.import_module(f"backends.{tab}.scratch")), **vars(training)}
    exec(TABS[tab], words)
    detach = eval(f"lambda x: {WORDS[tab].detach.format(a='x')}", words)

    def frames():
        frame = sys._getframe(1)
        while frame := frame.f_back:
            yield frame.f_code.co_name

    def changed_before(function, change):
        count = iter(range(10**9))
        return lambda *arguments: function(*change(next(count), *arguments))

    return {
        **words, "np": np, "math": math, "ref": ref, "tab": tab, "tensor": adapter.tensor, "array": adapter.array,
        "detach": detach, "within": lambda name: name in frames(), "before": changed_before,
        "graded": lambda x, factor: detach(x) + (x - detach(x)) * factor}  # the same, but for its gradient


def wrapped(original, site, plant, common):
    """A function of the tab, changed as a plant says; every net has its own count of calls and its own memory."""
    signature = inspect.signature(original)
    change, _, after = (part.strip() for part in plant.change.partition(">>"))
    memory = SimpleNamespace(net=None, n=0, keep={})

    @wraps(original)
    def call(*arguments, **named):
        try:
            bound = signature.bind(*arguments, **named)
            bound.apply_defaults()
            names = {**common, **bound.arguments, "original": original}
            exec(site.head, names)
        except Exception:  # what the tab itself refuses
            return original(*arguments, **named)
        if (net := names.get("net", names.get("self"))) is not memory.net:
            memory.net, memory.n, memory.keep = net, 0, {}
        memory.n += 1
        names |= {"n": memory.n, "keep": memory.keep}
        if not eval(plant.when or "True", names):
            return original(*arguments, **named)
        call.reached += 1

        def answer():
            bound.arguments.update({name: names[name] for name in bound.arguments})
            return original(*bound.args, **bound.kwargs)

        names["answer"] = answer
        exec(change, names)
        if "given" not in names:
            names["given"] = answer()
        if not after:
            return names["given"]
        exec(f"{site.gives} = given", names)
        exec(after, names)
        return eval(site.gives, names)

    call.reached = 0
    return call


def planted(tab, plants, monkeypatch):
    """The implementations of a tab, imported anew, and what was put in place of its functions."""
    forget(f"backends.{tab}")
    if "jax" in sys.modules:  # each compiled function is a memory mapping; beyond 65,530 the process dies
        sys.modules["jax"].clear_caches()
    adapter, calls = registry.load(tab), []
    training = importlib.import_module(f"backends.{tab}.training")
    for plant in plants:
        site = SITES[plant.where]
        for address in site.places(tab):
            module, _, path = address.format(tab=tab).partition(":")
            owner, path = importlib.import_module(module), path.split(".")
            for part in path[:-1]:
                if isinstance(found := getattr(owner, part), ModuleType):  # the tab's own copy, the judge has another
                    monkeypatch.setattr(owner, part, SimpleNamespace(**vars(found)))
                owner = getattr(owner, part)
            calls.append(wrapped(getattr(owner, path[-1]), site, plant, helpers(tab, adapter, training)))
            monkeypatch.setattr(owner, path[-1], calls[-1])
    return adapter.implementations, calls


def failures(implementation, label, names, folder, cases=CASES, dtypes=(*DTYPES, *HALVES)):
    """The results that did not pass, one check and case after the other, the cheapest cases first."""
    for name in names:
        for case in sorted(CHECKS[name].cases(cases), key=list(CASES).index):
            cell, _ = split(case)
            if cell not in ("lstm", *implementation.cells) or name in not_judged(implementation, cell):
                continue
            for dtype in sorted({*CHECKS[name].dtypes} & {*dtypes} - lacking(implementation).keys()):
                results = CHECKS[name].judge(implementation, label, make(case).astype(dtype), folder)
                yield from (result for result in results if not result.passed)


def test_the_plant_is_caught(plant, request, monkeypatch):
    """By the check that is expected to; what is known to slip through is in the score, and no success."""
    option = request.config.option
    if plant.name in OPEN:
        request.applymarker(pytest.mark.xfail(reason="it slips through, or in another check than expected"))
    implementations, calls = planted(option.tab, [plant], monkeypatch)
    folder, expected = truths_of_build(option.build), plant.checks.split()
    names = [*expected, *(name for name in CHECKS if name not in (*expected, "bad_input", "parallel"))]
    caught[plant.name] = ""
    label = plant.where.partition(" ")[0] if plant.where.startswith(KINDS) else "scratch"
    found = next(failures(implementations[label], label, names, folder), None)
    assert found, f"{plant.name}: nothing caught it; its change was reached {sum(c.reached for c in calls)} times"
    assert SAID in found.detail or not found.detail.startswith("raised"), \
        f"{plant.name} is no silent mistake: {found.check} {found.detail}"
    caught[plant.name] = found.check
    assert found.check in expected, f"{plant.name}: expected {plant.checks}, caught by {found.check} ({found})"


def test_the_tab_without_a_plant_passes(request, monkeypatch):
    """Through the same engine, with a plant at every place, none of which changes anything."""
    option = request.config.option
    idle = [type(PLANTS[0])("none", where, where, "False", "pass", "") for where in SITES]
    implementations, _ = planted(option.tab, idle, monkeypatch)
    for label in KINDS:
        names = [name for name in CHECKS if name not in implementations[label].not_judged]
        found = failures(implementations[label], label, names, truths_of_build(option.build), ["ragged", "clipped"],
                         ["float32"])
        assert not (wrong := next(found, None)), wrong


def test_every_plant_is_a_plant():
    """Sixty at least, each with a name of its own, a place, a check and a reason where it can't be made."""
    assert len({plant.name for plant in PLANTS}) == len(PLANTS) >= 60
    for plant in PLANTS:
        assert plant.where in SITES and plant.not_in.keys() <= TABS.keys() and all(plant.not_in.values()), plant
        assert plant.checks and set(plant.checks.split()) <= set(CHECKS), plant


@pytest.fixture(scope="module", autouse=True)
def score(request):
    """One line at the end: how many were caught."""
    yield
    if caught:
        line = f"plants: {sum(map(bool, caught.values()))} of {len(caught)} caught in {request.config.option.tab}"
        with request.config.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
            print(f"\n{line}", *(f"  not caught: {name}" for name, check in caught.items() if not check), sep="\n")
