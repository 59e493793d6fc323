"""What file names say, in every scheme that people have."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.sources.clip_names import Named, named

YTIDS = st.text(string.ascii_letters + string.digits + "-_", min_size=11, max_size=11)


@pytest.mark.parametrize(
    ("path", "ytid", "start_ms"),
    [
        ("-aaaaaaaaaa_0.mp4", "-aaaaaaaaaa", 0),
        ("dog__bbbbbbbbbb_30000.webm", "_bbbbbbbbbb", 30_000),
        ("cats/cat_ccccccccccc_1500.mkv", "ccccccccccc", 1_500),
        ("dog/20qZLse0acs.mp4", "20qZLse0acs", None),
        ("full_--8puiAGLhs.mp4", "--8puiAGLhs", None),
        ("Y--8puiAGLhs.mp4", "--8puiAGLhs", None),  # as many downloaders of AudioSet begin them
        ("---g-f_I2yQ_000001.mp4", "---g-f_I2yQ", 1_000),  # VGGSound: seconds, six digits
        ("---g-f_I2yQ_000000.mp4", "---g-f_I2yQ", 0),
        ("---g-f_I2yQ_100000.mp4", "---g-f_I2yQ", 100_000),  # 100 s: VGGSound's would begin with 0
        ("--aE2O5G5WE_0.000_10.000.mp4", "--aE2O5G5WE", 0),
        ("--aE2O5G5WE_30.500_40.500.MP4", "--aE2O5G5WE", 30_500),
        ("Dog barks - at 3.5 a.m. [20qZLse0acs].webm", "20qZLse0acs", None),  # as yt-dlp names videos
        ("[HD] Dog [Original] [--8puiAGLhs].mkv", "--8puiAGLhs", None),
        ("[Remastered1] [--8puiAGLhs].mp4", "--8puiAGLhs", None),  # words as long as an id
        ("Remastered1 [_bbbbbbbbbb].mp4", "_bbbbbbbbbb", None),
        ("Dog-[--8puiAGLhs].mp4", "--8puiAGLhs", None),  # with --restrict-filenames
        ("[[--8puiAGLhs].mp4", "--8puiAGLhs", None),
    ],
)
def test_each_scheme_is_read(path, ytid, start_ms):
    assert named(path) == Named(ytid, start_ms)


@pytest.mark.parametrize(
    "path",
    [
        "fffffffffff_0.txt",
        "short_0.mp4",
        "bird_0nib7bMm8BA_15000_not_the_official_cut.mp4",
        "dog_vas_02677.mp4",
        "Dog [20qZLse0acs].f137.mp4",  # half of a video that yt-dlp has not put together
        "Dog [20qZLse0acs].temp.mp4",
        "Dog [20qZLse0acs].mp4.part",
        "Dog [20qZLse0acs] again.mp4",
        "Dog [20qZLse0acs]].mp4",
        "Dog [short].mp4",
    ],
)
def test_other_names_say_nothing(path):
    assert named(path) is None


@given(
    ytid=YTIDS, start_ms=st.integers(0, 10**8), before=st.sampled_from(["", "dog_", "a b/c ", "church-bell_"])
)
def test_our_own_names_are_read_whatever_the_id(ytid, start_ms, before):
    assert named(f"{before}{ytid}_{start_ms}.mp4") == Named(ytid, start_ms)


@given(ytid=YTIDS, title=st.text(st.characters(codec="utf-8", exclude_characters="/\n\r"), min_size=1))
def test_names_of_yt_dlp_are_read_whatever_the_title(ytid, title):
    assert named(f"{title.lstrip('.')} [{ytid}].mp4") == Named(ytid, None)
