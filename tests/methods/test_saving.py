"""Models on disk: whole or not at all, checked when read, never pickled."""

import json
import re
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from safetensors.numpy import load_file, save_file

import unseen
from unseen.data.dataset import Source, ZeroShotData
from unseen.methods import METHODS, saving
from unseen.methods.base import ZeroShotClassifier
from unseen.methods.class_norm import MLP, ClassNorm
from unseen.methods.eszsl import ESZSL
from unseen.methods.saving import ModelError, load_model

SOURCES = sorted(Path(unseen.__file__).parent.rglob("*.py"))
FILES = {"config.json", "model.safetensors", "classes.csv"}

jsons = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


@pytest.fixture(scope="module")
def model(toy: ZeroShotData) -> ClassNorm:
    train = toy.subset("train")

    return ClassNorm(hidden=8, epochs=1, random_state=0).fit(
        train.features, train.labels, toy.class_attributes
    )


@pytest.fixture
def folder(model: ClassNorm, tmp_path: Path) -> Path:
    model.save_pretrained(tmp_path / "model")

    return tmp_path / "model"


def edit(folder: Path, **changes: object) -> None:
    """Changes the configuration; ``...`` takes a key away."""
    config = json.loads((folder / "config.json").read_text())
    config = {key: value for key, value in (config | changes).items() if value is not ...}
    (folder / "config.json").write_text(json.dumps(config))


def names(path: Path) -> set[str]:
    return {file.name for file in path.iterdir()}


def test_a_model_is_three_readable_files(folder: Path, model: ClassNorm) -> None:
    config = json.loads((folder / "config.json").read_text())
    header, first, *_ = (folder / "classes.csv").read_text().splitlines()

    assert names(folder) == FILES
    assert config["method"] == "class-norm"
    assert config["settings"] == model.get_params()
    assert set(config["versions"]) == {"unseen", "torch", "numpy", "scikit-learn"}
    assert header == "name,seen," + ",".join(f"a{i}" for i in range(8))
    assert first.split(",")[:2] == ["0", str(int(model.seen_[0]))]
    tensors = load_file(folder / "model.safetensors")
    for name, value in model._state().items():
        assert_array_equal(tensors[name], value)


@pytest.mark.parametrize("name", sorted(FILES - {"config.json"}))
@pytest.mark.parametrize("damage", ["truncated", "edited", "empty", "missing"])
def test_a_damaged_file_is_named(folder: Path, name: str, damage: str) -> None:
    content = (folder / name).read_bytes()
    if damage == "missing":
        (folder / name).unlink()
    else:
        new = {"truncated": content[:-5], "empty": b"", "edited": content.replace(b"0", b"1", 1)}
        (folder / name).write_bytes(new[damage])

    message = "cannot be read" if damage == "missing" else "cut off or edited since"
    with pytest.raises(ModelError, match=f"{re.escape(name)}.*{message}"):
        load_model(folder)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "cannot be read .* edited or cut off"),
        (b'{"format": 1, "method": ', "cannot be read .* edited or cut off"),
        (b"\xff\xfe\x00", "cannot be read .* edited or cut off"),
        (b"[1, 2]", "is not the configuration of an unseen model"),
        (b'{"model_type": "bert"}', "is not the configuration of an unseen model"),
        (b'{"format": 2}', r"has format 2, this version of unseen reads format 1\. Update unseen"),
        (b'{"format": 1}', "lacks method, settings, sha256, fitted"),
    ],
)
def test_a_damaged_configuration(folder: Path, content: bytes, message: str) -> None:
    (folder / "config.json").write_bytes(content)

    with pytest.raises(ModelError, match=message):
        load_model(folder)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"method": "clas-norm"}, r"no method 'clas-norm' .* Did you mean 'class-norm'\?"),
        ({"settings": {"hidden": 9}}, "does not fit the other files"),
        ({"settings": {"hiden": 8}}, "does not fit the other files .*hiden"),
        ({"settings": {"hidden": 8, "norm": "clas"}}, "does not fit .* Did you mean 'class'"),
        ({"n_features": 17}, "does not fit the other files"),
        ({"n_features": ...}, "does not fit the other files .*n_features"),
        ({"fitted": {}}, "does not fit the other files .*final_relu_"),
        ({"seen_penalty": {"kind": "of set", "value": 1}}, "must be one of 'offset', 'factor'"),
        ({"sha256": {}}, "it was edited since"),
        ({"sha256": ...}, "lacks sha256"),
    ],
    ids=str,
)
def test_a_configuration_that_does_not_fit(folder: Path, changes: dict, message: str) -> None:
    """Whole, and signed anew: as another version of the library might write it."""
    edit(folder, **changes)
    if "sha256" not in changes:
        sign(folder)

    with pytest.raises(ModelError, match=re.compile(message, re.DOTALL)):
        load_model(folder)


