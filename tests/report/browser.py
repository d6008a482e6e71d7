"""Looks at a page in a real browser: what overflows, what it asks for, how it looks.

As a command, it takes the screenshots of the documentation::

    python tests/report/browser.py report.html docs/_static
    python tests/report/browser.py streams.html docs/_static streams
"""

__all__ = ["Layout", "find_browser", "measure", "screenshot"]

import html
import json
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--force-device-scale-factor=1",
    "--virtual-time-budget=5000",
)
SECONDS = 60
DESKTOP, PHONE = 1280, 390  # pixels
LEAST = 500  # pixels: no window of the browser is narrower; a frame inside can be
POLICY = re.compile(r"<meta http-equiv=\"Content-Security-Policy\"[^>]*>")
DARK, LIGHT = "(prefers-color-scheme: dark)", "(prefers-color-scheme: light)"
FRAME = "<!doctype html><body style='margin:0;background:{ground}'>{frame}{script}"
SCRIPT = """<pre id="found"></pre><script>
const frame = document.querySelector("iframe");
frame.onload = () => setTimeout(() => {
  const page = frame.contentDocument, root = page.documentElement;
  for (const part of page.querySelectorAll("details")) part.open ||= OPEN;
  const boxed = (part) => part.closest(".scroll, pre") !== null;
  const wide = [...page.body.querySelectorAll("*")].filter(
    (part) => !boxed(part) && part.getBoundingClientRect().right > root.clientWidth + 1);
  const asked = frame.contentWindow.performance.getEntriesByType("resource");
  document.querySelector("#found").textContent = JSON.stringify({
    width: root.scrollWidth, height: root.scrollHeight,
    overflowing: wide.map((part) => part.outerHTML.slice(0, 80)),
    requests: asked.map((entry) => entry.name)});
}, 300);
</script>"""


@dataclass(frozen=True)
class Layout:
    """What a browser made of a page, in pixels.

    Arguments:
        width: The width of the page; more than that of the window if it overflows.
        height: Its height.
        overflowing: The beginnings of elements that reach over the right edge, but for those in
            boxes that scroll.
        requests: The addresses that the page asked for.
    """

    width: int
    height: int
    overflowing: list[str]
    requests: list[str]


def find_browser() -> str | None:
    """Returns the path of a Chromium or Chrome; nothing if there is none."""
    return next(filter(None, map(shutil.which, NAMES)), None)


def measure(page: str, width: int, opened: bool = True) -> Layout:
    """Lays a page out in a frame of some width, with its folded parts open or as they are.

    Its content security policy is taken away, so that a request would be seen, and not prevented.
    """
    script = SCRIPT.replace("OPEN", str(opened).lower())
    framed = in_frame(POLICY.sub("", page), width, 800, script)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "frame.html"
        path.write_text(framed, encoding="utf-8")
        dumped = run(folder, f"--window-size={max(width, LEAST)},800", "--dump-dom", path.as_uri())

    found = re.search(r'<pre id="found">(.+?)</pre>', dumped, re.DOTALL)
    if found is None:
        raise RuntimeError("The browser did not finish the page in time.")

    return Layout(**json.loads(html.unescape(found[1])))


def screenshot(
    page: str, png: Path, width: int, height: int | None = None, dark: bool = False
) -> None:
    """Takes a picture of a page from its top.

    Arguments:
        page: The HTML.
        png: The file to write.
        width: The width of the window, in pixels.
        height: The height; by default that of the whole page.
        dark: Whether the reader prefers dark pages.
    """
    from PIL import Image

    page = page.replace(DARK, "all") if dark else page.replace(DARK, "not all")
    height = measure(page, width, opened=False).height if height is None else height
    framed = in_frame(page, width, height, "")
    with TemporaryDirectory() as folder:
        path = Path(folder) / "frame.html"
        path.write_text(framed, encoding="utf-8")
        run(
            folder,
            f"--window-size={max(width, LEAST)},{height}",
            f"--screenshot={png}",
            path.as_uri(),
        )
    with Image.open(png) as picture:
        picture.convert("RGB").crop((0, 0, width, height)).save(png, optimize=True)


def in_frame(page: str, width: int, height: int, script: str) -> str:
    frame = (
        f'<iframe srcdoc="{html.escape(page)}" '
        f'style="display:block;border:0;width:{width}px;height:{height}px"></iframe>'
    )

    return FRAME.format(ground="white", frame=frame, script=script)


def run(folder: str, *argv: str) -> str:
    """Runs the browser with an empty profile, and returns what it printed."""
    browser = find_browser()
    if browser is None:
        raise RuntimeError(f"There is no browser: none of {', '.join(NAMES)} is installed.")

    return subprocess.run(
        [browser, *FLAGS, f"--user-data-dir={folder}/profile", *argv],
        capture_output=True,
        check=True,
        text=True,
        timeout=SECONDS,
    ).stdout


def main(report: str, folder: str, name: str = "report") -> None:
    """Takes the screenshots of the documentation."""
    page, target = Path(report).read_text(encoding="utf-8"), Path(folder)
    screenshot(page, target / f"{name}-desktop.png", DESKTOP, 1500)
    screenshot(page, target / f"{name}-dark.png", DESKTOP, 1500, dark=True)
    screenshot(page, target / f"{name}-phone.png", PHONE, 1500)


if __name__ == "__main__":
    main(*sys.argv[1:])
