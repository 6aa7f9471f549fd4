"""The judge: holds an implementation against the reference, by the rounding that honest arithmetic allows.

from lstm_ref.parity import judge

verdict = judge(lstm=my_lstm, framework="torch")
assert verdict.passed, verdict
"""

from typing import Any

__all__ = ["Framework", "Verdict", "backend", "judge"]


def __getattr__(name: str) -> Any:  # so that importing a room of the judge does not import all of them
    if name in ("judge", "Verdict", "backend"):
        try:
            from lstm_ref.parity import ported, session
        except ModuleNotFoundError as error:
            raise ImportError(f"the judge needs {error.name}, which is not installed: "
                              'pip install "lstm-parity[judge]"', name=error.name) from error
        return getattr(ported if name == "backend" else session, name)
    if name == "Framework":
        from lstm_ref.parity.interface import Framework

        return Framework
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
