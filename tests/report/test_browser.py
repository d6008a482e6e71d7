"""The page in a real browser: nothing overflows, nothing is asked for, and it can be looked at."""

from pathlib import Path

import pytest
from browser import DESKTOP, PHONE, measure, screenshot
from stores import make_record, write_store
from stream_stores import make_stream_record

from unseen.report.html import render_report
from unseen.report.records import read_runs
from unseen.report.stream_records import read_streams

SECONDS_OF_BROWSER = pytest.mark.usefixtures("browser")


@SECONDS_OF_BROWSER
@pytest.mark.parametrize("width", [DESKTOP, PHONE, 320])
def test_nothing_overflows_and_nothing_is_asked_for(page: str, width: int) -> None:
    layout = measure(page, width)

    assert layout.width == width
    assert layout.overflowing == []
    assert layout.requests == []
    assert layout.height > 3000


@SECONDS_OF_BROWSER
@pytest.mark.parametrize("width", [DESKTOP, PHONE, 320])
def test_streams_overflow_nowhere_and_ask_for_nothing(stream_page: str, width: int) -> None:
    layout = measure(stream_page, width)

    assert layout.width == width
    assert layout.overflowing == []
    assert layout.requests == []
    assert layout.height > 3000


@SECONDS_OF_BROWSER
@pytest.mark.parametrize("kind", ["page", "stream_page"])
def test_paper_overflows_nowhere(kind: str, request: pytest.FixtureRequest) -> None:
    page = request.getfixturevalue(kind)
    layout = measure(page.replace("@media print", "@media all"), 1017, opened=False)

    assert layout.width == 1017
    assert layout.overflowing == []


@SECONDS_OF_BROWSER
def test_long_names_overflow_nowhere(tmp_path: Path) -> None:
    long = "a-method-with-a-very-long-name-" * 4
    record = make_record(long, classes=[f"{'class' * 30} {row}" for row in range(15)])
    record["command"] = "unseen benchmark " + "a-long-path/" * 40
    layout = measure(render_report(read_runs([write_store(tmp_path, [record])])), PHONE)

    assert layout.width == PHONE
    assert layout.overflowing == []


@SECONDS_OF_BROWSER
def test_long_names_of_streams_overflow_nowhere(tmp_path: Path) -> None:
    records = [
        make_stream_record(
            "mlp",
            "a-strategy-with-a-very-long-name-" * 4,
            data="data" * 30,
            lr=lr,
            memory_bytes=[{"a part with a long name": 10**9}] * 4,
        )
        for lr in (0.1, 0.2)
    ]
    streams = read_streams([write_store(tmp_path, records)])
    layout = measure(render_report([], streams=streams), PHONE)

    assert layout.width == PHONE
    assert layout.overflowing == []


@SECONDS_OF_BROWSER
def test_the_measurement_sees_what_is_wrong() -> None:
    page = (
        '<!doctype html><body><p style="width:900px">wide</p>'
        '<img src="http://127.0.0.1:9/picture.png">'
    )
    layout = measure(page, PHONE)

    assert layout.width > PHONE
    assert layout.overflowing[0].startswith("<p")
    assert layout.requests == ["http://127.0.0.1:9/picture.png"]


@SECONDS_OF_BROWSER
def test_screenshots_show_light_and_dark(page: str, tmp_path: Path) -> None:
    from PIL import Image

    screenshot(page, tmp_path / "light.png", DESKTOP, 900)
    screenshot(page, tmp_path / "dark.png", PHONE, 900, dark=True)

    with Image.open(tmp_path / "light.png") as light, Image.open(tmp_path / "dark.png") as dark:
        assert light.size == (DESKTOP, 900)
        assert dark.size == (PHONE, 900)
        assert min(light.getpixel((3, 3))) > 240
        assert max(dark.getpixel((3, 3))) < 40
        assert len(set(light.resize((64, 64)).get_flattened_data())) > 50  # something is drawn
