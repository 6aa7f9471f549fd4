"""The checks, of numbers and of facts alike, in the order of the report."""

from lstm_ref.parity.checks.check import Check, Fact, Facts, Found, Numbers
from lstm_ref.parity.checks.conduct import CONDUCT
from lstm_ref.parity.checks.facts import FACTS_FIRST, FACTS_LAST
from lstm_ref.parity.checks.numbers import EXPENSIVE, NUMBERS

CHECKS: dict[str, Check] = {check.name: check for check in (*FACTS_FIRST, *NUMBERS, *CONDUCT, *FACTS_LAST)}

__all__ = ["CHECKS", "EXPENSIVE", "Check", "Fact", "Facts", "Found", "Numbers"]
