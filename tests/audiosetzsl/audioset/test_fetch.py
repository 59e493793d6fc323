"""Fetching AudioSet's files from a real server on loopback that breaks off, changes files or knows no ranges."""

import hashlib

import pytest
from loopback_file import serving

from audiosetzsl.audioset.fetch import fetch, fetch_audioset
from audiosetzsl.audioset.remotes import REMOTES, Remote
from audiosetzsl.errors import AudioSetFileError

CONTENT = bytes(range(256)) * 1000


@pytest.fixture
def server():
    with serving(CONTENT) as running:
        yield running


def remote_of(server, content=CONTENT):
    return Remote("list.csv", server.url, len(content), hashlib.sha256(content).hexdigest())


def test_a_file_arrives_whole_and_is_not_fetched_again(server, tmp_path):
    seen = []
    for _ in range(2):
        path = fetch(remote_of(server), tmp_path, lambda remote, n: seen.append(n))
    assert path.read_bytes() == CONTENT
    assert server.requests == [None]
    assert seen[-1] == len(CONTENT)
    assert {p.name for p in tmp_path.iterdir()} == {"list.csv"}


def test_what_broke_off_is_gone_on_with(server, tmp_path):
    server.cut_at = 100_000
    with pytest.raises(
        AudioSetFileError, match=r"broke off after 100,000 of 256,000 bytes .*run again to go on"
    ):
        fetch(remote_of(server), tmp_path)
    assert not (tmp_path / "list.csv").exists()
    server.cut_at = None
    assert fetch(remote_of(server), tmp_path).read_bytes() == CONTENT
    assert server.requests == [None, "bytes=100000-"]


def test_a_server_without_ranges_sends_all_of_it_again(server, tmp_path):
    server.ranges = False
    (tmp_path / "list.csv.part").write_bytes(CONTENT[:5000])
    assert fetch(remote_of(server), tmp_path).read_bytes() == CONTENT


def test_another_content_is_refused_and_not_kept(server, tmp_path):
    with pytest.raises(AudioSetFileError, match=r"gave a file with sha256 .*, expected .*nothing was kept"):
        fetch(remote_of(server, CONTENT[::-1]), tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == [".list.csv.lock"]


def test_a_foreign_file_of_that_name_is_not_overwritten(server, tmp_path):
    (tmp_path / "list.csv").write_text("mine")
    with pytest.raises(AudioSetFileError, match=r"list.csv is there, but is not AudioSet's.*move it away"):
        fetch(remote_of(server), tmp_path)
    assert (tmp_path / "list.csv").read_text() == "mine"


def test_nobody_at_the_address(tmp_path):
    remote = Remote("list.csv", "http://127.0.0.1:9/list.csv", 10, "0" * 64)
    with pytest.raises(AudioSetFileError, match=r"broke off after 0 of 10 bytes .*run again"):
        fetch_audioset(tmp_path, [remote])


@pytest.mark.parametrize("remote", REMOTES, ids=lambda r: r.name)
def test_every_remote_is_pinned_and_credited(remote):
    assert remote.url.startswith("https://")
    assert len(remote.sha256) == 64 and remote.bytes > 0
    assert remote.licence.startswith("CC BY") and "ICASSP 2017" in remote.cite
