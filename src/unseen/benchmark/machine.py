"""What a run stood on: versions, machine, and the memory it took at most."""

__all__ = ["machine", "peak_memory_mb", "start_peak", "versions"]

import os
import platform
import resource
from contextlib import suppress
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

LIBRARIES = ("unseen", "torch", "numpy", "scipy", "scikit-learn")
CLEAR_REFS, STATUS, CPUS = (
    Path(place) for place in ("/proc/self/clear_refs", "/proc/self/status", "/proc/cpuinfo")
)
CLEAR_PEAK = "5"  # proc(5): the peak begins anew at what is held now


@cache
def versions() -> dict[str, str]:
    """Returns the versions of Python and of the libraries that results depend on.

    Example:
        >>> list(versions())
        ['unseen', 'python', 'torch', 'numpy', 'scipy', 'scikit-learn']
    """
    found = {name: version(name) for name in LIBRARIES}

    return {"unseen": found.pop("unseen"), "python": platform.python_version(), **found}


@cache
def machine() -> dict[str, Any]:
    """Returns the processor, its cores, the memory in GB, and the GPU, ``None`` without one.

    The threads are those of this process: sums are rounded otherwise with another number of them.

    Example:
        >>> sorted(machine())
        ['cores', 'cpu', 'gpu', 'memory_gb', 'threads']
    """
    import torch

    return {
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "memory_gb": _memory_gb(),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
    }


def start_peak() -> None:
    """Lets the peak of this process's memory begin anew, where the system can do that (Linux)."""
    with suppress(OSError):
        CLEAR_REFS.write_text(CLEAR_PEAK)


def peak_memory_mb() -> float:
    """Returns the most memory that this process held since ``start_peak``, in MB.

    It includes Python and its libraries, some 400 MB, and pages of memory-mapped files that were
    in memory. On macOS it counts from the start of the process.

    Example:
        >>> start_peak()
        >>> peak_memory_mb() > 10
        True
    """
    try:
        lines = STATUS.read_text().splitlines()
    except OSError:
        return _peak_since_start_mb()
    (peak,) = (line for line in lines if line.startswith("VmHWM:"))

    return round(int(peak.split()[1]) / 1024, 1)


def _peak_since_start_mb() -> float:
    unit = 1 if platform.system() == "Darwin" else 1024  # bytes there, KB elsewhere

    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20, 1)


def _cpu() -> str:
    try:
        lines = CPUS.read_text().splitlines()
    except OSError:
        lines = []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))

    return next(named, platform.processor() or platform.machine())


def _memory_gb() -> float:
    return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)
