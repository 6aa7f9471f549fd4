"""What is wrong with an implementation: the mistakes of the catalogue that reproduce what it computes.

A mistake fits when the mistaken reference, judged as the truth, passes the implementation: same limit, same way of
measuring. All checks are taken together, those that the implementation passes as well.
"""

import inspect
import re
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from itertools import combinations
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from lstm_ref.lstm import lstm
from lstm_ref.params import Array
from lstm_ref.parity.cases import Case, make
from lstm_ref.parity.checks import CHECKS, Found, Numbers
from lstm_ref.parity.interface import CELLS, DTYPES, OTHERS, Implementation, full, not_judged, split
from lstm_ref.parity.mistakes import MISTAKES, Mistake, Mistaken
from lstm_ref.parity.truth import FEWEST, Yardstick, evaluations, measure, ratio
from lstm_ref.parity.verdict import LIMIT

#: What is compared, cheap and telling first: check, case, and the modules of the reference that it goes through. A
#: mistake in another module changes nothing there.
PANEL = (
    ("forward", "ragged", "lstm"),
    ("chunks", "ragged", "lstm"),
    ("not_finite", "ragged", "lstm"),
    ("backward", "ragged", "lstm loss training"),
    ("vjp", "ragged", "lstm"),
    ("loss", "ragged", "loss"),
    ("clipping", "ragged", "training"),
    ("sgd", "ragged", "training"),
    ("step", "ragged", "lstm loss training"),
    ("trajectory", "brief-sequential", "params lstm loss training loop model"),
    ("trajectory", "brief-random", "params lstm loss training loop model"),
    ("params", "large", "params"),
    ("state", "ragged", "params"),
    ("carrier", "large", "params loop model"),
    ("sampling", "ragged", "text"),
    ("prediction", "large", "params lstm loop model"),
    ("bad_input", "ragged", "params lstm rnn loss training loop model"),
    *((check, f"{cell}-ragged", modules.format(CELLS[cell].function)) for cell in OTHERS for check, modules in (
        ("forward", "{}"), ("backward", "{} loss training"), ("vjp", "{}"), ("step", "{} loss training"))),
    ("parallel", "brief-workers-5", "parallel"),
    ("parallel", "brief-workers-4", "parallel"),
)

#: A mistake that another check is meant for shows in none of these; the words of that check say it all.
COMPARED = {full(check, on) for check, on, _ in PANEL}

#: Checks of a part of what a larger one goes through. Where that is judged too, a part that agrees says nothing of it.
INSTEAD = {"vjp": "backward", "loss": "backward", "sgd": "step"}

#: What takes a hundred times as long to compute as the others.
EXPENSIVE = ("trajectory", "prediction", "params", "parallel")

#: What is run where nothing before it fails: it is slow, and goes through all of that.
LAST = ("parallel",)

#: For a check that fails first, the checks before it that its cause may belong to.
FORWARD = ("forward", "chunks")
STAGES = {"forward": FORWARD, "chunks": FORWARD, "not_finite": FORWARD, "backward": (*FORWARD, "not_finite"),
          "step": (*FORWARD, "not_finite", "backward", "clipping"),
          "trajectory": (*FORWARD, "not_finite", "backward", "clipping", "step"),
          **{f"{cell} backward": (f"{cell} forward",) for cell in OTHERS}}

#: How far beyond the reference's own spread a mistake may be and still be measured by a spread of its own.
NEAR = 1e3
JUMP = 4.0  #: how far apart the spreads of few and of many draws may be (docs/judge.md, "How many evaluations")
PAIR_SECONDS = 8.0  #: of this process; the search for two mistakes at a time ends after so long
MOST_NAMED = 3
MOST_PAIRED = 5  #: partly fitting mistakes that are tried together with every other


class Item(NamedTuple):
    """One check on one case, and what the implementation computed in it."""

    label: str  #: the check with its cell
    check: str
    case: Case
    modules: frozenset[str]  #: of the reference, that the check goes through
    found: Found
    fails: bool
    rod: Yardstick | None  #: truth and spread, where numbers are compared


@dataclass(frozen=True)
class Finding:
    """Mistakes, one or two, that reproduce what was computed.

    Attributes:
        mistakes: one or two.
        ratio: the largest of all comparisons with the mistaken reference.
        explains: the failed checks that they reproduce, in order.
        same_words: the share of refused facts that read the same, one where there are none.
    """

    mistakes: tuple[Mistake, ...]
    ratio: float
    explains: tuple[str, ...]
    same_words: float = 1.0

    @property
    def rank(self) -> tuple[int, bool, float]:
        """Smaller is better: few mistakes, everything compared, in the same words."""
        return len(self.mistakes), any(mistake.alone for mistake in self.mistakes), -self.same_words

    @property
    def name(self) -> str:
        """The mistakes' names."""
        return ", and ".join(mistake.name for mistake in self.mistakes)


