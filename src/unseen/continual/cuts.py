"""How the classes of a stream are put in order and cut into tasks."""

__all__ = [
    "DEFAULT_TASKS",
    "PUBLISHED_CUTS",
    "Classes",
    "Order",
    "class_order",
    "cut_by_split",
    "even_sizes",
    "task_sizes",
]

from collections.abc import Sequence
from numbers import Integral
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from unseen.data.arguments import nearest

Order = Literal["random", "natural", "proposed-split"]
Classes = list[NDArray[np.int64]]  # of each task

# The number of classes, and of tasks per protocol. ``class_norm``: Skorokhodov & Elhoseiny, its
# AWA from the released configuration, without a published result; ``fixed``: A-CZSL's ``main.py``;
# ``dynamic``: BD-CGZSL (AWA), Tf-GCZSL (CUB). Not published, and taken from ``fixed``: aPY of
# ``class_norm``, SUN and aPY of ``dynamic``, all of ``online``.
PUBLISHED_CUTS: dict[str, tuple[int, dict[str, int]]] = {
    "CUB": (200, {"class_norm": 10, "fixed": 20, "dynamic": 20, "online": 20}),
    "SUN": (717, {"class_norm": 15, "fixed": 15, "dynamic": 15, "online": 15}),
    "AWA": (50, {"class_norm": 5, "fixed": 5, "dynamic": 5, "online": 5}),
    "APY": (32, {"class_norm": 4, "fixed": 4, "dynamic": 4, "online": 4}),
}
DEFAULT_TASKS = 5  # of data without a published cut


