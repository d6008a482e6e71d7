"""Downloads against a server on 127.0.0.1 that drops, lies, changes its mind and fails."""

import hashlib
import io
import os
import re
import shutil
import socket
import struct
import threading
import zipfile
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from unseen.data import download
from unseen.data.dataset import DataError
from unseen.data.fetch import BENCHMARK_URL, fetch

NOISE = np.random.default_rng(0).bytes(300_000)  # incompressible, so that half a file is half


def zip_bytes(members: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)

    return file.getvalue()


BODY = zip_bytes({"xlsa17/data/CUB/res101.mat": NOISE, "xlsa17/README.txt": b"hello"})
SHA256 = hashlib.sha256(BODY).hexdigest()


class Handler(BaseHTTPRequestHandler):
    """Answers as the next behaviour says; the last one stays."""

    server: "Server"

    def do_GET(self) -> None:
        server = self.server
        server.ranges.append(self.headers.get("Range"))
        behaviours = server.behaviours
        behaviour = behaviours.pop(0) if len(behaviours) > 1 else behaviours[0]
        behaviour(self)

    def log_message(self, *_: object) -> None:
        """Keeps the test output clean."""

    def asked(self) -> int:
        """The first byte that is asked for, 0 if the file has changed since."""
        match = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        unchanged = self.headers.get("If-Range") == self.server.etag

        return int(match[1]) if match and unchanged else 0

    def send(self, stated: int, sent: bytes, start: int = 0) -> None:
        self.send_response(206 if start else 200)
        if start:
            total = start + stated
            self.send_header("Content-Range", f"bytes {start}-{total - 1}/{total}")
        if self.server.etag:
            self.send_header("ETag", self.server.etag)
        self.send_header("Content-Length", str(stated))
        self.end_headers()
        self.wfile.write(sent)


