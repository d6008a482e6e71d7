"""Run stores of simulated results: real measures of made-up scores, in the format of the runner."""

__all__ = ["make_record", "write_store"]

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from unseen.benchmark.store import FORMAT
from unseen.decide import HIDDEN, oracle_seen_penalty
from unseen.metrics.gzsl import GZSLResult, gzsl_result, seen_unseen_curve

MEASURES = ("zsl_accuracy", "unseen_accuracy", "seen_accuracy", "harmonic_mean", "ausuc")
ANIMALS = (
    "antelope", "grizzly+bear", "killer+whale", "beaver", "dalmatian", "persian+cat", "horse",
    "german+shepherd", "blue+whale", "siamese+cat", "skunk", "mole", "tiger", "hippopotamus",
    "leopard",
)  # fmt: skip
SEEN = 10
PENALTY = 0.4


def make_record(
    method: str,
    seed: int = 0,
    skill: float = 1.0,
    data: str = "animals",
    selection: str = "hidden",
    classes: Iterable[str] = ANIMALS,
    **changes: Any,
) -> dict[str, Any]:
    """Returns the record of a run whose scores are noise and a signal of some strength."""
    names = list(classes)
    label = f"{method} {data} {selection} {seed}"
    draw = np.random.default_rng(list(label.encode()))
    labels = np.repeat(np.arange(len(names)), 20)
    seen = np.arange(len(names)) < SEEN
    scores = draw.normal(size=(len(labels), len(names))) + 0.8 * seen
    scores[np.arange(len(labels)), labels] += skill * draw.uniform(0.6, 1.6, len(names))[labels]

    def result(penalty: float | None, words: str, how: str) -> GZSLResult:
        lowered = None if penalty is None else scores - penalty * seen
        return gzsl_result(scores, labels, seen, penalized=lowered, penalty=words, selection=how)

    best = oracle_seen_penalty(scores, labels, seen)
    oracle = result(best.value, str(best), best.selection)
    stored = result(PENALTY, f"-{PENALTY} ({HIDDEN})", HIDDEN)
    stored = oracle if selection == "oracle" else stored
    curve = seen_unseen_curve(scores, labels, seen)
    steps = np.linspace(0, len(curve.thresholds), 101).round().astype(int)
    candidates = [
        {"settings": {"scale": scale, "norm": "class"}, "ausuc": ausuc, "zsl_accuracy": ausuc}
        for scale, ausuc in ((2.0, 0.18), (5.0, 0.21), (10.0, None))
    ]

    return {
        "format": FORMAT,
        "kind": "run",
        "key": hashlib.sha256(label.encode()).hexdigest(),
        "method": method,
        "recipe": None,
        "setting": "semantic-transductive" if method == "dcn" else "inductive",
        "settings": {"scale": 5.0, "norm": "class", "epochs": 10, "random_state": seed},
        "data": {
            "name": data,
            "attributes": None,
            "path": f"/data/{data}.npz",
            "sha256": {f"{data}.npz": hashlib.sha256(data.encode()).hexdigest()},
            "split_version": "not stated",
            "rows": {"train": 19832, "test_seen": 200, "test_unseen": 100},
            "classes": {"seen": SEEN, "unseen": len(names) - SEEN},
            "unseen_classes": names[SEEN:],
            "features": 1024,
        },
        "seed": seed,
        "selection": selection,
        "chosen": {} if selection == "last" else {"scale": 5.0, "norm": "class"},
        "choice": None
        if selection == "last"
        else {
            "selection": selection,
            "criterion": "ausuc",
            "folds": 3,
            "fits": 9,
            "seconds": 64.2,
            "penalty": None,
            "candidates": candidates,
        },
        "warnings": [],
        "metrics": {
            **measures(stored),
            "no_penalty": measures(result(None, "none", "none")),
            "hidden_class_penalty": measures(stored),
            "oracle": measures(oracle),
        },
        "per_class": dict(zip(names, stored.class_accuracies.tolist(), strict=True)),
        "curve": {
            "seen": curve.seen_accuracy[steps].tolist(),
            "unseen": curve.unseen_accuracy[steps].tolist(),
        },
        "seconds": {"fit": 10 ** draw.uniform(-1, 1.3), "predict": 0.1},
        "peak_memory_mb": draw.uniform(400, 900),
        "versions": {"unseen": "0.1.0", "python": "3.11.2", "torch": "2.13.0"},
        "machine": {"cpu": "a processor", "cores": 2, "memory_gb": 8, "gpu": None},
        "command": "unseen benchmark animals.npz -m all --seeds 3 -o runs/",
        "finished": "2026-01-01T00:00:00+00:00",
    } | changes


def measures(result: GZSLResult) -> dict[str, Any]:
    values = {name: float(getattr(result, name)) for name in MEASURES}

    return values | {"penalty": result.penalty, "selection": result.selection}


def write_store(folder: Path, records: Iterable[Mapping[str, Any]]) -> Path:
    """Writes a store, and returns its folder."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = [json.dumps(record) + "\n" for record in records]
    (folder / "runs.jsonl").write_text("".join(lines), encoding="utf-8")

    return folder
