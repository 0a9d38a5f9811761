"""Downloads from file:// URLs and a server on the loopback interface, never from the network."""

import gzip
import hashlib
import http.server
import threading

import platformdirs
import pytest

from refimpl.datasets import SOURCES, fetch
from refimpl.datasets.fetch import PublicFile, Source, data_directory
from refimpl.errors import DataError

CONTENT = {
    "train_images": b"images" * 40_000,
    "train_labels": b"labels" * 10,
    "test_images": b"IMAGES" * 30,
    "test_labels": b"LABELS" * 5,
}


@pytest.fixture
def mirror(tmp_path):
    """A folder of archives that serves as a mirror."""
    folder = tmp_path / "mirror"
    folder.mkdir()
    for role, content in CONTENT.items():
        (folder / f"{role}.gz").write_bytes(gzip.compress(content, compresslevel=0))
    return folder


@pytest.fixture(params=["content", "archive"])
def source(request, mirror, monkeypatch):
    """A data set whose checksums belong to the mirror's files."""
    files = {}
    for role, content in CONTENT.items():
        hashed = content if request.param == "content" else (mirror / f"{role}.gz").read_bytes()
        digests = {"md5": hashlib.md5(hashed).hexdigest(), "sha1": hashlib.sha1(hashed).hexdigest()}
        files[role] = PublicFile(role, digests, of=request.param)
    made = Source("toy", "Toy", files, (mirror.as_uri() + "/",), "none")
    monkeypatch.setitem(SOURCES, "toy", made)
    return made


def held(folder):
    return {path.name: gzip.decompress(path.read_bytes()) for path in folder.iterdir()}


WHOLE = {f"{role}.gz": content for role, content in CONTENT.items()}


def test_files_arrive_whole_and_nothing_else_stays(source, tmp_path):
    results = fetch("toy", tmp_path / "new" / "data")
    assert held(tmp_path / "new" / "data" / "toy") == WHOLE
    assert [result.status for result in results] == ["downloaded"] * 4
    assert all(result.url.startswith("file://") for result in results)


def test_progress_counts_every_byte_up_to_the_total(source, mirror, tmp_path):
    calls = []
    fetch("toy", tmp_path, progress=lambda *call: calls.append(call))
    for role in CONTENT:
        size = (mirror / f"{role}.gz").stat().st_size
        mine = [(done, total) for name, done, total in calls if name == f"{role}.gz"]
        assert mine[-1] == (size, size)
        assert mine == sorted(mine)
    assert len([call for call in calls if call[0] == "train_images.gz"]) > 1


def test_files_that_are_right_are_left_alone(source, tmp_path):
    fetch("toy", tmp_path)
    kept = tmp_path / "toy" / "train_images.gz"
    (tmp_path / "toy" / "test_labels.gz").unlink()
    (tmp_path / "toy" / "train_labels.gz").write_bytes(gzip.compress(b"wrong"))
    (tmp_path / "toy" / "test_images.gz").write_bytes(b"\x1f\x8bnonsense")
    before = kept.stat().st_mtime_ns
    statuses = [result.status for result in fetch("toy", tmp_path)]
    assert statuses == ["present", "downloaded", "downloaded", "downloaded"]
    assert kept.stat().st_mtime_ns == before
    assert held(tmp_path / "toy") == WHOLE
    nowhere = (tmp_path.as_uri() + "/nowhere/",)
    assert {r.status for r in fetch("toy", tmp_path, mirrors=nowhere)} == {"present"}


def test_a_plain_file_counts_where_its_content_can_be_checked(source, tmp_path):
    (tmp_path / "toy").mkdir()
    (tmp_path / "toy" / "test_labels").write_bytes(CONTENT["test_labels"])
    status = fetch("toy", tmp_path)[-1].status
    by_content = source.files["test_labels"].of == "content"
    assert status == ("present" if by_content else "downloaded")


def test_mirrors_are_tried_in_turn(source, mirror, tmp_path):
    bad = tmp_path / "bad"
    bad.mkdir()
    for role in CONTENT:
        (bad / f"{role}.gz").write_bytes(gzip.compress(b"something else"))
    mirrors = tuple(f"{folder.as_uri()}/" for folder in (tmp_path / "none", bad, mirror))
    results = fetch("toy", tmp_path / "data", mirrors=mirrors)
    assert all(result.url.startswith(mirror.as_uri()) for result in results)
    assert held(tmp_path / "data" / "toy") == WHOLE


