"""A wider search than a grid: values between those of a search space, drawn by Optuna.

References:
    Optuna: A Next-generation Hyperparameter Optimization Framework (Akiba et al., 2019)
    https://arxiv.org/abs/1907.10902
"""

__all__ = ["check_optuna", "search"]

from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from unseen.benchmark.selection import Judged

if TYPE_CHECKING:
    from optuna import Trial

SEED = 0


def search(
    space: Mapping[str, Sequence[Any]],
    judge: Callable[[dict[str, Any]], Judged],
    trials: int,
) -> list[Judged]:
    """Tries settings that a tree-structured Parzen estimator draws, from a seed.

    Numbers are drawn between the least and the greatest value of the search space, on a
    logarithmic scale where all are positive; names are drawn from those in it.

    Arguments:
        space: The values of each setting.
        judge: Trains and judges one candidate.
        trials: The number of candidates.

    Returns:
        The candidates in the order in which they were tried.

    Raises:
        ValueError: If Optuna is not installed.

    Example:
        >>> tried = search({"x": [0.1, 10.0]}, lambda s: Judged(s, ausuc=-(s["x"] - 1) ** 2), 3)
        >>> all(0.1 <= judged.settings["x"] <= 10 for judged in tried)
        True
    """
    check_optuna()
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=SEED))
    tried: list[Judged] = []
    for _ in range(trials):
        trial = study.ask()
        tried.append(judge({name: _draw(trial, name, values) for name, values in space.items()}))
        if tried[-1].ausuc is None:  # diverged
            study.tell(trial, state=optuna.trial.TrialState.FAIL)
        else:
            study.tell(trial, tried[-1].ausuc)

    return tried


def check_optuna() -> None:
    """Raises a ``ValueError`` if Optuna is not installed."""
    if find_spec("optuna") is None:
        raise ValueError("A wider search needs Optuna: pip install 'unseen[optuna]'")


def _draw(trial: "Trial", name: str, values: Sequence[Any]) -> Any:
    kinds = {type(value) for value in values}
    if not kinds <= {int, float} or len(set(values)) == 1:
        return trial.suggest_categorical(name, list(values))
    low, high = min(values), max(values)
    if kinds == {int}:
        return trial.suggest_int(name, low, high, log=low > 0)

    return trial.suggest_float(name, low, high, log=low > 0)
