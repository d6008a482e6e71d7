"""The choice on hidden classes: what it picks, what it may look at, what it costs."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
import pytest
from numpy.typing import ArrayLike, NDArray

from unseen.benchmark import wider_search
from unseen.benchmark.selection import FOLDS, choose, combinations, count_fits, judge
from unseen.data.dataset import ZeroShotData
from unseen.data.splits import HiddenClassFolds
from unseen.decide import choose_seen_penalty
from unseen.methods.base import ZeroShotClassifier
from unseen.rehearsal import rehearsals
from unseen.training.loop import Monitor, TrainingError


class Ridge(ZeroShotClassifier):
    """Regresses descriptions on features; counts how often its costly part is done."""

    search_space: ClassVar[Mapping[str, Sequence[Any]]] = {
        "sign": [-1, 1],
        "penalty": [1e-3, 1.0, 1e3],
    }
    calls: ClassVar[list[int]] = []

    def __init__(
        self, *, sign: int = 1, penalty: float = 1.0, random_state: int | None = None
    ) -> None:
        self.sign = sign
        self.penalty = penalty
        self.random_state = random_state

    def fit_candidates(
        self,
        X: ArrayLike,
        y: ArrayLike,
        class_attributes: ArrayLike,
        candidates: Sequence[Mapping[str, Any]],
    ) -> Iterator[Any]:
        self.calls.append(len(candidates))

        return super().fit_candidates(X, y, class_attributes, candidates)

    def _fit(
        self,
        X: NDArray,
        rows: NDArray[np.int64],
        S: NDArray[np.float32],
        monitor: Monitor,  # noqa: ARG002
    ) -> None:
        if self.penalty > 1e6:
            raise TrainingError("diverged")
        gram = X.T @ X + self.penalty * np.eye(X.shape[1])
        self.coef_ = np.linalg.solve(gram, X.T @ (S - S.mean(axis=0))[rows])

    def _scores(self, X: NDArray, S: NDArray[np.float32]) -> NDArray:
        S = S - S.mean(axis=0)
        return self.sign * X @ self.coef_ @ (S / np.linalg.norm(S, axis=1, keepdims=True)).T

    def _state(self) -> dict[str, Any]:
        return {"coef": self.coef_}

    def _restore(self, state: dict[str, Any]) -> None:
        self.coef_ = state["coef"]


@pytest.fixture(autouse=True)
def _forget_calls() -> None:
    Ridge.calls.clear()


def test_the_best_mean_area_over_the_folds_is_chosen(toy: ZeroShotData) -> None:
    choice = choose(Ridge(), toy)

    areas = {}
    for settings in combinations(Ridge.search_space):
        model, found = Ridge(**settings), []
        for task in rehearsals(toy, HiddenClassFolds(folds=FOLDS)):
            scores = task.scores(task.fit(model))
            found.append(task.curve(scores).area)
        areas[tuple(settings.items())] = np.mean(found)
    assert [one.ausuc for one in choice.candidates] == pytest.approx(list(areas.values()))
    assert tuple(choice.settings.items()) == max(areas, key=lambda settings: areas[settings])
    assert choice.settings["sign"] == 1
    assert choice.fits == 6 * FOLDS == count_fits(Ridge.search_space, "hidden")
    assert choice.folds == FOLDS


def test_the_penalty_is_that_of_the_chosen_candidate(toy: ZeroShotData) -> None:
    for method in (Ridge(), Ridge(sign=-1)):
        choice = choose(method, toy)
        chosen = Ridge(**choice.settings)

        assert choice.seen_penalty == choose_seen_penalty(chosen, toy, HiddenClassFolds(FOLDS))


def test_what_candidates_share_is_shared(toy: ZeroShotData) -> None:
    choose(Ridge(), toy)

    assert Ridge.calls == [6] * FOLDS


def test_test_rows_and_unseen_descriptions_change_nothing(toy: ZeroShotData) -> None:
    features, table = toy.features.copy(), toy.class_attributes.copy()
    rng = np.random.default_rng(1)
    for rows in (toy.test_seen, toy.test_unseen):
        features[rows] = rng.normal(size=features[rows].shape)
    table[~toy.seen] = rng.normal(size=table[~toy.seen].shape)
    other = replace(toy, features=features, class_attributes=table)

    one, two = choose(Ridge(), toy), choose(Ridge(), other)

    assert (one.settings, one.seen_penalty) == (two.settings, two.seen_penalty)
    assert [a.ausuc for a in one.candidates] == [b.ausuc for b in two.candidates]
    assert choose(Ridge(), toy, "oracle").candidates[3].ausuc != pytest.approx(
        choose(Ridge(), other, "oracle").candidates[3].ausuc
    )


def test_the_oracle_says_so_and_leaves_the_penalty_open(toy: ZeroShotData) -> None:
    choice = choose(Ridge(), toy, "oracle")

    assert choice.to_json()["selection"] == "oracle: chosen on test classes"
    assert choice.seen_penalty is None
    assert (choice.folds, choice.fits) == (0, 6)
    assert choice.fits == count_fits(Ridge.search_space, "oracle")


def test_nothing_is_chosen_of_the_last(toy: ZeroShotData) -> None:
    with pytest.raises(ValueError, match="Nothing is chosen"):
        choose(Ridge(), toy, "last")
    with pytest.raises(ValueError, match="`trials` must be a whole number at least 1; got 0"):
        choose(Ridge(), toy, trials=0)
    assert count_fits(Ridge.search_space, "last") == 0


def test_a_candidate_that_diverges_is_out_and_the_others_are_not(toy: ZeroShotData) -> None:
    tasks = rehearsals(toy, HiddenClassFolds(folds=2))
    shown = judge(Ridge(), tasks, [{"penalty": p} for p in (1e9, 1.0, 1e8, 1e7, 10.0)])

    assert [one.ausuc is None for one in shown] == [True, False, True, True, False]
    alone = judge(Ridge(), tasks, [{"penalty": 10.0}])
    assert shown[-1].ausuc == alone[0].ausuc


def test_all_candidates_that_diverge(toy: ZeroShotData, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Ridge, "search_space", {"penalty": [1e8, 1e9]})

    with pytest.raises(TrainingError, match="each of 2 candidates"):
        choose(Ridge(), toy)


def test_without_a_search_space_the_method_is_judged_as_it_is(
    toy: ZeroShotData, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Ridge, "search_space", {})
    choice = choose(Ridge(), toy, trials=5)  # trials of nothing

    assert choice.settings == {}
    assert choice.fits == FOLDS == count_fits({}, "hidden", trials=5)


def test_of_equal_candidates_the_first_is_chosen(
    toy: ZeroShotData, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Ridge, "search_space", {"random_state": [3, 1, 2]})

    assert choose(Ridge(), toy).settings == {"random_state": 3}


def test_a_wider_search_draws_between_the_values(toy: ZeroShotData) -> None:
    one, two = (choose(Ridge(), toy, trials=8) for _ in range(2))
    drawn = [candidate.settings for candidate in one.candidates]

    assert drawn == [candidate.settings for candidate in two.candidates]
    assert len(drawn) == 8
    assert one.fits == 8 * FOLDS == count_fits(Ridge.search_space, "hidden", trials=8)
    assert all(1e-3 <= settings["penalty"] <= 1e3 for settings in drawn)
    assert len({settings["penalty"] for settings in drawn}) == 8
    assert one.settings == max(one.candidates, key=lambda each: each.ausuc).settings


def test_a_wider_search_knows_whole_numbers_names_and_one_value() -> None:
    space = {"whole": [4, 64], "name": ["a", None], "one": [0.5], "signed": [-1.0, 2.0]}
    seen: list[dict[str, Any]] = []

    def remember(settings: dict[str, Any]) -> wider_search.Judged:
        seen.append(settings)
        return wider_search.Judged(settings, ausuc=None if len(seen) % 3 == 0 else 0.5)

    wider_search.search(space, remember, 30)

    assert {type(settings["whole"]) for settings in seen} == {int}
    assert all(4 <= settings["whole"] <= 64 for settings in seen)
    assert np.median([settings["whole"] for settings in seen]) < 34  # logarithmic
    assert {settings["name"] for settings in seen} == {"a", None}
    assert {settings["one"] for settings in seen} == {0.5}
    assert any(settings["signed"] < 0 for settings in seen)


def test_a_wider_search_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wider_search, "find_spec", lambda _: None)

    with pytest.raises(ValueError, match=r"pip install 'unseen\[optuna\]'"):
        wider_search.search({"x": [1, 2]}, lambda s: wider_search.Judged(s), 1)
