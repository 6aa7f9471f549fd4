"""The peak memory of a process."""

import contextlib
import ctypes
import sys
from pathlib import Path

STATUS, FORGET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def peak() -> int | None:
    """The most bytes that the process has held since its start, or since `forget_peak`; None where unknown."""
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
    """Release free memory and reset the peak; False where the system can't."""
    with contextlib.suppress(AttributeError, OSError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)  # otherwise glibc would keep the memory that compiling took
    try:
        FORGET.write_text("5")
    except OSError:
        return False
    return True