def sign(folder: Path) -> None:
    """Records the hash of an edited configuration in it."""
    config = json.loads((folder / "config.json").read_text())
    edit(folder, sha256=config["sha256"] | {"config.json": saving._config_sha256(config)})


@pytest.mark.parametrize(
    "changes",
    [
        {"settings": {"scale": 50.0}},
        {"seen_penalty": {"kind": "offset", "value": -99.0, "selection": "mine"}},
        {"n_features": 17},
    ],
    ids=str,
)
def test_an_edited_configuration(folder: Path, changes: dict) -> None:
    edit(folder, **changes)

    with pytest.raises(ModelError, match=r"config\.json is not what was saved: it was edited"):
        load_model(folder)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    key=st.sampled_from(
        [
            "format",
            "method",
            "settings",
            "n_features",
            "ordinary",
            "labels",
            "fitted",
            "seen_penalty",
            "source",
            "sha256",
        ]
    ),
    value=jsons,
)
def test_no_edit_of_the_configuration_ends_in_a_traceback(
    folder: Path, key: str, value: object
) -> None:
    before = (folder / "config.json").read_bytes()
    edit(folder, **{key: value})
    with suppress(ModelError):  # some edits fit
        load_model(folder)
    (folder / "config.json").write_bytes(before)


def test_tensors_of_another_model_do_not_fit(folder: Path) -> None:
    save_file({"weight": np.zeros(2)}, folder / "model.safetensors")
    config = json.loads((folder / "config.json").read_text())
    hashes = config["sha256"] | {
        "model.safetensors": saving._sha256((folder / "model.safetensors").read_bytes())
    }
    edit(folder, sha256=hashes)
    sign(folder)

    with pytest.raises(ModelError, match="does not fit the other files"):
        load_model(folder)