def test_no_right_file_anywhere_names_each_mirror_and_leaves_nothing(source, tmp_path):
    bad = tmp_path / "bad"
    bad.mkdir()
    (bad / "train_images.gz").write_bytes(gzip.compress(b"something else"))
    mirrors = tuple(f"{folder.as_uri()}/" for folder in (tmp_path / "none", bad))
    with pytest.raises(DataError) as caught:
        fetch("toy", tmp_path / "data", mirrors=mirrors)
    assert all(mirror in str(caught.value) for mirror in mirrors)
    expected = source.files["train_images"].digests["md5"]
    assert f"md5 of the {source.files['train_images'].of} is" in str(caught.value)
    assert expected in str(caught.value)
    assert list((tmp_path / "data" / "toy").iterdir()) == []


def test_an_interruption_leaves_finished_files_and_the_next_run_goes_on(source, tmp_path):
    def interrupt(name, done, total):
        if name == "test_images.gz":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch("toy", tmp_path, progress=interrupt)
    assert set(held(tmp_path / "toy")) == {"train_images.gz", "train_labels.gz"}
    statuses = [result.status for result in fetch("toy", tmp_path)]
    assert statuses == ["present", "present", "downloaded", "downloaded"]


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers 404 under /missing/, half of a body under /short/, and the file elsewhere."""

    def do_GET(self):
        _, place, name = self.path.split("/")
        if place == "missing":
            self.send_error(404)
            return
        content = (self.server.folder / name).read_bytes()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content[: len(content) // 2] if place == "short" else content)

    def log_message(self, *args):
        pass


@pytest.fixture
def server(mirror, monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as made:
        made.folder = mirror
        thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{made.server_port}"
        made.shutdown()
        thread.join()


def test_http_errors_and_short_bodies_fall_through_to_the_next_mirror(source, server, tmp_path):
    mirrors = tuple(f"{server}/{place}/" for place in ("missing", "short", "good"))
    results = fetch("toy", tmp_path, mirrors=mirrors)
    assert all("/good/" in result.url for result in results)
    assert held(tmp_path / "toy") == WHOLE
    with pytest.raises(DataError, match="404"):
        fetch("toy", tmp_path / "again", mirrors=mirrors[:2])


def test_the_folder_is_the_argument_or_the_variable_or_that_of_this_user(monkeypatch, tmp_path):
    monkeypatch.delenv("REFIMPL_DATA", raising=False)
    monkeypatch.setattr(platformdirs, "user_data_dir", lambda name, **_: str(tmp_path / name))
    assert data_directory(None) == tmp_path / "refimpl"
    monkeypatch.setenv("REFIMPL_DATA", str(tmp_path / "variable"))
    assert data_directory(None) == tmp_path / "variable"
    assert data_directory(tmp_path / "argument") == tmp_path / "argument"


def test_what_is_there_is_not_fetched_again_but_checked(monkeypatch, source, server, tmp_path):
    monkeypatch.delenv("REFIMPL_DATA", raising=False)
    monkeypatch.setattr(platformdirs, "user_data_dir", lambda name, **_: str(tmp_path / name))
    mirrors = (f"{server}/good/",)
    assert {item.status for item in fetch("toy", mirrors=mirrors)} == {"downloaded"}
    assert {item.path.parent for item in fetch("toy", mirrors=())} == {tmp_path / "refimpl/toy"}
    assert {item.status for item in fetch("toy", mirrors=())} == {"present"}
    damaged = fetch("toy")[0].path
    damaged.write_bytes(b"not it")
    again = fetch("toy", mirrors=mirrors)
    assert [item.path for item in again if item.status == "downloaded"] == [damaged]


@pytest.mark.parametrize("name", ["mnist", "fashion-mnist"])
def test_the_known_sources_are_complete(name):
    source = SOURCES[name]
    assert set(source.files) == set(CONTENT)
    lengths = {"md5": 32, "sha256": 64}
    for public in source.files.values():
        assert public.of == ("content" if name == "mnist" else "archive")
        assert all(len(digest) == lengths[kind] for kind, digest in public.digests.items())
    assert all(mirror.startswith("http") and mirror.endswith("/") for mirror in source.mirrors)
