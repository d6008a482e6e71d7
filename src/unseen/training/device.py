"""Where and how precisely a network runs."""

__all__ = ["choose_device", "choose_precision", "device_here", "run_with_denormals_flushed"]

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch

Result = TypeVar("Result")


def choose_device(device: str = "auto") -> torch.device:
    """Returns the device of that name.

    Arguments:
        device: ``"cpu"``, ``"cuda"``, or ``"auto"``: the GPU if there is one, else the CPU.

    Raises:
        ValueError: If the name is not a device of this machine.

    Example:
        >>> choose_device("cpu")
        device(type='cpu')
    """
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")

    try:
        chosen = torch.device(device)
    except (RuntimeError, TypeError):
        chosen = None
    if chosen is None or chosen.type not in ("cpu", "cuda"):
        raise ValueError(f'`device` must be "auto", "cpu" or "cuda", not {device!r}.')
    if chosen.type == "cuda" and not torch.cuda.is_available():
        raise ValueError(f'`device={device!r}`, but PyTorch finds no GPU here; use device="auto".')
    if chosen.type == "cuda" and (chosen.index or 0) >= torch.cuda.device_count():
        raise ValueError(
            f"`device={device!r}`, but there are {torch.cuda.device_count()} GPUs, from 0."
        )

    return chosen


def device_here(device: str) -> torch.device:
    """Returns where a model runs that was trained on a device of that name, maybe elsewhere.

    Arguments:
        device: The ``device`` of the training; where there is none of that name, ``"auto"`` serves.

    Example:
        >>> device_here("cuda:99") == choose_device("auto")
        True
    """
    try:
        return choose_device(device)
    except ValueError:
        return choose_device("auto")


def choose_precision(precision: str, device: torch.device) -> torch.dtype:
    """Returns the type of the matrix products.

    Arguments:
        precision: ``"float32"``, ``"bfloat16"``, or ``"auto"``: bfloat16 where the hardware
            multiplies it faster than float32, else float32.
        device: Where the products run.

    Raises:
        ValueError: If there is no such precision.

    Example:
        >>> choose_precision("bfloat16", torch.device("cpu"))
        torch.bfloat16
    """
    if precision == "auto":
        return torch.bfloat16 if _multiplies_bfloat16(device) else torch.float32
    if precision not in ("float32", "bfloat16"):
        raise ValueError(f'`precision` must be "auto", "float32" or "bfloat16", not {precision!r}.')

    return getattr(torch, precision)


def _multiplies_bfloat16(device: torch.device) -> bool:
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)

    supported = getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)

    return device.type == "cpu" and bool(supported())


def run_with_denormals_flushed(task: Callable[[threading.Event], Result]) -> Result:
    """Runs a task in a thread that treats denormal numbers as zero.

    Some CPUs handle denormals many times slower, as is known (benchmarks/denormals.py measures
    yours), and an embedder with the small initialisation of
    Eq. (10) and no normalisation makes many. The switch belongs to a thread and is inherited by
    the workers that it starts; the workers of the caller, which exist already, would miss it. So
    a new thread serves, and the state of the process stays as it was.

    Arguments:
        task: What to run. It gets an event, and stops soon after the event is set: that is how an
            interrupt (Ctrl-C), which only the main thread sees, reaches it.

    Returns:
        What the task returns.

    Example:
        >>> run_with_denormals_flushed(lambda stop: float(torch.tensor(1e-40) * 1))
        0.0
    """
    stop = threading.Event()
    with ThreadPoolExecutor(1, initializer=torch.set_flush_denormal, initargs=(True,)) as pool:
        running = pool.submit(task, stop)
        try:
            return running.result()
        except BaseException:
            stop.set()
            raise
