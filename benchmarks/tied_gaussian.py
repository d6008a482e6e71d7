"""Asks of seen classes alone what `tied-gaussian` takes for granted about predicted means.

Each seen class in turn is left out, and its mean is predicted from its description by ridge
regression on the others. Printed, in squared distance of prepared features: the error of that
prediction, and the variance of one example around the mean of its class. Their quotient is the
number of examples whose average is as far from the mean as the prediction is: a class with many
more has a mean without much noise. Then the error if classes count by their number of examples.

Command: UNSEEN_DATA=../shared/data python benchmarks/tied_gaussian.py
"""

import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import Ridge

from unseen import TiedGaussian, load

SETS = (("awa1", None), ("awa1_pca", None), ("gtsrb", None), ("gtsrb", "words"))


def left_out_error(S: NDArray, M: NDArray, weights: NDArray, penalty: float) -> float:
    """Returns the mean squared error of the means M (k, d) predicted without their own class."""
    errors = []
    for c in range(len(S)):
        rest = np.arange(len(S)) != c
        ridge = Ridge(alpha=penalty).fit(S[rest], M[rest], sample_weight=weights[rest])
        errors.append(np.square(ridge.predict(S[[c]])[0] - M[c]).sum())

    return float(np.mean(errors))


def main() -> None:
    heads = ("error", "variance", "examples", "fewest", "error, counted")
    print(f"{'seen classes':16s}" + "".join(f"{head:>{len(head) + 3}s}" for head in heads))
    for name, attributes in SETS:
        data = load(Path(os.environ["UNSEEN_DATA"]) / f"{name}.npz", attributes)
        train, model = data.subset("train"), TiedGaussian(covariance="diagonal")
        model.fit(train.features, train.labels, data.class_attributes)
        table = data.class_attributes[data.seen].astype(np.float64)
        S = table / np.linalg.norm(table, axis=1, keepdims=True)
        counts, statistics = model.statistics_.counts, model.statistics_
        variance = float(statistics.prepared(model.features_).scatter.sum() / counts.sum())
        equal, counted = (
            left_out_error(S, model.means_, weights, model.mean_penalty)
            for weights in (np.ones(len(S)), counts / counts.mean())
        )
        print(
            f"{name} {attributes or '':{15 - len(name)}s}{equal:8.4f}{variance:11.4f}"
            f"{variance / equal:11.1f}{counts.min():9d}{counted:17.4f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