@dataclass(frozen=True)
class Diagnosis:
    """The findings, best first; those of `partly` leave some failed checks open, and those of `follow` say no more."""

    failed: tuple[str, ...]
    findings: tuple[Finding, ...]
    partly: tuple[Finding, ...] = ()
    follow: frozenset[str] = frozenset()  #: failed, and not looked at: from the others, or a dtype alone

    def lines(self) -> list[str]:
        """What to tell the reader."""
        if not self.failed:
            return ["diagnosis: the small cases agree, so no mistake of the catalogue is looked for"]
        lines = []
        for finding in self.findings[:MOST_NAMED]:
            lines.append(f"diagnosis: your result equals the reference with this mistake: {finding.name}"
                         if finding is self.findings[0] else f"or, with the same result: {finding.name}")
            lines += [f"  {mistake.sentence} Fix: {mistake.fix}" for mistake in finding.mistakes]
        if self.findings:
            first = self.findings[0]
            return [*lines, f"  (reproduces {', '.join(first.explains)}; largest ratio {first.ratio:.2g})"]
        lines = [f"diagnosis: no mistake of the catalogue, nor two of them, reproduces {', '.join(self.failed)}"]
        for finding in self.partly[:MOST_NAMED]:
            lines.append(f"  nearest: {finding.name} reproduces {', '.join(finding.explains)} alone")
        return lines


def diagnose(implementation: Implementation, folder: Path) -> Diagnosis:
    """Run the panel on an implementation and look for the mistakes that reproduce it.

    Args:
        implementation: that failed some check.
        folder: of the stored yardsticks.
    """
    with np.errstate(all="ignore"):
        items: list[Item] = []
        for dtype in reversed([dtype for dtype in DTYPES if dtype not in getattr(implementation, "dtypes", {})]):
            items = list(panel(implementation, dtype, folder))
            if any(item.fails for item in items):
                break
        every = {item.label for item in items if item.fails}
        items = telling(items)
        failed = in_order({item.label for item in items if item.fails})
        # A wrong guess ends soonest in what is cheap, and there where the implementation is wrong.
        items.sort(key=lambda item: (item.label in EXPENSIVE, not item.fails))
        if not failed:
            return Diagnosis((), ())
        candidates = [mistake for mistake in MISTAKES if dtype in mistake.dtypes and mistake.label in COMPARED]
        findings = [try_out((mistake,), items) for mistake in candidates]
        whole = [f for f in findings if f.explains == failed]
        if not whole and not any(item.fails and isinstance(item.found, Exception) for item in items):
            findings += pairs(items, candidates, findings, failed)
            whole = [f for f in findings if f.explains == failed]
        partly = sorted((f for f in findings if f.explains), key=lambda f: (-len(f.explains), f.ratio))
    whole.sort(key=lambda f: (*f.rank, f.ratio))
    alike = [f for f in whole if f.rank == whole[0].rank]
    return Diagnosis(failed, tuple(alike), tuple(partly), frozenset(every - {*failed}))


def panel(implementation: Implementation, dtype: str, folder: Path) -> Iterator[Item]:
    """What an implementation computes on the small cases."""
    failed = set[str]()
    for name, on, modules in PANEL:
        if name in LAST and failed - {*LAST}:
            continue
        cell, label = split(on)[0], full(name, on)
        if cell not in ("lstm", *getattr(implementation, "cells", ())) or name in not_judged(implementation, cell):
            continue
        case, check = make(on).astype(dtype), CHECKS[name]
        found, rod = check.outcome(implementation, case), check.yardstick(case, folder)
        fails = any(not fact.holds for fact in found) if isinstance(found, list) else rod is None or not (
            worst(found, rod, case) <= LIMIT)
        if name in INSTEAD and INSTEAD[name] not in not_judged(implementation, cell) and not fails:
            continue
        failed |= {name} if fails else set()
        yield Item(label, name, case, frozenset(modules.split()), found, fails, rod)


