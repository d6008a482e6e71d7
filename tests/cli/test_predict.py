"""``unseen predict``: what it writes, knows of classes, and refuses."""

import csv
import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from unseen.data.load import load, save
from unseen.decide import SeenPenalty
from unseen.methods.saving import load_model

Command = Callable[..., Any]


def read_table(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


@pytest.mark.parametrize("name", ["toy.npz", "toy.safetensors", "tables"])
def test_predict_writes_what_the_model_predicts(
    command: Command, toys: Path, model: Path, tmp_path: Path, name: str
) -> None:
    run = command("predict", model, toys / name, "-o", tmp_path / "out.csv")

    fitted = load_model(model)
    table = read_table((tmp_path / "out.csv").read_text())
    expected = fitted.predict(load(toys / "toy.npz").rows(np.arange(240)))
    assert run.code == 0
    assert [row["class"] for row in table] == [fitted.class_names_[i] for i in expected]
    assert [row["row"] for row in table] == [str(i) for i in range(240)]
    assert {row["seen"] for row in table} <= {"seen", "unseen"}
    assert all(0 < float(row["probability"]) <= 1 for row in table)


def test_predict_knows_classes_of_a_file(
    command: Command, toys: Path, model: Path, tmp_path: Path
) -> None:
    known = load(toys / "toy.npz")
    new = 1 - known.class_attributes[0]
    lines = ["name," + ",".join(f"a{i}" for i in range(8))]
    for name, row in (("class_001", known.class_attributes[0]), ('the "new", one', new)):
        quoted = name.replace('"', '""')
        lines.append(f'"{quoted}",' + ",".join(f"{value:.9g}" for value in row))
    (tmp_path / "classes.csv").write_text("\n".join(lines) + "\n")

    argv = ("predict", model, toys / "toy.npz", "--classes", tmp_path / "classes.csv")
    run = command(*argv, "--top", 13)

    table = read_table(run.out)
    first = [row for row in table if row["row"] == "0"]
    assert run.code == 0
    assert len(first) == 13
    assert sum(float(row["probability"]) for row in first) == pytest.approx(1, abs=1e-4)
    assert {"class_001", 'the "new", one'} <= {row["class"] for row in first}
    assert 'the "new", one' not in load_model(model).class_names_


def test_predict_notes_new_classes_described_the_same(
    command: Command, toys: Path, model: Path, tmp_path: Path
) -> None:
    fitted = load_model(model)
    names, known = fitted.class_names_, fitted.class_attributes_
    described = {"late": known[0], names[2]: known[2]}
    described |= dict.fromkeys(("new", "newer", "newest"), known[0] + 1)
    lines = ["name," + ",".join(f"a{i}" for i in range(8))]
    lines += [",".join([name, *(f"{x:.9g}" for x in row)]) for name, row in described.items()]
    (tmp_path / "late.csv").write_text("\n".join(lines) + "\n")
    run = command("predict", model, toys / "toy.npz", "--classes", tmp_path / "late.csv")

    assert run.code == 0
    assert re.findall(r"new class '(\w+)' has the same description as '(\w+)'", run.err) == [
        ("late", names[0]),
        ("newer", "new"),
        ("newest", "new"),
    ]
    assert run.err.count("is predicted for both") == 1
    assert run.err.count("'new' is predicted for all 3 of them") == 2


def test_a_method_that_learns_more_of_a_class_tells_twins_apart(
    command: Command, toys: Path, tmp_path: Path
) -> None:
    """By the mean of the one that has examples; the other has only what is predicted."""
    assert command("train", toys / "toy.npz", "-m", "tied-gaussian", "-o", tmp_path / "m").code == 0
    known = load_model(tmp_path / "m").class_attributes_[0]
    twin = ",".join(["twin", *(f"{x:.9g}" for x in known)])
    header = "name," + ",".join(f"a{i}" for i in range(8))
    (tmp_path / "twin.csv").write_text(f"{header}\n{twin}\n")
    run = command("predict", tmp_path / "m", toys / "toy.npz", "--classes", tmp_path / "twin.csv")

    assert run.code == 0
    assert "only what the method learned from examples of classes tells them apart" in run.err
    assert "is predicted for" not in run.err


@pytest.mark.parametrize("value", [0.7, -0.7, 0.0, None])
@pytest.mark.parametrize("kind", ["offset", "factor"])
def test_predict_notes_the_twin_that_it_predicts(
    command: Command, toys: Path, model: Path, tmp_path: Path, kind: str, value: float | None
) -> None:
    fitted, data = load_model(model), load(toys / "toy.npz")
    rows = data.rows(np.arange(240))
    if kind == "factor":  # without negative scores, as a factor asks for
        rows = rows[(fitted.decision_function(rows) > 0).all(axis=1)]
    number = value if value is None or kind == "offset" else 1 - value
    fitted.seen_penalty_ = None if number is None else SeenPenalty(kind, number)
    fitted.save_pretrained(tmp_path / "model")
    np.save(tmp_path / "rows.npy", rows)
    lines = ["name," + ",".join(f"a{i}" for i in range(8))]
    for name, row in zip(fitted.class_names_, fitted.class_attributes_, strict=True):
        lines.append(",".join([f"twin_of_{name}", *(f"{x:.9g}" for x in row)]))
    (tmp_path / "twins.csv").write_text("\n".join(lines) + "\n")

    argv = ("predict", tmp_path / "model", tmp_path / "rows.npy")
    run = command(*argv, "--classes", tmp_path / "twins.csv")
    predicted = {row["class"] for row in read_table(run.out)}
    notes = re.findall(r"as '(\w+)': .* '(\w+)' is predicted for both(.*)\.", run.err)

    assert len(notes) == 12
    assert {winner for _, winner, _ in notes} >= predicted != set()
    assert all((end == "") == (value is None) for _, _, end in notes)


def test_predict_notes_columns_that_it_leaves_out(
    command: Command, toys: Path, model: Path, tmp_path: Path
) -> None:
    header, *lines = (toys / "tables" / "rows.csv").read_text().splitlines()
    rows = [f"file,{header}", *(f"{i}.png,{line}" for i, line in enumerate(lines))]
    (tmp_path / "rows.csv").write_text("\n".join(rows) + "\n")
    expected = command("predict", model, toys / "tables")
    for given in (tmp_path / "rows.csv", tmp_path):
        run = command("predict", model, given)

        assert (run.code, run.out) == (0, expected.out)
        assert "note: Left out of" in run.err
        assert run.err.endswith("as the columns have no numbers or no name: 'file'.\n")
    assert expected.err == ""


def change_header(path: Path, change: Callable[[list[str]], list[str]], target: Path) -> Path:
    """Writes a table with other names of its columns of numbers."""
    header, rest = path.read_text().split("\n", 1)
    names = header.split(",")
    texts = [name for name in names if name in ("name", "label", "split")]
    changed = change(names[len(texts) :])
    target.write_text(",".join([*texts, *changed]) + "\n" + rest)

    return target


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda names: names[::-1],
            r"in another order: '{kind}_{last}' stands in the place of '{k",
        ),
        (lambda names: ["id", *names[1:]], r"training: 'id' is new; '{kind}_0' is missing\. Give"),
    ],
)
def test_columns_of_other_names_or_order_are_refused(
    command: Command,
    toys: Path,
    tmp_path: Path,
    quick: tuple[str, ...],
    change: Callable[[list[str]], list[str]],
    message: str,
) -> None:
    tables, model, moved = toys / "tables", tmp_path / "model", tmp_path / "moved"
    assert command("train", tables, "-o", model, "--penalty", "none", *quick).code == 0
    moved.mkdir()
    rows = change_header(tables / "rows.csv", change, tmp_path / "rows.csv")
    classes = change_header(tables / "classes.csv", change, tmp_path / "classes.csv")
    save(load(tables), tmp_path / "toy.npz")

    features, attributes = (
        message.replace("{kind}", kind).replace("{last}", str(last)).replace("{k", kind)
        for kind, last in (("feature", 15), ("attribute", 7))
    )
    for words, expected in {
        ("predict", model, rows): features,
        ("predict", model, tables, "--classes", classes): attributes,
        ("evaluate", model, tmp_path): features,
        ("inspect", model, tmp_path, "--what", "imbalance"): features,
    }.items():
        run = command(*words)
        assert (run.code, run.out) == (2, "")
        assert re.search(expected, run.err), run.err

    (tmp_path / "rows.csv").write_bytes((tables / "rows.csv").read_bytes())
    for words in (("evaluate", model, tmp_path), ("inspect", model, tmp_path)):
        run = command(*words)
        assert (run.code, run.out) == (2, "")
        assert re.search(attributes, run.err), run.err
    for words in (
        ("predict", model, tables, "--classes", tables / "classes.csv"),
        ("evaluate", model, tables),
        ("evaluate", model, tmp_path / "toy.npz"),  # arrays name no columns
        ("predict", model, tmp_path / "toy.npz", "--classes", tmp_path / "toy.npz"),
    ):
        assert command(*words).code == 0


