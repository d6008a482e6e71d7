"""Measures what a whole grid of penalties costs beside one fit, at AWA1 size.

On simulated data of AWA1's shape (19,832 training rows of 2,048 features, half precision), each
closed form is fitted once, and then for every combination of its search space, through
`fit_candidates`. The project holds itself to a ratio of 2 for ESZSL's grid of 7 x 7.

Command: python benchmarks/closed_form_grid.py
"""

import time
from itertools import product

import numpy as np

from unseen.data.simulate import simulate
from unseen.methods.closed_form import ClosedFormClassifier
from unseen.methods.eszsl import ESZSL
from unseen.methods.sae import SAE

ROUNDS = 3


def measure(method: ClosedFormClassifier, X: np.ndarray, y: np.ndarray, S: np.ndarray) -> str:
    """Fits once and over the grid, in turns, and returns a line of the medians and their ratio."""
    space = method.search_space
    candidates = [dict(zip(space, values, strict=True)) for values in product(*space.values())]
    single, grid = [], []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        method.fit(X, y, S)
        single.append(time.perf_counter() - start)

        start = time.perf_counter()
        for _ in method.fit_candidates(X, y, S, candidates):
            pass
        grid.append(time.perf_counter() - start)
    one, all_of_them = np.median(single), np.median(grid)

    return (
        f"{type(method).__name__:6}one fit {one:5.2f} s   grid of {len(candidates)} "
        f"{all_of_them:5.2f} s   ratio {all_of_them / one:.2f}   bound 2"
    )


def main() -> None:
    data = simulate("AWA1")
    train = data.subset("train", np.float16)
    print(f"{train.features.shape[0]:,} x {train.features.shape[1]:,}, median of {ROUNDS}\n")
    for method in (ESZSL(), SAE()):
        print(measure(method, train.features, train.labels, data.class_attributes))


if __name__ == "__main__":
    main()