def telling(items: list[Item]) -> list[Item]:
    """Without what only follows: where numbers disagree, a call that raises and a refusal in other words say no more.

    A framework raises in a step, say, because a parameter that took no part in the loss has no gradient. Nor does the
    way of NaN through a wrong forward pass; and where nothing but exceptions came, the first says it all. Another dtype
    is a fact of its own, which no mistake in the mathematics makes.
    """
    numbers = [item for item in items if not isinstance(item.found, Exception) and item.check != "bad_input"]
    if any(item.fails and not only_dtype(item) for item in numbers):
        numbers = [item for item in numbers if not (item.fails and only_dtype(item))]
    wrong = [item.label for item in numbers if item.fails]
    if wrong:
        return [item for item in numbers if item.label != "not_finite" or "forward" not in wrong]
    first = next((item for item in items if item.fails), None)
    return [item for item in items if item is first or not item.fails]


def only_dtype(item: Item) -> bool:
    """Whether an item fails for its dtype alone."""
    if isinstance(item.found, list):
        return all("dtype" in fact.quantity or re.search(r"expected .*float\d+.* got .*(float|int)\d+", fact.detail)
                   for fact in item.found if not fact.holds)
    if not isinstance(item.found, dict) or item.rod is None or all(
            array.dtype == item.case.dtype for array in item.found.values()):
        return False
    cast = {name: array.astype(item.case.dtype) for name, array in item.found.items()}
    return worst(cast, item.rod, item.case) <= LIMIT


def worst(found: Found, rod: Yardstick, case: Case) -> float:
    """The largest ratio; infinite where a shape or a dtype is another, or there are no numbers."""
    if not isinstance(found, dict) or found.keys() != rod.truth.keys():
        return np.inf
    largest = 0.0
    for name, truth in rod.truth.items():
        if found[name].shape != truth.shape or found[name].dtype != case.dtype:
            return np.inf
        largest = max(largest, rod.worst(name, found[name]))
    return largest


def in_order(checks: Iterable[str]) -> tuple[str, ...]:
    """Checks in the order of the panel."""
    found = {*checks}
    return tuple(dict.fromkeys(label for check, on, _ in PANEL if (label := full(check, on)) in found))


def try_out(mistakes: tuple[Mistake, ...], items: Iterable[Item]) -> Finding:
    """Which failed checks some mistakes reproduce; none when they contradict a check that passes."""
    explains: dict[str, bool] = {}
    largest, shares = 0.0, []
    if alone := [mistake.label for mistake in mistakes if mistake.alone]:
        fits = {item.label: compare(mistakes, item)[0] <= LIMIT for item in items if item.label in alone}
        failed = dict.fromkeys(item.label for item in items if item.fails)
        return Finding(mistakes, 0.0, in_order(failed) if fits and all(fits.values()) else ())
    for item in items:
        if item.fails and not explains.get(item.label, True):
            continue
        fit, share = compare(mistakes, item)
        if not item.fails and fit > LIMIT:
            return Finding(mistakes, np.inf, ())
        if item.fails:
            explains[item.label] = fit <= LIMIT
            if not any(explains.values()) and len(explains) > 1:
                break
            if fit <= LIMIT:
                shares.append(share)
        largest = max(largest, fit) if fit <= LIMIT else largest
        if explains and not any(explains.values()):
            break  # whatever reproduces nothing of the first failed check is not the one
    return Finding(mistakes, largest, in_order(check for check, fits in explains.items() if fits),
                   float(np.mean(shares)) if shares else 1.0)


@lru_cache(1024)
def made(*mistakes: Mistake) -> Mistaken:
    """The mistaken reference."""
    return Mistaken(*mistakes)


@lru_cache(2048)
def mistaken(mistakes: tuple[Mistake, ...], check: str, name: str, dtype: str) -> Found:
    """What the mistaken reference computes in a check on a case; the same for every implementation.

    Raises:
        Exception: two mistakes that can't be made together.
    """
    return CHECKS[check].outcome(made(*mistakes), make(name).astype(dtype))


