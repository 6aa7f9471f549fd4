"""The environment that a result was found in."""

import os
import platform
import sys
from pathlib import Path
from typing import Any

import numpy as np
import threadpoolctl

from lstm_ref.parity.truth import truth_is_wider, wider


def cpuinfo(key: str) -> str:
    """What Linux tells of the processor; empty where nothing does."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith(key))
    except (OSError, StopIteration):
        return ""


def cpu() -> str:
    """The processor's name, as well as the system tells."""
    return cpuinfo("model name") or platform.processor() or platform.machine()


def fingerprint(framework: str, device: str, corpus: str | None) -> dict[str, Any]:
    """Versions and machine, as they stand with every result."""
    libraries = threadpoolctl.threadpool_info()
    blas = sorted({" ".join(filter(None, (lib["internal_api"], lib.get("version"), lib.get("architecture"))))
                   for lib in libraries if lib["user_api"] == "blas"})
    return {
        "framework": framework,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "blas": ", ".join(blas) or "unknown",
        "platform": f"{sys.platform} {platform.machine()}",
        "cpu": cpu(),
        "device": device,
        "threads": max((lib["num_threads"] for lib in libraries), default=os.cpu_count() or 1),
        "corpus": corpus,
        "truth": {dtype: np.dtype(wider(dtype)).name + ("" if truth_is_wider(dtype) else " (no wider one here)")
                  for dtype in ("float32", "float64")},
    }
