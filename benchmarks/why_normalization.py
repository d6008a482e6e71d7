"""Why Class Normalization: variances, gradients and curvature, in numbers and as a figure.

First the statements V1 to V3 of the theory, on simulated vectors, predicted and measured. Then, on
a data set, attribute embedders without and with each part: attribute normalisation (AN), the scaled
cosine (NS), Eq. (9), Eq. (10). Variances are taken over the seen classes, on 256 training rows;
those of z.p in units of the mean square of the features, so that theory wants 1. Gradients and
curvature are those of the networks with AN and NS, on 128 rows, of the cross-entropy; an ordinary
softmax classifier on the same rows stands beside them.

Features are as they are, prototypes pass a ReLU where features are not negative, and training is
the library's default, but of 5 epochs. Nothing is judged on test rows. "raw" descriptions are those
of the file: in awa1.npz, of length 1.

Command: UNSEEN_DATA=../shared/data python benchmarks/why_normalization.py
    [DATA] [-o FIGURE.svg] [-o FIGURE.png] (the default data: $UNSEEN_DATA/awa1.npz)
"""

import argparse
import copy
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from unseen import ClassNorm, ZeroShotData, load
from unseen.inspection.curvature import Curvature, measure_curvature
from unseen.inspection.gradients import (
    DescentLine,
    GradientNoise,
    measure_descent,
    measure_gradient_noise,
)
from unseen.inspection.probe import Probe
from unseen.inspection.stages import measure_through_training
from unseen.inspection.variance import (
    Variances,
    measure_variances,
    predicted_pre_logit_variance,
)
from unseen.nets.attribute_embedder import AttributeEmbedder, Norm
from unseen.nets.class_standardization import ClassStandardization
from unseen.nets.initialization import INITIALIZATIONS, class_norm_std
from unseen.nets.preprocessing import AttributeNormalization
from unseen.report.variance_plots import Course, plot_why_normalization

EPOCHS = 5
TRAINING = {"feature_preprocessing": "none", "epochs": EPOCHS, "precision": "float32"}
PLAIN = {"norm": None, "init": "pytorch"}
BARE = {"attribute_normalization": "raw", "scale": None}
PARTS: dict[str, dict[str, object]] = {
    "nothing": PLAIN | BARE,
    "AN": PLAIN | {"scale": None},
    "NS": PLAIN | {"attribute_normalization": "raw"},
    "AN + NS": PLAIN,
    "AN + NS + Eq. 10": {"norm": None},
    "AN + NS + Eq. 9": {"norm_position": "last", "init": "pytorch"},
    "AN + NS + both": {"norm_position": "last"},
}
EMBEDDERS = {"linear": 0, "2 layers": 1, "3 layers": 2}
LOOKED_INTO = {
    "AN + NS": "AN + NS",
    "AN + NS + Eq. 10": "+ Eq. 10",
    "AN + NS + Eq. 9": "+ Eq. 9",
    "AN + NS + both": "+ both: class norm",
}
STARTS = {  # in the figure; the scaled cosine changes nothing in z.p
    "NS": "raw descriptions",
    "AN + NS": "AN",
    "AN + NS + Eq. 10": "AN + Eq. 10",
    "AN + NS + Eq. 9": "AN + Eq. 9",
    "AN + NS + both": "AN + both: class norm",
}
CLASSIFIER = "softmax classifier"
SPECIFIED = {  # V3: initialisation, norm, least and greatest variance
    "plain MLP": ("pytorch", None, "1.0 - 1.4"),
    "Eq. 10 alone": ("class-norm", None, "6e-4 - 9e-4"),
    "Eq. 9 by std, Eq. 10": ("class-norm", ClassStandardization, "0.23 - 0.31"),
    "Eq. 9 by var twice, Eq. 10": (
        "class-norm",
        partial(ClassStandardization, divide_by="var"),
        "4e-3 - 6e-3",
    ),
}


@dataclass(frozen=True)
class Looked:
    """What one look into an embedder found."""

    noise: tuple[GradientNoise, ...]
    descent: DescentLine


