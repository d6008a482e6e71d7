"""Records of simulated streams: real measures of made-up scores, in the format of the runner."""

__all__ = ["make_stream_record"]

import hashlib
from typing import Any

import numpy as np

from unseen.benchmark.store import FORMAT
from unseen.metrics.continual import summary
from unseen.metrics.history import History

ROWS = 6  # of each class
NORMS = {"class-norm": ("class", "class-norm"), "mlp": (None, "kaiming-fan-in")}
KEPT = {"joint": {"items": 4000, "labels": 8}, "ewc": {"importance": 900, "anchors": 900}}


def make_stream_record(
    method: str,
    strategy: str | None = "sequential",
    seed: int = 1,
    skill: float = 1.0,
    data: str = "animals",
    tasks: int = 4,
    tuned: int = 0,
    lr: float = 0.01,
    **changes: Any,
) -> dict[str, Any]:
    """Returns the record of a run whose scores are noise, and a signal that fades.

    Arguments:
        method: The head, or an exact method.
        strategy: The strategy; ``None`` for an exact method.
        seed: The seed.
        skill: The strength of the signal.
        data: The name of the data.
        tasks: The number of tasks, of two classes each.
        tuned: On how many first tasks the learning rate was chosen.
        lr: The learning rate.
        changes: What is different in the record.
    """
    label = f"{method} {strategy} {data} {tasks} {tuned} {lr} {seed}"
    history = make_history(np.random.default_rng(list(label.encode())), skill, tasks)
    result = summary(history)
    fixed = strategy is None

    return {
        "format": FORMAT,
        "kind": "stream",
        "key": hashlib.sha256(label.encode()).hexdigest(),
        "method": method,
        "strategy": strategy,
        "setting": "inductive",
        "settings": {"feature_penalty": 1.0} if fixed else settings(method, strategy, lr, seed),
        "data": {
            "name": data,
            "attributes": None,
            "path": f"/data/{data}.npz",
            "sha256": {f"{data}.npz": hashlib.sha256(data.encode()).hexdigest()},
        },
        "classes": [[f"class {2 * task}", f"class {2 * task + 1}"] for task in range(tasks)],
        "seed": seed,
        "stream": {
            "protocol": "class_norm",
            "order": "random",
            "seed": seed,
            "split": "proposed",
            "held_out": 0.2,
            "transductive_attributes": False,
            "classes_per_task": [2] * tasks,
            "described_per_task": [2] * tasks,
            "tasks_left_out": {"before": tuned, "after": 0},
            "test_rows": len(history.labels),
            "weighting": "sample",
            "seen_mean": "T",
        },
        "selection": f"first {tuned} tasks" if tuned and not fixed else "last",
        "chosen": {"lr": lr, "tried": {"0.001": 0.2, "0.01": 0.4, "0.1": 0.3}}
        if tuned and not fixed
        else {},
        "result": result.to_json(),
        "memory_bytes": [
            {part: size * (task + 1) for part, size in KEPT.get(strategy or "", {}).items()}
            for task in range(tasks)
        ],
        "seconds": {"fit": [0.5] * tasks, "choose": 0.0, "measure": 0.1},
        "steps": [30] * tasks,
        "peak_memory_mb": 500.0,
        "versions": {"unseen": "0.1.0", "python": "3.11.2", "torch": "2.13.0"},
        "machine": {"cpu": "a processor", "cores": 2, "memory_gb": 8, "gpu": None},
        "command": "unseen continual animals.npz -m all -s all -o runs/",
        "finished": "2026-01-01T00:00:00+00:00",
    } | changes


def settings(method: str, strategy: str | None, lr: float, seed: int) -> dict[str, Any]:
    norm, init = NORMS[method]
    head = {"epochs": 10, "hidden": 256, "init": init, "lr": lr, "norm": norm, "random_state": None}

    return {
        "method": {"name": "class-norm", "settings": head},
        "strategy": {"name": strategy, "settings": {"weight": 10.0} if strategy == "ewc" else {}},
        "backbone": None,
        "random_state": seed,
    }


def make_history(draw: np.random.Generator, skill: float, tasks: int) -> History:
    """Returns scores along a stream: a task is known best right after it was learned."""
    classes = 2 * tasks
    labels = np.repeat(np.arange(classes), ROWS)
    learned = np.arange(classes) // 2  # with which task, from 0
    logits = []
    for step in range(tasks + 1):
        age = step - 1 - learned[labels]
        known = np.where(age < 0, 0.4, 2.5 * 0.8**age) * skill
        scores = draw.normal(size=(len(labels), classes)) + 0.8 * (learned < step)
        scores[np.arange(len(labels)), labels] += known
        logits.append(scores)
    seen = np.array([learned < step for step in range(tasks + 1)])

    return History(
        logits=np.stack(logits),
        labels=labels,
        task_classes=tuple(np.array([2 * task, 2 * task + 1]) for task in range(tasks)),
        seen=seen,
        unseen=~seen,
        candidates=np.ones_like(seen),
        batch_accuracy=draw.uniform(0.1, 0.9, size=(tasks, 11)),
    )