def compare(mistakes: tuple[Mistake, ...], item: Item) -> tuple[float, float]:
    """The ratio of what was found against the mistaken reference, and the share of refused facts that read the same.

    Where the two agree within the limit by the reference's own spread, that is the ratio; the spread of the mistaken
    reference, which may be larger, is measured only where it decides.
    """
    if not item.modules & {module for mistake in mistakes for module, *_ in mistake.edits}:
        return (np.inf if item.fails else 0.0), 1.0
    try:
        expected, found = mistaken(mistakes, item.check, item.case.name, item.case.dtype.name), item.found
    except Exception:  # two that can't be made together
        return np.inf, 1.0
    if isinstance(expected, Exception) or isinstance(found, Exception):
        return (0.0 if repr(expected) == repr(found) else np.inf), 1.0
    if isinstance(expected, list) or isinstance(found, list):
        return same_facts(expected, found)
    assert item.rod is not None
    if found.keys() != expected.keys():
        return np.inf, 1.0
    largest = far = 0.0
    for name, array in expected.items():
        if found[name].shape != array.shape or found[name].dtype != array.dtype:
            return np.inf, 1.0
        if array.dtype == item.case.dtype and array.shape == item.rod.truth[name].shape:
            of_spread = float(ratio(found[name], array, item.rod.spread[name]).max(initial=0))
            largest, far = max(largest, of_spread), max(far, of_spread / larger(array, item.rod.truth[name]))
    if largest <= LIMIT:
        return largest, 1.0
    numbers = CHECKS[item.check]
    assert isinstance(numbers, Numbers)
    if far > NEAR and not numbers.exact:
        return np.inf, 1.0
    check = replace(numbers, exact=())  # what rounds nothing in the reference may round in a mistake
    fit = np.inf
    for draws in (FEWEST, evaluations(item.case)):  # of a few draws the largest jumps about; most are decided by them
        fit = worst(found, measure(check, item.case, draws, reference=partial(Mistaken, *mistakes)), item.case)
        if fit <= LIMIT or fit > JUMP * LIMIT:
            break
    return fit, 1.0


def larger(mistaken: Array, right: Array) -> float:
    """By how much numbers have grown with a mistake, and their rounding errors with them: a perplexity, say; or 1."""
    sizes = [float(np.abs(numbers.astype(float)).max(initial=0)) for numbers in (mistaken, right)]
    return max(1.0, sizes[0] / sizes[1]) if np.isfinite(sizes).all() and sizes[1] else 1.0


def same_facts(expected: Any, found: Any) -> tuple[float, float]:
    """0 where the same facts are refused, else infinity; and the share of them that read the same."""
    refused = [{fact.quantity: fact.detail for fact in facts if not fact.holds} for facts in (expected, found)]
    if refused[0].keys() != refused[1].keys():
        return np.inf, 1.0
    equal = [refused[0][quantity] == refused[1][quantity] for quantity in refused[0]]
    return 0.0, float(np.mean(equal)) if equal else 1.0


def pairs(items: Sequence[Item], candidates: Sequence[Mistake], single: Sequence[Finding], failed: tuple[str, ...]
          ) -> Iterator[Finding]:
    """Two mistakes at a time, for as long as the search is cheap.

    Mistakes that reproduce a part are tried with all others. Where none does, both have to be in what fails first: then
    those are tried with each other that change it, but not the many that are one exchanged name.
    """
    end = time.process_time() + PAIR_SECONDS
    partly = sorted((f for f in single if f.explains), key=lambda f: -len(f.explains))[:MOST_PAIRED]
    if partly:
        # What is meant for a check that the first leaves open comes first.
        left_open = {f.mistakes[0].name: {*failed} - {*f.explains} for f in partly}
        tried = [(f.mistakes[0], other) for f in partly for other in candidates if other is not f.mistakes[0]]
        tried.sort(key=lambda pair: pair[1].label not in left_open[pair[0].name])
    else:
        stage = (*STAGES.get(failed[0], ()), failed[0])
        tried = list(combinations([m for m in candidates if m.label in stage and m.kind != "exchanged name"], 2))
    for one, other in tried:
        if time.process_time() > end:
            return
        if not one.clashes(other) and (partly or begins_like((one, other), items[0])):
            finding = try_out((one, other), items)
            if finding.explains:
                yield finding


def begins_like(mistakes: tuple[Mistake, ...], item: Item) -> bool:
    """Whether the first step's outputs may be those that were found: a cheap look before all modules are made anew."""
    if item.label != "forward" or not isinstance(item.found, dict) or item.rod is None:
        return True
    source = inspect.getsource(lstm)
    for _, right, wrong in (edit for mistake in mistakes for edit in mistake.edits):
        source = source.replace(right, wrong)
    scope = dict(vars(sys.modules[lstm.__module__]))
    try:
        exec(compile(source, "<pair>", "exec"), scope)
        outputs, _ = scope["lstm"](item.case.inputs[:1], item.case.state, item.case.params)
        far = ratio(item.found["outputs"][0], outputs, item.rod.spread["outputs"][0])
    except Exception:  # what can't be looked at so is looked at in full
        return True
    return bool(far.max(initial=0) <= NEAR)