def theory() -> Iterator[tuple[str, str, float]]:
    """Yields each statement of V1 to V3, what is predicted and what is measured."""
    for d in (2048, 512, 32):
        pairs = torch.randn(2, 2000, d, generator=seeded(0))
        cosines = torch.cosine_similarity(pairs[0], pairs[1], dim=1)
        predicted = f"{d**-0.5:.4f} (paper {d**0.5 / (d - 2):.4f})"
        yield f"V1 std of the cosine, d = {d}", predicted, cosines.std().item()
    for scale in (1.0, 3.0, 5.0, 10.0, 20.0):
        probe = Probe(*gaussian_problem(), scale=scale)
        predicted = f"{scale**4 * 2048 / 2046**2:.3g}"
        measured = measure_variances(nn.Identity(), probe).logits.std ** 2
        yield f"V1 variance of the logits, scale {scale:g}", predicted, measured

    V = torch.empty(2048, 1024)
    INITIALIZATIONS["class-norm"](V, seeded(1))
    z, s = 1.7 * torch.randn(400, 2048, generator=seeded(3)), torch.randn(400, 1024)
    s.normal_(generator=seeded(2))
    predicted = predicted_pre_logit_variance(2048, 2.89, class_norm_std(2048, 1024) ** 2, 1024)
    yield "V2 Var[z.p], Eq. 9 and 10", f"{predicted:.2f}", (z @ (s @ V.T).T).var().item()
    yield "V2 rms(p)", "0.0221", (s @ V.T).square().mean().sqrt().item()

    for name, (init, norm, predicted) in SPECIFIED.items():
        draws = [simulated_variance(init, norm, seed) for seed in range(6)]
        yield f"V3 Var[z.p], {name}", predicted, float(np.mean(draws))


def gaussian_problem() -> tuple[Tensor, Tensor, Tensor]:
    """Returns features, labels and prototypes that know nothing of each other."""
    features, prototypes = torch.randn(2, 500, 2048, generator=seeded(0))

    return features, torch.zeros(500, dtype=torch.long), prototypes


def simulated_variance(init: str, norm: Norm | None, seed: int) -> float:
    """Returns Var[z.p] over 40 classes of one draw of the problem of V3."""
    source = seeded(seed)
    features = (0.7 * torch.randn(256, 2048, generator=source) + 0.2).relu()
    u, shift = torch.rand(2, 85, generator=source)
    table = torch.randn(40, 85, generator=source).abs() * u + 0.5 * shift
    embedder = AttributeEmbedder(85, (1024, 1024), 2048, norm, norm, init=init, generator=source)
    descriptions = AttributeNormalization("sqrt", 85)(table)
    probe = Probe(features, torch.zeros(256, dtype=torch.long), descriptions)

    return measure_variances(embedder, probe).pre_logits.class_variance


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def has_part(depth: int, parts: str) -> bool:
    """Says whether an embedder can have these parts; a linear one has no hidden layer to norm."""
    return depth > 0 or parts not in ("AN + NS + Eq. 9", "AN + NS + both")


def keep(embedder: AttributeEmbedder, probe: Probe) -> tuple[AttributeEmbedder, Probe]:
    """Returns the embedder as it stands in this epoch, to be looked into later."""
    return copy.deepcopy(embedder), probe


def look(embedder: AttributeEmbedder, probe: Probe) -> Looked:
    return Looked(measure_gradient_noise(embedder, probe), measure_descent(embedder, probe))


def report_theory() -> None:
    print(f"{'theory, on simulated vectors':44s}{'predicted':>24s}{'measured':>12s}")
    for statement, predicted, measured in theory():
        print(f"{statement:44s}{predicted:>24s}{measured:12.3g}", flush=True)


def report_variances(data: ZeroShotData) -> dict[tuple[str, str], list[Variances]]:
    """Trains every embedder with every combination of parts, and prints a line of each."""
    heads = ("E[h^2]", "z.p", "logits", "E[h^2]", "z.p", "logits")
    print(f"\n{'variance over classes':30s}{'before training':>30s}{'after training':>30s}")
    print(f"{'':30s}" + "".join(f"{head:>10s}" for head in heads))
    found = {}
    for embedder, depth in EMBEDDERS.items():
        for parts, settings in PARTS.items():
            if not has_part(depth, parts):
                continue
            model = ClassNorm(**(TRAINING | settings | {"depth": depth}))
            course = measure_through_training(model, data, measure_variances)
            found[embedder, parts] = course
            cells = "".join(
                f"{hidden_square(one, depth):>10s}{one.preserved:10.2g}"
                f"{one.logits.class_variance:10.2g}"
                for one in (course[0], course[-1])
            )
            print(f"{embedder + ', ' + parts:30s}{cells}", flush=True)

    return found