def class_order(order: Order, seed: int, seen: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Returns the classes in the order in which a stream brings them.

    Arguments:
        order: ``"random"`` is ``RandomState(seed).permutation``, as in the class-norm paper;
            ``"natural"`` the order of the class table; ``"proposed-split"`` the random one with
            the seen classes of the Proposed Split first.
        seed: The seed of the permutation.
        seen: The seen classes of the Proposed Split, with shape :math:`(K,)`.

    Example:
        >>> class_order("random", 1, np.ones(200, dtype=bool))[:5].tolist()
        [58, 40, 34, 102, 184]
    """
    if order == "natural":
        return np.arange(len(seen))

    # The old generator, as the numbers of the paper are its own.
    permutation = np.random.RandomState(seed).permutation(len(seen))
    if order == "proposed-split":
        permutation = permutation[np.argsort(~seen[permutation], kind="stable")]

    return permutation.astype(np.int64)


def even_sizes(number: int, tasks: int) -> NDArray[np.int64]:
    """Returns sizes that differ by one at most, the smaller first.

    Arguments:
        number: The number of classes.
        tasks: The number of tasks :math:`T`.

    Example:
        >>> even_sizes(717, 15).tolist()  # SUN, as in the class-norm paper
        [47, 47, 47, 48, 48, 48, 48, 48, 48, 48, 48, 48, 48, 48, 48]
    """
    return number // tasks + (np.arange(tasks) >= tasks - number % tasks)


def task_sizes(
    tasks: int | Sequence[int] | str | None, protocol: str, name: str, classes: int
) -> NDArray[np.int64]:
    """Returns the number of classes that each task brings.

    Arguments:
        tasks: The number of tasks, the size of each, the name of a published cut, or ``None``:
            the published cut of the data of that name, if there is one for so many classes, else
            five tasks.
        protocol: The protocol, which the published cuts depend on.
        name: The name of the data; what follows a ``_`` or ``-`` in it does not count.
        classes: The number of classes :math:`K`.

    Raises:
        ValueError: If the classes cannot be cut so.

    Example:
        >>> task_sizes(None, "fixed", "awa1_pca", 50).tolist()
        [10, 10, 10, 10, 10]
    """
    if tasks is None:
        number, cut = PUBLISHED_CUTS.get(_family(name), (0, {}))
        tasks = cut[protocol] if number == classes else DEFAULT_TASKS
    elif isinstance(tasks, str):
        tasks = _published(tasks, protocol, classes)

    if isinstance(tasks, Sequence | np.ndarray):
        return _given_sizes(tasks, classes)
    if not isinstance(tasks, Integral) or isinstance(tasks, bool) or not 1 <= tasks <= classes:
        raise ValueError(
            f"`tasks` must be a number from 1 to {classes}, one class a task at least, or a list "
            f"of sizes; got {tasks!r}."
        )

    return even_sizes(classes, int(tasks))


def cut_by_split(
    tasks: int | Sequence[int] | str | None,
    protocol: str,
    name: str,
    classes: NDArray[np.int64],
    seen: NDArray[np.bool_],
) -> tuple[Classes, Classes]:
    """Spreads seen and unseen classes of the Proposed Split over the tasks.

    Where the one share is small the other is large, which gives the 7 + 3 and 8 + 2 of CUB.

    Arguments:
        tasks: The number of tasks, or the name of a published cut, as in :func:`task_sizes`.
        protocol: ``"dynamic"``, or ``"online"``, which holds back the last seen class of each task
            until the next one.
        name: The name of the data.
        classes: The classes in order, with shape :math:`(K,)`.
        seen: The seen classes of the Proposed Split, with shape :math:`(K,)`.

    Returns:
        The classes that belong to each task, and those whose examples come with it.

    Raises:
        ValueError: If sizes are given, or there are too few seen classes for so many tasks.

    Example:
        >>> seen = np.array([True, True, True, True, False, False])
        >>> members, trained = cut_by_split(2, "online", "toy", np.arange(6), seen)
        >>> [of_task.tolist() for of_task in trained]
        [[0], [1, 2, 3]]
    """
    with_examples, without = classes[seen[classes]], classes[~seen[classes]]
    number = _number_of_tasks(tasks, protocol, name, len(with_examples), len(without))

    described = np.split(without, np.cumsum(even_sizes(len(without), number)[::-1])[:-1])
    trained = np.split(with_examples, np.cumsum(even_sizes(len(with_examples), number))[:-1])
    members = [np.concatenate(parts) for parts in zip(trained, described, strict=True)]

    return members, _hold_back(trained) if protocol == "online" else trained


def _family(name: str) -> str:
    """Returns ``"AWA"`` for ``"awa1_pca"``: all versions of a data set are cut alike."""
    first = name.upper().replace("-", "_").split("_")[0]

    return "AWA" if first in ("AWA1", "AWA2") else first


def _published(name: str, protocol: str, classes: int) -> int:
    if (family := _family(name)) not in PUBLISHED_CUTS:
        raise ValueError(
            f"There is no published cut {name!r}; there are {', '.join(PUBLISHED_CUTS)}."
            + nearest(family, PUBLISHED_CUTS)
        )
    number, cut = PUBLISHED_CUTS[family]
    if number != classes:
        raise ValueError(
            f"The published cut {name!r} is of {number} classes, but the data have {classes}; "
            "give the number of tasks."
        )

    return cut[protocol]


def _given_sizes(tasks: Sequence[int] | NDArray, classes: int) -> NDArray[np.int64]:
    sizes = np.asarray(tasks)
    if sizes.ndim != 1 or sizes.dtype.kind not in "iu" or not len(sizes) or sizes.min() < 1:
        raise ValueError(f"`tasks` must list whole numbers from 1 on; got {list(tasks)!r}.")
    if sizes.sum() != classes:
        raise ValueError(
            f"The sizes in `tasks` add up to {sizes.sum()}, but there are {classes} classes."
        )

    return sizes.astype(np.int64)


def _number_of_tasks(
    tasks: int | Sequence[int] | str | None, protocol: str, name: str, seen: int, unseen: int
) -> int:
    if not isinstance(tasks, Integral | str | None):
        raise ValueError(
            f"{protocol!r} spreads seen and unseen classes evenly: give the number of tasks, "
            f"not their sizes; got {tasks!r}."
        )
    number = len(task_sizes(tasks, protocol, name, seen + unseen))
    least = 2 if protocol == "online" and number > 1 else 1
    if seen < least * number:
        reason = ", as one of them is held back" if least == 2 else ""
        raise ValueError(
            f"{protocol!r} needs at least {least} seen {'class' if least == 1 else 'classes'} a "
            f"task{reason}: {seen} seen classes make at most {seen // least} tasks, not {number}."
        )

    return number


def _hold_back(trained: Classes) -> Classes:
    """Moves the last class of each task into the next one."""
    *others, last = trained
    held = [np.empty(0, dtype=np.int64), *(classes[-1:] for classes in others)]
    now = [*(classes[:-1] for classes in others), last]

    return [np.concatenate(parts) for parts in zip(held, now, strict=True)]
