"""Downloads from a real server on loopback: broken off, gone on with, of unknown size, of another content."""

import hashlib
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from loopback_file import serving

from audiosetzsl.downloads import DigestKind, Pin, download, git_blob_id_of, weights_folder
from audiosetzsl.errors import SetupError

CONTENT = bytes(range(256)) * 1000
SHA256 = hashlib.sha256(CONTENT).hexdigest()
GIT = hashlib.sha1(b"blob 256000\0" + CONTENT).hexdigest()
PINS = [Pin(SHA256, bytes=len(CONTENT)), Pin(SHA256), Pin(SHA256[:8]), Pin(GIT, DigestKind.GIT_BLOB)]


@pytest.fixture
def server():
    with serving(CONTENT, "w.pt") as running:
        yield running


def fetch(server, folder, pin, **more):
    return download(server.url, folder / "w.pt", pin, owner="the port", error=SetupError, **more)


def names(folder):
    """Files in a folder, the lock apart."""
    return sorted(path.name for path in folder.iterdir() if path.name != ".w.pt.lock")


@pytest.mark.parametrize("pin", PINS, ids=["sha256 and size", "sha256", "its beginning", "git"])
def test_a_file_arrives_whole_with_progress_and_is_not_fetched_again(server, tmp_path, pin):
    seen = []
    for _ in range(2):
        path = fetch(server, tmp_path / "new", pin, progress=lambda *numbers: seen.append(numbers))
    assert path.read_bytes() == CONTENT
    assert server.requests == [None]
    assert seen[-2:] == [(256_000, 256_000)] * 2 and len(seen) > 3  # on the way; arrived; there already
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert names(tmp_path / "new") == ["w.pt"]


@pytest.mark.parametrize("pin", PINS, ids=["sha256 and size", "sha256", "its beginning", "git"])
def test_what_broke_off_is_gone_on_with(server, tmp_path, pin):
    server.cut_at = 100_000
    with pytest.raises(SetupError, match=r"broke off after 100,000( of 256,000)? bytes .*run again to go on"):
        fetch(server, tmp_path, pin)
    assert names(tmp_path) == ["w.pt.part"]
    with pytest.raises(
        SetupError, match=r"broke off after 200,000( of 256,000)? bytes .*or get the file elsewhere"
    ):
        fetch(server, tmp_path, pin)
    server.cut_at = None
    totals = []
    assert (
        fetch(server, tmp_path, pin, progress=lambda *numbers: totals.append(numbers)).read_bytes() == CONTENT
    )
    assert server.requests == [None, "bytes=100000-", "bytes=200000-"]
    assert totals[-1] == (256_000, 256_000)


def test_two_at_once_fetch_it_once(server, tmp_path):
    """The second begins while the first has part of the file."""
    begun = threading.Event()

    def first():
        def slowly(done, total):
            begun.set()
            time.sleep(0.05)

        return fetch(server, tmp_path, Pin(SHA256), progress=slowly)

    with ThreadPoolExecutor(1) as pool:
        one = pool.submit(first)
        assert begun.wait(10)
        assert fetch(server, tmp_path, Pin(SHA256)).read_bytes() == CONTENT
        assert one.result().read_bytes() == CONTENT
    assert server.requests == [None]
    assert names(tmp_path) == ["w.pt"]


def test_what_is_there_is_taken_from_a_folder_that_cannot_be_written_to(server, tmp_path):
    (tmp_path / "w.pt").write_bytes(CONTENT)
    fetch(server, tmp_path, Pin(SHA256))
    assert [path.name for path in tmp_path.iterdir()] == ["w.pt"], "no lock is needed"


def test_a_part_that_is_whole_already_is_taken(server, tmp_path):
    """As after a kill between the last byte and the renaming; the server has nothing more to send."""
    (tmp_path / "w.pt.part").write_bytes(CONTENT)
    assert fetch(server, tmp_path, Pin(SHA256)).read_bytes() == CONTENT
    assert server.requests == ["bytes=256000-"]


def test_a_server_that_does_not_tell_the_length(server, tmp_path):
    server.tells_length = False
    seen = []
    fetch(server, tmp_path, Pin(SHA256), progress=lambda *numbers: seen.append(numbers))
    assert seen[-1] == (256_000, None)
    (tmp_path / "w.pt").unlink()
    server.cut_at = 1000
    with pytest.raises(SetupError, match=r"gave a file with sha256 .*nothing was kept"):
        fetch(server, tmp_path, Pin(SHA256))


@pytest.mark.parametrize("kind", DigestKind)
def test_another_content_is_refused_and_not_kept(server, tmp_path, kind):
    found = SHA256 if kind is DigestKind.SHA256 else GIT
    with pytest.raises(SetupError) as refused:
        fetch(server, tmp_path, Pin("0" * 40, kind))
    assert f"gave a file with {kind} {found}, expected {'0' * 40}; the port may have changed it" in str(
        refused.value
    )
    assert names(tmp_path) == []


def test_a_foreign_file_of_that_name_is_not_overwritten(server, tmp_path):
    (tmp_path / "w.pt").write_text("mine")
    with pytest.raises(SetupError, match=r"w.pt is there, but is not the port's .*move it away"):
        fetch(server, tmp_path, Pin(SHA256))
    assert (tmp_path / "w.pt").read_text() == "mine" and server.requests == []


def test_what_the_server_answers_is_told(server, tmp_path):
    server.status = 404
    with pytest.raises(
        SetupError, match=r"answered 404 Not Found; try again later, or get the file elsewhere"
    ):
        fetch(server, tmp_path, Pin(SHA256))


def test_the_git_id_is_gits(tmp_path):
    path = tmp_path / "some.bin"
    path.write_bytes(CONTENT)
    ran = subprocess.run(["git", "hash-object", str(path)], capture_output=True, text=True, check=True)
    assert git_blob_id_of(path) == ran.stdout.strip() == GIT


def test_weights_lie_where_the_user_says_or_in_the_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert weights_folder({}) == tmp_path / ".cache" / "audiosetzsl" / "weights"
    assert weights_folder({"XDG_CACHE_HOME": "/c"}).as_posix() == "/c/audiosetzsl/weights"
    assert weights_folder({"XDG_CACHE_HOME": "/c", "AZSL_WEIGHTS": "/mine"}).as_posix() == "/mine"
