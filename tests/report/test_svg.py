"""Figures inside a page: unique names, the page's colours, no addresses."""

import re
import warnings
from xml.etree import ElementTree

from matplotlib.figure import Figure

from unseen.report.svg import INK, SERIES, inline_svg


def draw(name: str, label: str = "a label") -> str:
    figure = Figure(figsize=(2, 2))
    axes = figure.add_subplot()
    axes.plot([0, 1], [0, 1], "o-", color=SERIES[0])
    axes.set_title(label, color=INK, parse_math=False)

    return inline_svg(figure, name, 'What "it" shows <here>.')


def test_it_is_one_whole_element_with_a_description() -> None:
    element = ElementTree.fromstring(draw("first"))

    assert element.tag == "svg"
    assert element.get("aria-label") == 'What "it" shows <here>.'
    assert element.get("viewBox")
    assert element.get("width") is None


def test_names_of_two_figures_never_meet() -> None:
    first, second = (set(re.findall(r'\bid="([^"]+)"', draw(name))) for name in ("a", "b"))

    assert first
    assert not first & second


def test_every_reference_has_its_target() -> None:
    svg = draw("figure")
    names = re.findall(r'\bid="([^"]+)"', svg)
    used = re.findall(r'(?:href="#|url\(#)([^")]+)', svg)

    assert used
    assert set(used) <= set(names)
    assert len(names) == len(set(names))


def test_colours_are_the_pages_and_text_is_text() -> None:
    svg = draw("figure")

    assert "var(--series-1)" in svg
    assert "var(--ink)" in svg
    assert ">a label<" in svg
    assert "#0101" not in svg
    assert "http" not in svg
    assert "<style" not in svg


def test_it_is_the_same_every_time() -> None:
    assert draw("figure") == draw("figure")


def test_texts_of_users_are_escaped_and_need_no_font_of_ours() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        svg = draw("figure", label="<script>$x_1$ 斑马")

    assert "<script" not in svg
    assert "$x_1$ 斑马" in svg