class Server(ThreadingHTTPServer):
    """Serves one archive, well or badly."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.body = BODY
        self.etag = '"one"'
        self.behaviours: list[Callable[[Handler], None]] = [well]
        self.ranges: list[str | None] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/xlsa17.zip"


def well(request: Handler) -> None:
    start = request.asked()
    rest = request.server.body[start:]
    request.send(len(rest), rest, start)


def drop(request: Handler) -> None:
    start = request.asked()
    rest = request.server.body[start:]
    request.send(len(rest), rest[: len(rest) // 2], start)


def ignore_range(request: Handler) -> None:
    request.send(len(request.server.body), request.server.body)


def state_too_much(request: Handler) -> None:
    request.send(len(request.server.body) + 1000, request.server.body)


def state_too_little(request: Handler) -> None:
    half = request.server.body[: len(request.server.body) // 2]
    request.send(len(half), half)


def send_elsewhere(request: Handler) -> None:
    request.send(10, request.server.body[7:17], start=7)


def state_no_bytes(request: Handler) -> None:
    request.send_response(206)
    request.send_header("Content-Range", "bytes some of them")
    request.end_headers()


def reset(request: Handler) -> None:
    """Answers with less than it states, and resets the connection."""
    request.send(len(request.server.body), request.server.body[:10_000])
    linger = struct.pack("ii", 1, 0)
    request.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    request.connection.shutdown(socket.SHUT_RD)
    request.connection.close()


def state_no_length(request: Handler) -> None:
    request.send_response(200)
    request.end_headers()
    request.wfile.write(request.server.body)


def answer(code: int) -> Callable[[Handler], None]:
    return lambda request: request.send_error(code)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr(download, "WAITS", (0.0, 0.0, 0.0))
    monkeypatch.setattr(download, "BLOCK", 10_000)

    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def check_unpacked(folder: Path) -> None:
    assert names(folder) == ["xlsa17", "xlsa17.zip.sha256"]
    assert (folder / "xlsa17" / "data" / "CUB" / "res101.mat").read_bytes() == NOISE
    assert (folder / "xlsa17.zip.sha256").read_text() == f"{SHA256}  xlsa17.zip\n"


def test_the_official_address_is_over_https() -> None:
    assert BENCHMARK_URL.startswith("https://datasets.d2.mpi-inf.mpg.de/")


def test_fetch_unpacks_and_reports_progress(server: Server, tmp_path: Path) -> None:
    calls: list[tuple[int, int | None]] = []
    folder = tmp_path / "new" / "folder"

    target = fetch(folder, server.url, progress=lambda done, total: calls.append((done, total)))

    assert target == folder / "xlsa17"
    check_unpacked(folder)
    assert calls[-1] == (len(BODY), len(BODY))
    assert [done for done, _ in calls] == sorted(done for done, _ in calls)


def test_second_fetch_asks_nothing(server: Server, tmp_path: Path) -> None:
    fetch(tmp_path, server.url, sha256=SHA256.upper())
    fetch(tmp_path, server.url, sha256=SHA256)

    assert len(server.ranges) == 1


def test_dropped_connections_are_resumed(server: Server, tmp_path: Path) -> None:
    server.behaviours = [drop, drop, well]
    fetch(tmp_path, server.url)

    half = len(BODY) // 2
    assert server.ranges == [None, f"bytes={half}-", f"bytes={half + (len(BODY) - half) // 2}-"]
    check_unpacked(tmp_path)


@pytest.mark.parametrize("middle", [state_no_bytes, reset])
def test_odd_answers_in_the_middle_are_no_end(
    server: Server, tmp_path: Path, middle: Callable[[Handler], None]
) -> None:
    server.behaviours = [drop, middle, well]
    fetch(tmp_path, server.url)

    assert len(server.ranges) == 3
    check_unpacked(tmp_path)


def test_a_later_call_resumes(server: Server, tmp_path: Path) -> None:
    server.behaviours = [drop, answer(503)]
    with pytest.raises(DataError, match=r"failed after 4 tries.*503.*what was received is kept"):
        fetch(tmp_path, server.url)
    assert names(tmp_path) == ["xlsa17.zip.part", "xlsa17.zip.part.json"]

    server.behaviours = [well]
    fetch(tmp_path, server.url)

    assert server.ranges[-1] == f"bytes={len(BODY) // 2}-"
    check_unpacked(tmp_path)


def test_nothing_received_leaves_nothing(server: Server, tmp_path: Path) -> None:
    server.behaviours = [answer(503)] * 4
    with pytest.raises(DataError, match=r"failed after 4 tries.*Fetch again later\.$"):
        fetch(tmp_path / "new", server.url)
    assert not names(tmp_path)

    (tmp_path / "mine").mkdir()
    server.behaviours = [answer(503)] * 4
    with pytest.raises(DataError, match="Fetch again later"):
        fetch(tmp_path / "mine", server.url)
    assert names(tmp_path) == ["mine"]


def test_a_call_stopped_by_hand_is_resumed(server: Server, tmp_path: Path) -> None:
    def stop(done: int, _: int | None) -> None:
        if done > 100_000:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch(tmp_path, server.url, progress=stop)
    fetch(tmp_path, server.url)

    assert server.ranges == [None, "bytes=110000-"]
    check_unpacked(tmp_path)


def test_a_complete_part_asks_nothing(server: Server, tmp_path: Path) -> None:
    def stop(done: int, total: int | None) -> None:
        if done == total:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch(tmp_path, server.url, progress=stop)
    fetch(tmp_path, server.url)

    assert len(server.ranges) == 1
    check_unpacked(tmp_path)


@pytest.mark.parametrize("etag", ['"one"', "", 'W/"weak"'])
def test_a_server_that_ignores_ranges_is_asked_for_all(
    server: Server, tmp_path: Path, etag: str
) -> None:
    server.etag = etag
    server.behaviours = [drop, ignore_range]
    fetch(tmp_path, server.url)

    assert (server.ranges[1] is None) == (etag != '"one"')  # nothing proves it the same file
    check_unpacked(tmp_path)


def test_a_file_changed_in_between_starts_over(server: Server, tmp_path: Path) -> None:
    def change(request: Handler) -> None:
        request.server.etag, request.server.body = '"two"', BODY
        well(request)

    server.body = BODY[::-1]
    server.behaviours = [drop, change]
    fetch(tmp_path, server.url)

    check_unpacked(tmp_path)


@pytest.mark.parametrize("middle", [send_elsewhere, answer(416)])
def test_a_wrong_range_starts_over(
    server: Server, tmp_path: Path, middle: Callable[[Handler], None]
) -> None:
    server.behaviours = [drop, middle, well]
    fetch(tmp_path, server.url)

    assert server.ranges[2] is None
    check_unpacked(tmp_path)


def test_a_damaged_state_starts_over(server: Server, tmp_path: Path) -> None:
    (tmp_path / "xlsa17.zip.part").write_bytes(b"something else")
    (tmp_path / "xlsa17.zip.part.json").write_text('{"url": ')
    fetch(tmp_path, server.url)

    assert server.ranges == [None]
    check_unpacked(tmp_path)


def test_passing_failures_are_retried(server: Server, tmp_path: Path) -> None:
    server.behaviours = [answer(503), answer(429), well]
    fetch(tmp_path, server.url)

    check_unpacked(tmp_path)


def test_a_file_of_unstated_length_is_taken(server: Server, tmp_path: Path) -> None:
    server.behaviours = [state_no_length]
    totals = []
    fetch(tmp_path, server.url, progress=lambda _, total: totals.append(total))

    assert set(totals) == {None}
    check_unpacked(tmp_path)


def test_missing_file_is_not_retried(server: Server, tmp_path: Path) -> None:
    server.behaviours = [answer(404)]
    with pytest.raises(DataError, match=r"127\.0\.0\.1.*answered 404"):
        fetch(tmp_path, server.url)

    assert len(server.ranges) == 1
    assert not names(tmp_path)


def test_a_length_stated_too_large_ends(server: Server, tmp_path: Path) -> None:
    server.behaviours = [state_too_much]
    server.etag = ""
    with pytest.raises(DataError, match=f"ended at byte {len(BODY)} of {len(BODY) + 1000}"):
        fetch(tmp_path, server.url)

    assert "xlsa17" not in names(tmp_path)


def test_a_length_stated_too_small_is_found_out(server: Server, tmp_path: Path) -> None:
    server.behaviours = [state_too_little]
    with pytest.raises(DataError, match=r"cannot be unpacked.*removed"):
        fetch(tmp_path, server.url)

    assert not names(tmp_path)


def damaged() -> bytes:
    spot = BODY.index(NOISE[1000:1010])

    return BODY[:spot] + b"##########" + BODY[spot + 10 :]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"<html>Please log in</html>", "not a zip file"),
        (b"", "not a zip file"),
        (damaged(), "Bad CRC-32"),
        (zip_bytes({}), "empty"),
        (zip_bytes({"../outside.txt": b"x"}), "outside.txt' would be written elsewhere"),
        (zip_bytes({"/outside.txt": b"x"}), "outside.txt' would be written elsewhere"),
        (zip_bytes({"a\\..\\..\\outside.txt": b"x"}), "would be written elsewhere"),
    ],
    ids=["html", "nothing", "crc", "empty", "dots", "root", "backslashes"],
)
def test_wrong_bytes_are_removed(server: Server, tmp_path: Path, body: bytes, message: str) -> None:
    server.body = body
    folder = tmp_path / "data"
    with pytest.raises(DataError, match=re.compile(message, re.IGNORECASE)):
        fetch(folder, server.url)

    assert not names(folder)
    assert names(tmp_path) == ["data"]


def test_links_in_the_archive_are_refused(server: Server, tmp_path: Path) -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        link = zipfile.ZipInfo("link")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
    server.body = file.getvalue()

    with pytest.raises(DataError, match="written elsewhere"):
        fetch(tmp_path, server.url)


def test_archive_without_a_top_folder_gets_one(server: Server, tmp_path: Path) -> None:
    server.body = zip_bytes({"a.txt": b"a", "b/c.txt": b"c"})
    target = fetch(tmp_path, server.url)

    assert target.name == "xlsa17"
    assert names(target) == ["a.txt", "b"]


def test_wrong_checksum_is_removed(server: Server, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=f"has SHA-256 {SHA256}, expected 0000"):
        fetch(tmp_path, server.url, sha256="0" * 64)

    assert not names(tmp_path)


def test_later_downloads_must_match_the_first(server: Server, tmp_path: Path) -> None:
    shutil.rmtree(fetch(tmp_path, server.url))
    server.body = zip_bytes({"xlsa17/other.txt": b"other"})

    with pytest.raises(DataError, match=f"expected {SHA256}.*If the change is meant, remove"):
        fetch(tmp_path, server.url)

    (tmp_path / "xlsa17.zip.sha256").unlink()
    assert names(fetch(tmp_path, server.url)) == ["other.txt"]


def test_existing_folders_are_left_alone(server: Server, tmp_path: Path) -> None:
    (tmp_path / "xlsa17").mkdir()
    with pytest.raises(DataError, match="no earlier fetch made it"):
        fetch(tmp_path, server.url)

    (tmp_path / "xlsa17.zip.sha256").write_text(f"{SHA256}  xlsa17.zip\n")
    with pytest.raises(DataError, match="expected 0000"):
        fetch(tmp_path, server.url, sha256="0" * 64)

    (tmp_path / "xlsa17.zip.sha256").write_text("")
    with pytest.raises(DataError, match="holds no SHA-256"):
        fetch(tmp_path, server.url)

    assert not server.ranges


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd.zip",
        "ftp://host/a.zip",
        "http://host/",
        "http:///a.zip",
        "https://host/.zip",
        "http://[broken/a.zip",
        "xlsa17.zip",
    ],
)
def test_wrong_addresses_are_explained(tmp_path: Path, url: str) -> None:
    with pytest.raises(DataError, match="not that of a zip archive"):
        fetch(tmp_path, url)


def test_malformed_addresses_are_explained(server: Server, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="malformed"):
        fetch(tmp_path, server.url.replace("/xlsa", "/x lsa"))


def test_malformed_checksum_is_explained(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="must be 64 hexadecimal digits, got 'abc'"):
        fetch(tmp_path, sha256="abc")


@pytest.mark.usefixtures("server")
def test_unreachable_server_is_explained(tmp_path: Path) -> None:
    closed = Server()
    closed.server_close()

    with pytest.raises(DataError, match=r"no connection \(.*refused"):
        fetch(tmp_path, closed.url)


def test_a_file_in_place_of_the_folder_is_explained(server: Server, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(DataError, match="Cannot use"):
        fetch(tmp_path / "file", server.url)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_read_only_folder_is_explained(server: Server, tmp_path: Path) -> None:
    tmp_path.chmod(0o555)
    with pytest.raises(DataError, match="Permission denied"):
        fetch(tmp_path, server.url)
    tmp_path.chmod(0o755)


def test_too_little_room_is_found_before_writing(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1000))
    with pytest.raises(DataError, match="Not enough room"):
        fetch(tmp_path, server.url)

    assert not names(tmp_path)


def test_a_disk_that_fills_keeps_the_download(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full_disk(*_: object) -> None:
        raise OSError(28, "No space left on device", "res101.mat")

    with monkeypatch.context() as patch:
        patch.setattr(zipfile.ZipFile, "extractall", full_disk)
        with pytest.raises(DataError, match=r"res101\.mat: No space left on device.*fetch again"):
            fetch(tmp_path, server.url)
    assert names(tmp_path) == ["xlsa17.zip"]

    fetch(tmp_path, server.url)
    assert len(server.ranges) == 1
    check_unpacked(tmp_path)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
def test_a_disk_that_fills_while_downloading_is_explained(server: Server, tmp_path: Path) -> None:
    (tmp_path / "xlsa17.zip.part").symlink_to("/dev/full")
    with pytest.raises(DataError, match="Cannot use the disk: No space left on device"):
        fetch(tmp_path, server.url)

    assert len(server.ranges) == 1
