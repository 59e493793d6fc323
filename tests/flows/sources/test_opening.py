"""Opening a source by its name."""

import pytest

from audiosetzsl.errors import SetupError
from flows.sources.http import Http
from flows.sources.local import Local, holdings
from flows.sources.opening import SourceOptions, open_source
from flows.sources.source import PoliteSource
from flows.sources.synthetic import Synthetic
from flows.sources.youtube import YouTube
from flows.youtube.options import VARIABLE


@pytest.fixture(autouse=True)
def no_options(monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    holdings.cache_clear()


def test_each_kind_opens_as_what_it_is_called(tmp_path):
    assert open_source("synthetic", tmp_path) == Synthetic()
    local = open_source(f"local:{tmp_path}", tmp_path)
    assert local == Local(str(tmp_path)) and local.name == "local"
    http = open_source("https://host/{ytid}.mp4", tmp_path)
    assert isinstance(http, Http) and (http.name, http.threads) == ("http", 4)
    youtube = open_source("youtube", tmp_path)
    assert isinstance(youtube, YouTube) and (youtube.name, youtube.threads) == ("youtube", 2)
    polite = [isinstance(source, PoliteSource) for source in (Synthetic(), local, http, youtube)]
    assert polite == [False, False, False, True], "nobody else is paced and watched"


def test_a_folder_is_found_from_where_one_stands_and_from_home(tmp_path, monkeypatch):
    (tmp_path / "mine").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    for where in ("mine", "./mine", "~/mine"):
        assert open_source(f"local:{where}", tmp_path) == Local(str(tmp_path / "mine"))


def test_an_address_for_fsspec_is_left_as_it_is(tmp_path):
    assert open_source(f"local:file://{tmp_path}", tmp_path) == Local(f"file://{tmp_path}")


def test_options_reach_those_who_ask(tmp_path):
    (tmp_path / "yt-dlp.conf").write_text("--sleep-requests 2\n")
    options = SourceOptions(threads=7, config=tmp_path / "yt-dlp.conf", clip_s=33.0)
    for name in ("youtube", "http://host/{segment_id}.mp4"):
        source = open_source(name, tmp_path, options)
        assert (source.threads, source.persistence.clip_s) == (7, 33.0)
        assert source.options.params == {"sleep_interval_requests": 2.0}


@pytest.mark.parametrize(
    "name", ["", "youtube:", "local", "local:", "synthetic:x", "vimeo", "ftp://host/{ytid}.mp4", "/a/b"]
)
def test_what_there_is_not_is_said_with_what_there_is(tmp_path, name):
    with pytest.raises(SetupError) as caught:
        open_source(name, tmp_path)
    assert str(caught.value) == (
        f"there is no source {name!r}, expected 'youtube', 'local:FOLDER', an address such as "
        "'https://host/{ytid}.mp4', or 'synthetic'"
    )


def test_what_is_wrong_with_a_source_is_said_before_anything_is_asked(tmp_path):
    with pytest.raises(SetupError, match="nowhere is no folder"):
        open_source(f"local:{tmp_path}/nowhere", tmp_path)
    with pytest.raises(SetupError, match="is no template of addresses"):
        open_source("https://host/all.mp4", tmp_path)
    with pytest.raises(SetupError, match="expected a configuration file of yt-dlp"):
        open_source("youtube", tmp_path, SourceOptions(config=tmp_path / "nowhere"))


@pytest.mark.parametrize("name", ["http://host/{ytid}.mp4", "youtube"])
def test_a_proxy_that_cannot_be_one_is_said_before_anything_is_asked(tmp_path, monkeypatch, name):
    monkeypatch.setenv(VARIABLE, "--proxy http://user:s3cret@[::1")
    with pytest.raises(SetupError, match=r"^--proxy is no address of a proxy") as caught:
        open_source(name, tmp_path)
    assert "s3cret" not in str(caught.value)


def test_no_password_is_repeated(tmp_path):
    for name in (
        "ftp://user:s3cret@host/{ytid}",
        "https://user:s3cret@host/all.mp4",
        "local:nosuch://user:s3cret@host",
    ):
        with pytest.raises(SetupError) as caught:
            open_source(name, tmp_path)
        assert "s3cret" not in str(caught.value)