@pytest.mark.parametrize(
    ("cell", "message"),
    [("", "the cell is empty"), ("low", "'low' is not a finite number")],
)
def test_a_column_of_the_training_without_a_number_is_named_by_its_cell(
    command: Command, toys: Path, tmp_path: Path, quick: tuple[str, ...], cell: str, message: str
) -> None:
    """In a table of one line, that one cell is all that tells what the column holds."""
    tables, model = toys / "tables", tmp_path / "model"
    assert command("train", tables, "-o", model, "--penalty", "none", *quick).code == 0
    (tmp_path / "few.csv").write_text(f"name,{header_of(8, 'attribute')}\nokapi,{cell}{',1' * 7}\n")
    (tmp_path / "p.csv").write_text(f"{header_of(16, 'feature')}\n{cell}{',1' * 15}\n")

    classes = command("predict", model, tables, "--classes", tmp_path / "few.csv")
    features = command("predict", model, tmp_path / "p.csv")

    assert (classes.code, features.code) == (2, 2)
    assert f"few.csv: Line 2, column 'attribute_0': {message}." in classes.err
    assert f"p.csv: Line 2, column 'feature_0': {message}." in features.err


def header_of(count: int, kind: str) -> str:
    return ",".join(f"{kind}_{i}" for i in range(count))


def test_predict_shows_the_first_rows_on_a_terminal(
    command: Command, toys: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TERM", "dumb")
    run = command("predict", model, toys / "toy.npz")

    assert run.code == 0
    assert len(re.findall(r"^\d+ +class_", run.out, re.MULTILINE)) == 10
    assert "230 more rows" in run.err
