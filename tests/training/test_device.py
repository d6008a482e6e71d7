"""Device, precision, and denormal numbers."""

import threading

import pytest
import torch
from torch import Tensor

from unseen.training import device as device_module
from unseen.training.device import (
    choose_device,
    choose_precision,
    device_here,
    run_with_denormals_flushed,
)

CPU = torch.device("cpu")


def denormals_left() -> int:
    """Counts denormal products of an operation large enough for every thread of PyTorch."""
    tiny = torch.full((1 << 21,), 1e-40)
    product: Tensor = tiny * 1.0

    return int((product.view(torch.int32) != 0).sum())


def test_devices() -> None:
    assert choose_device("cpu") == CPU
    assert choose_device().type == ("cuda" if torch.cuda.is_available() else "cpu")
    for wrong in ("gpu", None, 1.5):
        with pytest.raises(ValueError, match=f'must be "auto", "cpu" or "cuda", not {wrong!r}'):
            choose_device(wrong)


@pytest.mark.skipif(torch.cuda.is_available(), reason="here is a CUDA device")
def test_a_missing_gpu_is_named() -> None:
    with pytest.raises(ValueError, match="PyTorch finds no GPU here"):
        choose_device("cuda")


@pytest.mark.parametrize(("trained_on", "gpus"), [("cuda", 0), ("cuda:3", 0), ("cuda:3", 1)])
def test_a_model_runs_where_its_device_is_not(
    monkeypatch: pytest.MonkeyPatch, trained_on: str, gpus: int
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: gpus > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: gpus)

    assert device_here(trained_on) == torch.device("cuda" if gpus else "cpu")
    assert device_here("cpu") == CPU


@pytest.mark.parametrize(("fast", "expected"), [(True, torch.bfloat16), (False, torch.float32)])
def test_auto_precision_asks_the_hardware(
    monkeypatch: pytest.MonkeyPatch, fast: bool, expected: torch.dtype
) -> None:
    monkeypatch.setattr(device_module, "_multiplies_bfloat16", lambda _: fast)

    assert choose_precision("auto", CPU) == expected


def test_named_precisions() -> None:
    assert choose_precision("float32", CPU) == torch.float32
    assert choose_precision("bfloat16", CPU) == torch.bfloat16
    with pytest.raises(ValueError, match=r"`precision` must be .* not 'float16'"):
        choose_precision("float16", CPU)


@pytest.mark.parametrize("threads", [1, 4])
def test_denormals_are_flushed_in_every_thread_and_the_process_stays_as_it_was(
    threads: int,
) -> None:
    usual = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        before = denormals_left()  # also starts the workers of this thread
        during = run_with_denormals_flushed(lambda _: denormals_left())
        after = denormals_left()
        inside = run_with_denormals_flushed(lambda _: torch.get_num_threads())
    finally:
        torch.set_num_threads(usual)

    assert before == after == 1 << 21
    assert during == 0
    assert inside == threads


def test_the_task_runs_in_one_other_thread_and_its_result_comes_back() -> None:
    name, stopped = run_with_denormals_flushed(
        lambda stop: (threading.current_thread(), stop.is_set())
    )

    assert name is not threading.current_thread()
    assert not stopped


def test_errors_of_the_task_come_back() -> None:
    def fail(_: threading.Event) -> None:
        raise KeyError("as it was")

    with pytest.raises(KeyError, match="as it was"):
        run_with_denormals_flushed(fail)
