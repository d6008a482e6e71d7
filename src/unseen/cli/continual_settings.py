"""What ``unseen continual`` runs, and whose each ``--set`` is: of heads, strategies, the stream."""

__all__ = ["DEFAULT_STRATEGY", "make_models", "stream_settings", "tuned_tasks"]

import inspect
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin

from unseen.cli.errors import UserError
from unseen.cli.settings import apply_settings, check_name, parse_value

if TYPE_CHECKING:
    from unseen.methods.continual import ContinualClassifier

ALL = "all"
DEFAULT_STRATEGY = "sequential"
LEARNER_SETTINGS = ("backbone", "backbone_lr", "device", "freeze_norm", "old_classes")
STREAM_SETTINGS = ("order", "split", "held_out", "weighting", "seen_mean")


def make_models(
    method: str, strategy: str, settings: Sequence[str]
) -> Iterator[tuple[str, str | None, "ContinualClassifier"]]:
    """Yields the name, the strategy and the estimator of everything to run.

    Raises:
        UserError: If a name or a setting is none, or belongs to nothing that runs.
    """
    from unseen.continual import STRATEGIES
    from unseen.continual.heads import EXACT, HEADS
    from unseen.continual.learner import ContinualLearner

    names = chosen(method, {**HEADS, **EXACT}, "method")
    strategies = chosen(strategy, STRATEGIES, "strategy")
    exact = [name for name in names if name in EXACT]
    if exact == names:
        check_only_exact(exact, strategy, settings)
        strategies = []
    check_prefixes(settings, (*strategies, *exact))
    check_needs(settings)
    of_learner = typed(own_settings(settings, LEARNER_SETTINGS), ContinualLearner)
    for name in exact:
        method = EXACT[name]()
        apply_settings(method, under(settings, name))
        method.check_settings()
        yield name, None, method
    for each in strategies:  # the heads in turn: two workers begin with the choices of two rates
        for name in names:
            if name in EXACT:
                continue
            head, against = HEADS[name](), STRATEGIES[each]()
            apply_settings(head, plain_settings(settings))
            against.set_params(**typed(under(settings, each), type(against)))
            model = ContinualLearner(head, against, **of_learner)
            model.check_settings()
            yield name, each, model


def chosen(text: str, known: dict[str, Any], what: str) -> list[str]:
    """Returns the names in a text with commas, each once.

    Raises:
        UserError: If there is no such name; the nearest is given.
    """
    from unseen.data.arguments import nearest
    from unseen.methods import METHODS

    names = [name for part in text.split(",") if (name := part.strip())]
    for name in names:
        if name != ALL and name not in known:
            if what == "method" and name in METHODS:
                raise UserError(f"{name!r} does not learn task by task; {', '.join(known)} do.")
            raise UserError(
                f"There is no {what} {name!r}.{nearest(name, known)} There are: {', '.join(known)}."
            )
    if not names:
        raise UserError(f"No {what} is named; there are: {', '.join(known)}.")

    return list(dict.fromkeys(e for name in names for e in (known if name == ALL else (name,))))


def check_only_exact(exact: Sequence[str], strategy: str, settings: Sequence[str]) -> None:
    """Raises for what only a head takes, where none runs."""
    if strategy != DEFAULT_STRATEGY:
        raise UserError(
            f"`-s {strategy}`: no head runs here, and exact methods ({', '.join(exact)}) take no "
            "strategy; leave it out, or name a head, such as -m class-norm."
        )
    of_heads = [*plain_settings(settings), *own_settings(settings, LEARNER_SETTINGS)]
    if of_heads:
        raise UserError(
            f"`--set {of_heads[0]}` belongs to a head, and none runs here; settings of an exact "
            "method begin with its name, as in recursive-ridge.feature_penalty=10."
        )


def check_prefixes(settings: Sequence[str], running: Sequence[str]) -> None:
    """Raises for a setting of a strategy or method that does not run, or of nothing at all."""
    for text in settings:
        prefix, dot, _ = text.partition("=")[0].partition(".")
        if dot and prefix not in (*running, "stream"):
            raise UserError(
                f"`--set {text}`: {prefix!r} does not run here; a setting belongs to one of "
                f"{', '.join(('stream', *running))}, or, without a dot, to the head."
            )


def check_needs(settings: Sequence[str]) -> None:
    """Raises for a setting that would do nothing beside the others, and stand in a record."""
    names = {text.partition("=")[0] for text in settings}
    for name in ("backbone_lr", "freeze_norm"):
        if name in names and "backbone" not in names:
            raise UserError(
                f"`--set {name}=...` is of a backbone, and none runs here; leave it out, or give "
                "--set backbone=resnet."
            )
    for name in ("lr", "backbone_lr"):
        if name in names and tuned_tasks(settings):
            raise UserError(
                f"`--set {name}=...` and `--set tune=...`, which chooses it, cannot both be given; "
                "leave one out."
            )


def plain_settings(settings: Sequence[str]) -> list[str]:
    """Returns the settings of the head: those without a dot that are no other's."""
    return [
        text
        for text in settings
        if "." not in text.partition("=")[0]
        and text.partition("=")[0] not in (*LEARNER_SETTINGS, "tune")
    ]


def under(settings: Sequence[str], prefix: str) -> list[str]:
    """Returns the settings of a prefix, such as ``ewc.``, without it."""
    return [text[len(prefix) + 1 :] for text in settings if text.startswith(f"{prefix}.")]


def own_settings(settings: Sequence[str], names: Sequence[str]) -> list[str]:
    """Returns the settings with one of these names."""
    return [text for text in settings if text.partition("=")[0] in names]


def stream_settings(settings: Sequence[str]) -> dict[str, Any]:
    """Returns the settings of the stream."""
    from unseen.continual.streams import make_stream

    return typed(under(settings, "stream"), make_stream, STREAM_SETTINGS)


def tuned_tasks(settings: Sequence[str]) -> int:
    """Returns the number of first tasks on which the learning rate is chosen."""
    for text in own_settings(settings, ("tune",)):
        tuned: Any = parse_value("tune", text.partition("=")[2], int)
        return tuned

    return 0


def typed(texts: Sequence[str], of: Any, names: Sequence[str] | None = None) -> dict[str, Any]:
    """Returns settings as the annotations of a signature want them.

    Arguments:
        texts: One text per setting, such as ``weight=5``.
        of: What has the signature.
        names: Which of its parameters can be set; all, where there are none.

    Raises:
        UserError: If a text names no such parameter, or no value of its type.
    """
    parameters = inspect.signature(of).parameters
    annotations = {name: parameters[name].annotation for name in names or parameters}
    values = {}
    for text in texts:
        name, equals, value = text.partition("=")
        check_name(name, equals, annotations, f"There are: {', '.join(annotations)}.")
        kinds = [
            str if get_origin(kind) is Literal else kind
            for kind in (get_args(annotations[name]) or (annotations[name],))
            if kind in (int, float, bool, str, type(None)) or get_origin(kind) is Literal
        ]
        annotation = str if not kinds else kinds[0]
        for kind in kinds[1:]:
            annotation = annotation | kind
        values[name] = parse_value(name, value, annotation)

    return values
