"""What changed between two runs: of two versions of a framework, say, or of one on two machines."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from lstm_ref.parity.runner.record import read_report
from lstm_ref.parity.verdict import ratio_of
from lstm_ref.usage import UsageError, refusals

#: A ratio up to one is what rounding alone explains, and so is another one up to this beside it.
SPREAD = 1.0
#: How improbable it has to be that as many ratios rise, or fall, by chance, for all groups of a comparison together.
CHANCE = 1e-3

Run = dict[str, Any]  #: an entry of a report
Key = tuple[str, str, str, str, str]  #: check, implementation, case, dtype, quantity


class Difference(NamedTuple):
    """What changed, in words, and whether rounding may explain it."""

    text: str
    explained: bool


def by_key(entry: Run) -> dict[Key, dict[str, Any]]:
    """The results of an entry by what they are of."""
    return {(r["check"], r["implementation"], r["case"], r["dtype"], r["quantity"]): r
            for r in entry.get("results", ())}


def moved(old: dict[str, Any], new: dict[str, Any]) -> bool:
    """Whether a quantity moved by more than rounding explains, or has another verdict."""
    a, b = (max(ratio_of(result), SPREAD) for result in (old, new))
    return bool(old["verdict"] != new["verdict"] or (a != b and abs(a - b) > SPREAD))


def same(old: dict[str, Any], new: dict[str, Any]) -> bool:
    """Whether a quantity is the same in every bit; by its error where the digest was not kept."""
    return bool(old.get("bits") == new.get("bits") and old["error"] == new["error"])


def tail(n: int, k: int) -> float:
    """The probability that of n fair coins at least k, or at most n - k, show heads (k > n / 2)."""
    return float(min(1.0, 2 * sum(math.comb(n, i) for i in range(k, n + 1)) / 2**n))


def differences(old: Run, new: Run) -> list[Difference]:
    """What changed from one entry to another, what matters first.

    A quantity moved when its ratio changed by more than rounding explains. And where in most quantities of a check the
    ratio rose, or fell, more often than chance allows, that is one difference, however small: a function that is a
    little less exact than it was moves all of them a little.
    """
    found: list[Difference] = []
    if old["status"] != new["status"]:
        why = f": {new['reason']}" if new["reason"] else ""
        found.append(Difference(f"{old['status']} became {new['status']}{why}", False))
    before, after = by_key(old), by_key(new)
    shared = [key for key in before if key in after]
    for key in shared:
        if moved(before[key], after[key]):
            check, label, case, dtype, quantity = key
            words = [f"{ratio_of(r):.3g}" + ("" if r["verdict"] == "pass" else f" ({r['verdict']})")
                     for r in (before[key], after[key])]
            where = f"{check} of {label} on {case} in {dtype}: {quantity}"
            found.append(Difference(f"{where}: ratio {' became '.join(words)}", False))
    groups: dict[tuple[str, str, str], list[Key]] = {}
    for key in shared:
        groups.setdefault((key[0], key[1], key[3]), []).append(key)
    drifts: list[Difference] = []
    others: dict[str, list[int]] = {}
    for (check, label, dtype), keys in groups.items():
        changed = [key for key in keys if not same(before[key], after[key])]
        if not changed:
            continue
        factors = apart([(key, ratio_of(before[key]), ratio_of(after[key])) for key in changed])
        rose = sum(factor > 1 for factor in factors)
        if factors and tail(len(factors), max(rose, len(factors) - rose)) * len(groups) < CHANCE:
            word, many = ("rose", rose) if 2 * rose > len(factors) else ("fell", len(factors) - rose)
            drifts.append(Difference(f"{check} of {label} in {dtype}: {many} of {len(factors)} ratios {word}, by a "
                                     f"factor of {np.median(factors):.3g} in the median", False))
        else:
            others.setdefault(check, [0, 0])
            others[check] = [others[check][0] + len(changed), others[check][1] + len(keys)]
    bits = "quantities have other bits, none beyond rounding"
    found += [*drifts, *(Difference(f"{check}: {some} of {every} {bits}", True)
                         for check, (some, every) in others.items())]
    ran = [dict.fromkeys(f"{check} of {label}" for check, label, *_ in keys) for keys in (before, after)]
    for these, others_ran, when in ((ran[0], ran[1], "before"), (ran[1], ran[0], "now")):
        if left := [each for each in these if each not in others_ran]:
            asked = old.get("selection") != new.get("selection")
            why = " (another part of the checks was asked for)" if asked else ""
            found.append(Difference(f"only {when}: {', '.join(left)}{why}", asked))
    raised = [{key[:4] for key in keys if key[4] == "the call"} for keys in (before, after)]
    for those, said in ((raised[1] - raised[0], "raises now"), (raised[0] - raised[1], "raised before")):
        for check, label in dict.fromkeys(key[:2] for key in sorted(those)):
            found.append(Difference(f"{check} of {label} {said}", False))
    return found


def apart(changed: Sequence[tuple[Key, float, float]]) -> list[float]:
    """By which factors ratios changed, each by itself.

    Those of several scenarios, modes of a model or ways of clipping, have one case's numbers in common, and count as
    one a case.
    """
    groups: dict[tuple[str, str], list[float]] = {}
    for (*_, case, _, quantity), old, new in changed:
        if old != new and 0 < old < math.inf and 0 < new < math.inf:
            groups.setdefault((case, "" if " " in quantity else quantity), []).append(new / old)
    medians = [float(np.median(factors)) for factors in groups.values()]
    return [factor for factor in medians if factor != 1]


def facts(old: Run, new: Run) -> list[str]:
    """What else changed: the environment, and the seconds."""
    before, after = old.get("fingerprint", {}), new.get("fingerprint", {})
    lines = [f"{name}: {before.get(name)} became {after.get(name)}" for name in dict.fromkeys([*before, *after])
             if before.get(name) != after.get(name)]
    seconds = [f"{entry['seconds']:.0f}" for entry in (old, new) if "seconds" in entry]
    if len({*seconds}) == 2:
        lines.append(f"seconds: {' became '.join(seconds)}")
    return lines


def pairs_of(old: Path, new: Path) -> list[tuple[str, Run, Run]]:
    """The entries of two files that belong together: those of one name, or the only one of each.

    Raises:
        ValueError: a file is no report, or they have no entry in common.
    """
    before, after = read_report(old), read_report(new)
    names = [name for name in before if name in after]
    if names:
        return [(name, before[name], after[name]) for name in names]
    if len(before) == len(after) == 1:
        (a, one), (b, other) = *before.items(), *after.items()
        return [(f"{a} and {b}", one, other)]
    first, second = (f"{path.name} has {', '.join(has) or 'nothing'}" for path, has in ((old, before), (new, after)))
    raise ValueError(f"{first}, {second}: expected an entry of the same name in both, or one entry in each")


def compare(old: Path, new: Path, third: Path | None) -> int:
    """`lstm-parity compare`: 0 nothing beyond rounding, 1 something, 2 refused; with a third file, which it is like."""
    with refusals():
        found = pairs_of(old, new)
        if third is not None:
            entry, = read_report(third).values()
            print(like(found[0][1], found[0][2], entry))
            return 0
    beyond = False
    for name, before, after in found:
        listed = differences(before, after)
        beyond |= any(not each.explained for each in listed)
        print("\n".join([name, *(f"  {line}" for line in facts(before, after)),
                         *(f"  {each.text}" for each in listed or [_nothing(before, after)])]))
    return int(beyond)


def _nothing(*entries: Run) -> Difference:
    kept = all("bits" in r for entry in entries for r in entry.get("results", ()) if r["spread"])
    return Difference("every bit is the same" if kept else "no error differs (an older file, which does not keep the "
                      "bits)", True)


def like(good: Run, bad: Run, entry: Run) -> str:
    """'good' or 'bad', whichever an entry is like: by its status, or else by the ratios that changed between the two.

    Raises:
        UsageError: the two do not differ.
    """
    if good["status"] != bad["status"]:
        return "bad" if entry["status"] == bad["status"] else "good"
    before, after, here = by_key(good), by_key(bad), by_key(entry)
    telling = [key for key in before if key in after and not same(before[key], after[key])]
    if not telling:
        raise UsageError("the two runs agree in every bit: there is nothing to look for between them")
    return "bad" if _apart(telling, here, after) < _apart(telling, here, before) else "good"


def _apart(keys: Sequence[Key], one: dict[Key, dict[str, Any]], other: dict[Key, dict[str, Any]]) -> float:
    """How far two sets of ratios lie apart; an infinite one counts as a large one, or nothing could be compared."""
    both = [(min(ratio_of(one[key]), 1e6), min(ratio_of(other[key]), 1e6)) for key in keys if key in one]
    return float(np.mean([abs(a - b) for a, b in both])) if both else math.inf