def hidden_square(variances: Variances, depth: int) -> str:
    """Returns the mean square of what the last weights multiply; a linear embedder has none."""
    linear = [i for i, layer in enumerate(variances.layers) if layer.name.startswith("linear")]

    return f"{variances.layers[linear[-1] - 1].mean_square:.2g}" if depth else "-"


def report_gradients(data: ZeroShotData) -> dict[str, list[Looked]]:
    """Prints gradients and curvature of three-layer embedders, and of a softmax classifier."""
    print(f"\n{'gradients and curvature':24s}{'epochs':>8s}{'loss':>8s}", end="")
    heads = ("|mean|", "|std|", "ratio", "range", "change", "top eig.", "trace", "+-")
    print("".join(f"{head:>10s}" for head in heads))

    one_hot = replace(data, class_attributes=np.eye(len(data.class_attributes), dtype=np.float32))
    linear = PLAIN | {"depth": 0, "attribute_normalization": "raw", "final_activation": None}
    cases = {name: (data, PARTS[parts]) for parts, name in LOOKED_INTO.items()}
    cases[CLASSIFIER] = (one_hot, linear)

    found = {}
    for name, (of, settings) in cases.items():
        model = ClassNorm(**(TRAINING | settings))
        course = measure_through_training(model, of, keep, rows=128)
        found[name] = [look(embedder, probe) for embedder, probe in course]
        for epoch in (0, EPOCHS):
            numbers = cells(found[name][epoch], measure_curvature(*course[epoch]))
            print(f"{name:24s}{epoch:8d}{numbers}", flush=True)

    return found


def cells(looked: Looked, curvature: Curvature) -> str:
    """Returns a line of the table: the noise by the last weights, the descent, the curvature."""
    noise, line = looked.noise[-1], looked.descent
    numbers = (noise.mean_norm, noise.std_norm, noise.noise_to_signal)
    numbers += (line.loss_range, line.smoothness, curvature.top.value)
    numbers += (curvature.trace.value, curvature.trace.standard_error)

    return f"{curvature.loss:8.3f}" + "".join(f"{number:10.3g}" for number in numbers)


def draw(
    variances: dict[tuple[str, str], list[Variances]],
    gradients: dict[str, list[Looked]],
    paths: list[Path],
    name: str,
) -> None:
    starts: dict[str, dict[str, float]] = {label: {} for label in STARTS.values()}
    for (embedder, parts), course in variances.items():
        if parts in STARTS:
            starts[STARTS[parts]][embedder] = course[0].preserved
    deep = {
        label: [one.logits.class_variance for one in variances["3 layers", parts]]
        for parts, label in LOOKED_INTO.items()
    }
    noise = {
        label: [one.noise[-1].noise_to_signal for one in course]
        for label, course in gradients.items()
    }
    change = {
        label: [one.descent.smoothness for one in course] for label, course in gradients.items()
    }
    courses = [
        Course("Variance of the logits over classes, 3 layers", deep),
        Course("Noise to signal of the gradient of one example", noise, log=False),
        Course("Fastest change of the gradient on the way down", change),
    ]
    for path in paths:
        plot_why_normalization(starts, courses, path, f"Why normalize over classes: {name}")


def main() -> None:
    parser = argparse.ArgumentParser(description="Shows why Class Normalization helps, or not.")
    parser.add_argument("data", nargs="?", help="a data set; by default $UNSEEN_DATA/awa1.npz")
    parser.add_argument("-o", "--output", type=Path, action="append", default=[])
    words = parser.parse_args()
    start = time.perf_counter()

    data = load(words.data or Path(os.environ["UNSEEN_DATA"]) / "awa1.npz")
    report_theory()
    print(
        f"\n{data.source.name}: {len(data.train):,} training rows, {data.seen.sum()} seen classes"
    )
    variances, gradients = report_variances(data), report_gradients(data)
    draw(variances, gradients, words.output, data.source.name)
    print(f"\n{time.perf_counter() - start:.0f} seconds")


if __name__ == "__main__":
    main()