def test_what_is_no_model_folder(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").touch()
    for path, message in [
        ("nowhere", "nowhere does not exist; give the folder that `unseen train -o` wrote"),
        ("file", "file is a file"),
        ("empty", r"empty is not a model folder: it has no config\.json"),
    ]:
        with pytest.raises(ModelError, match=message):
            load_model(tmp_path / path)


def test_a_model_of_another_method_is_refused(folder: Path) -> None:
    with pytest.raises(ModelError, match=r"model of ClassNorm, not of MLP; `unseen\.load_model`"):
        MLP.from_pretrained(folder)
    assert type(ZeroShotClassifier.from_pretrained(folder)) is ClassNorm


def test_a_method_outside_the_list_is_not_written(toy: ZeroShotData, tmp_path: Path) -> None:
    class Own(ClassNorm):
        pass

    train = toy.subset("train")
    own = Own(hidden=8, epochs=1).fit(train.features, train.labels, toy.class_attributes)
    with pytest.raises(ModelError, match="Own is not in METHODS"):
        own.save_pretrained(tmp_path / "model")
    assert names(tmp_path) == set()


def test_only_models_are_overwritten(model: ClassNorm, tmp_path: Path) -> None:
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.tex").write_text("years of work")
    (tmp_path / "file").write_text("more")

    (tmp_path / "bert").mkdir()
    (tmp_path / "bert" / "config.json").write_text('{"model_type": "bert"}')
    model.save_pretrained(tmp_path / "annotated")
    (tmp_path / "annotated" / "note.txt").write_text("mine")

    for name in ("thesis", "file", "bert", "annotated"):
        with pytest.raises(ModelError, match=f"{name} exists and is not a model folder.* nothing"):
            model.save_pretrained(tmp_path / name)
    assert (tmp_path / "thesis" / "chapter.tex").read_text() == "years of work"
    assert (tmp_path / "file").read_text() == "more"
    assert (tmp_path / "annotated" / "note.txt").read_text() == "mine"
    assert names(tmp_path) == {"thesis", "file", "bert", "annotated"}


def test_models_and_empty_folders_are_replaced(
    folder: Path, model: ClassNorm, toy: ZeroShotData
) -> None:
    train = toy.subset("train")
    other = MLP(hidden=8, epochs=1).fit(train.features, train.labels, toy.class_attributes)
    other.save_pretrained(folder)
    empty = folder.with_name("empty")
    empty.mkdir()
    model.save_pretrained(empty)

    assert type(load_model(folder)) is MLP
    assert type(load_model(empty)) is ClassNorm
    assert names(folder) == names(empty) == FILES
    assert names(folder.parent) == {"model", "empty"}


def test_a_link_goes_on_pointing_to_the_model(folder: Path, toy: ZeroShotData) -> None:
    train = toy.subset("train")
    other = MLP(hidden=8, epochs=1).fit(train.features, train.labels, toy.class_attributes)
    link = folder.parent / "elsewhere" / "link"
    link.parent.mkdir()
    link.symlink_to(folder)
    other.save_pretrained(link)

    assert link.is_symlink()
    assert type(load_model(folder)) is MLP
    assert names(folder.parent) == {"model", "elsewhere"}
    assert names(link.parent) == {"link"}


def test_the_folder_one_stands_in_is_refused(
    model: ClassNorm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    with pytest.raises(ModelError, match="name a folder in it"):
        model.save_pretrained(".")

    assert names(tmp_path / "here") == set()
    assert names(tmp_path) == {"here"}


def test_links_in_a_circle_are_an_error(model: ClassNorm, tmp_path: Path) -> None:
    (tmp_path / "one").symlink_to(tmp_path / "other")
    (tmp_path / "other").symlink_to(tmp_path / "one")
    with pytest.raises(ModelError, match="nothing was changed"):
        model.save_pretrained(tmp_path / "one")


def test_what_is_left_of_an_old_model_is_no_failure(
    folder: Path, toy: ZeroShotData, monkeypatch: pytest.MonkeyPatch
) -> None:
    train = toy.subset("train")
    other = MLP(hidden=8, epochs=1).fit(train.features, train.labels, toy.class_attributes)

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr("os.unlink", refuse)  # what removes the files of a folder
        other.save_pretrained(folder)

    assert type(load_model(folder)) is MLP


@pytest.mark.parametrize("name", ["two\rlines", "two\nlines", 'a "quoted", name', " ", ""])
def test_any_class_name_is_read_back(toy: ZeroShotData, tmp_path: Path, name: str) -> None:
    train, others = toy.subset("train"), [f"class {i}" for i in range(11)]
    model = METHODS["eszsl"]().fit(
        train.features, train.labels, toy.class_attributes, class_names=[name, *others]
    )
    model.save_pretrained(tmp_path / "model")

    assert load_model(tmp_path / "model").class_names_ == (name, *others)


def test_numbers_as_class_names_become_text_before_they_are_saved(
    toy: ZeroShotData, tmp_path: Path
) -> None:
    train, numbers = toy.subset("train"), list(range(100, 112))
    model = METHODS["eszsl"]().fit(
        train.features, train.labels, toy.class_attributes, class_names=numbers
    )
    model.save_pretrained(tmp_path / "model")

    assert model.class_names_ == tuple(map(str, numbers))
    assert load_model(tmp_path / "model").class_names_ == model.class_names_


@pytest.mark.parametrize("at", ["first file", "last file", "rename"])
def test_a_failure_midway_leaves_the_old_model(
    folder: Path, toy: ZeroShotData, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    before = {file.name: file.read_bytes() for file in folder.iterdir()}
    train = toy.subset("train")
    other = ClassNorm(hidden=9, epochs=1).fit(train.features, train.labels, toy.class_attributes)

    def fill_the_disk(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        if at == "rename":
            rename = Path.rename

            def fail_from_temporary(path: Path, target: Path) -> Path:
                return fill_the_disk() if ".old" not in f"{path}{target}" else rename(path, target)

            patch.setattr(Path, "rename", fail_from_temporary)
        else:
            patch.setattr(
                Path, {"first file": "write_bytes", "last file": "write_text"}[at], fill_the_disk
            )
        with pytest.raises(ModelError, match=r"cannot be written \(No space left on device\)"):
            other.save_pretrained(folder)

    assert {file.name: file.read_bytes() for file in folder.iterdir()} == before
    assert names(folder.parent) == {"model"}


def test_folders_above_are_made(model: ClassNorm, tmp_path: Path) -> None:
    model.save_pretrained(tmp_path / "runs" / "today" / "model")

    assert names(tmp_path / "runs" / "today") == {"model"}


def test_a_moved_model_is_the_same(folder: Path, model: ClassNorm, toy: ZeroShotData) -> None:
    moved = shutil.move(folder, folder.with_name("elsewhere"))

    assert_array_equal(
        load_model(moved).decision_function(toy.features), model.decision_function(toy.features)
    )


def test_the_names_of_columns_are_kept(
    model: ClassNorm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    named = Source("toy", feature_names=("x", "y"), attribute_names=("stripes", "hooves"))
    monkeypatch.setattr(model, "source_", named)
    model.save_pretrained(tmp_path / "model")

    assert load_model(tmp_path / "model").source_ == named


def test_a_folder_from_before_columns_had_names_is_read(folder: Path, model: ClassNorm) -> None:
    config = json.loads((folder / "config.json").read_text())
    old = {key: config["source"][key] for key in config["source"] if not key.endswith("_names")}
    edited = config | {"source": old}
    del edited["feature_names"]
    edited["sha256"]["config.json"] = saving._config_sha256(edited)
    (folder / "config.json").write_text(json.dumps(edited))

    assert len(old) == len(config["source"]) - 2
    assert load_model(folder).source_ == model.source_


def test_settings_from_a_grid_search_are_written(toy: ZeroShotData, tmp_path: Path) -> None:
    train = toy.subset("train")
    model = ClassNorm(hidden=np.int64(8), epochs=1, lr=np.float32(0.5))
    model.fit(train.features, train.labels, toy.class_attributes).save_pretrained(tmp_path / "m")

    assert load_model(tmp_path / "m").get_params() == model.get_params()


def test_names_of_columns_are_kept(toy: ZeroShotData, tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    train = toy.subset("train")
    frame = pyarrow.table({f"f{i}": column for i, column in enumerate(train.features.T)})
    ESZSL().fit(frame, train.labels, toy.class_attributes).save_pretrained(tmp_path / "m")
    model = load_model(tmp_path / "m")

    assert model.score(frame, train.labels) > 0.5
    with pytest.raises(ValueError, match="feature names should match"):
        model.predict(frame.select(frame.column_names[::-1]))
    model.save_pretrained(tmp_path / "m")
    assert load_model(tmp_path / "m").feature_names_in_.tolist() == frame.column_names


def test_labels_that_json_cannot_hold_are_named(toy: ZeroShotData, tmp_path: Path) -> None:
    days = np.array(["2026-01-01", "2026-01-02"], dtype="datetime64[D]")
    model = ESZSL().fit(toy.features, days[toy.labels % 2])

    with pytest.raises(ModelError, match="settings or labels hold datetime"):
        model.save_pretrained(tmp_path / "m")


def test_a_random_state_that_json_cannot_hold_is_named(toy: ZeroShotData, tmp_path: Path) -> None:
    train = toy.subset("train")
    model = ClassNorm(hidden=8, epochs=1, random_state=np.random.RandomState(0))
    model.fit(train.features, train.labels, toy.class_attributes)

    with pytest.raises(ModelError, match=r"or labels hold RandomState.*random_state=0"):
        model.save_pretrained(tmp_path / "model")
    assert names(tmp_path) == set()


FORBIDDEN: dict[str, Callable[[str], bool]] = {
    "pickle": lambda line: "pickle" in line.replace("allow_pickle=False", ""),
    "torch.load": lambda line: "torch.load(" in line,
    "torch.save": lambda line: "torch.save(" in line,
    "joblib": lambda line: "joblib" in line,
}


@pytest.mark.parametrize("what", FORBIDDEN)
def test_nothing_is_pickled(what: str) -> None:
    assert len(SOURCES) > 30
    guilty = [
        f"{path}:{i}"
        for path in SOURCES
        for i, line in enumerate(path.read_text().splitlines(), start=1)
        if FORBIDDEN[what](line)
    ]

    assert not guilty
