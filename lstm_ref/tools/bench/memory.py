"""How much memory a process has used at most."""

import contextlib
import ctypes
import sys
from pathlib import Path

STATUS, FORGET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def peak() -> int | None:
    """Bytes that the process has held at most since its start, or since `forget_peak`; None where nobody says."""
    try:
        line = next(line for line in STATUS.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024
    except (OSError, StopIteration):
        pass
    try:
        import resource
    except ImportError:  # Windows
        return None
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def forget_peak() -> bool:
    """Give back what is free and begin to count anew; False where the system can't."""
    with contextlib.suppress(AttributeError, OSError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)  # or glibc would keep what compiling took
    try:
        FORGET.write_text("5")
    except OSError:
        return False
    return True
