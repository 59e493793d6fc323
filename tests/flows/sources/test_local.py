"""Source local: what people have on their disks is found, left where it lies, or cut out."""

import os
import shutil
import zipfile
from collections import Counter
from pathlib import Path

import fsspec
import pytest
from truth_media import expected_numbers, ffmpeg, numbers

from audiosetzsl.clips.verdicts import Verdict
from audiosetzsl.errors import ClipError, SetupError
from flows.sources import local
from flows.sources.local import Local, holdings
from flows.sources.source import Got, Refusal

MID = "/m/0bt9lr"


@pytest.fixture(autouse=True)
def anew():
    """Each test has folders of its own, as each process has."""
    holdings.cache_clear()


@pytest.fixture
def get(tmp_path):
    """get(folder, segment): ask for it; a clip that is made goes to `made`."""

    def get(folder, segment):
        return Local(str(folder)).get(segment, MID, tmp_path / "made" / "clip.mp4")

    return get


@pytest.mark.parametrize(
    "name",
    [
        "-id_of_11ch_30000.mp4",
        "dog/dog_-id_of_11ch_30000.mp4",
        "-id_of_11ch_000030.mp4",
        "a/-id_of_11ch_30.000_40.000.mp4",
    ],
)
def test_a_clip_is_left_where_it_lies(tmp_path, get, segment, name):
    path = tmp_path / "mine" / name
    path.parent.mkdir(parents=True)
    path.write_bytes(b"not even looked into")
    assert get(tmp_path / "mine", segment()) == Got(path)
    assert not (tmp_path / "made").exists()


def test_the_name_of_another_start_is_another_clip(tmp_path, get, segment, clip):
    clip(tmp_path / "mine" / "-id_of_11ch_29000.mp4", 29, 39)
    with pytest.raises(Refusal, match=r"^no file of the folder has its name$") as caught:
        get(tmp_path / "mine", segment())
    assert caught.value.reason == Verdict.NOT_FOUND
    Local(str(tmp_path / "mine")).look("-id_of_11ch")
    with pytest.raises(Refusal, match=r"^no file of the folder names it$"):
        Local(str(tmp_path / "mine")).look("xxxxxxxxxxx")


@pytest.mark.parametrize("name", ["-id_of_11ch.mp4", "Dog [HD] - a film [-id_of_11ch].mp4"])
@pytest.mark.parametrize(("start_s", "end_s"), [(30.0, 40.0), (12.34, 15.34), (0.0, 1.0)])
def test_a_whole_video_is_cut_to_the_frame(tmp_path, get, truth, segment, start_s, end_s, name):
    (tmp_path / "mine").mkdir()
    shutil.copy(truth.both, tmp_path / "mine" / name)
    got = get(tmp_path / "mine", segment(start_s, end_s))
    assert got == Got(tmp_path / "made" / "clip.mp4", "cut")
    assert numbers(got.path) == expected_numbers(start_s, end_s)


@pytest.mark.parametrize("name", ["-id_of_11ch.mp4", "Dog [-id_of_11ch].mp4"])
def test_a_video_of_the_length_of_the_segment_is_the_clip(tmp_path, get, segment, clip, name):
    path = clip(tmp_path / "mine" / name, 20, 30.4)
    assert get(tmp_path / "mine", segment(30.0, 40.0)) == Got(path)
    assert get(tmp_path / "mine", segment(0.0, 10.0)) == Got(path)


def test_a_video_that_is_neither_clip_nor_long_enough_says_what_to_do(tmp_path, get, segment, clip):
    clip(tmp_path / "mine" / "-id_of_11ch.mp4", 20, 28)
    with pytest.raises(Refusal) as caught:
        get(tmp_path / "mine", segment(30.0, 40.0))
    assert caught.value.reason == Verdict.PAST_END
    assert str(caught.value) == (
        "the file lasts 8.0 s: it is neither the clip (10.0 s) nor a video with this segment (from 30.0 s); if it is "
        "the clip, name it <ytid>_<start in ms>"
    )


def test_a_video_that_ends_within_the_segment_gives_what_there_is(tmp_path, get, segment, clip):
    clip(tmp_path / "mine" / "-id_of_11ch.mp4", 0, 35)
    got = get(tmp_path / "mine", segment(30.0, 40.0))
    assert numbers(got.path) == expected_numbers(30, 35)


def test_a_clip_that_says_so_wins_over_a_whole_video(tmp_path, get, truth, segment, clip):
    shutil.copy(truth.both, (tmp_path / "mine").mkdir() or tmp_path / "mine" / "-id_of_11ch.mp4")
    path = clip(tmp_path / "mine" / "-id_of_11ch_30000.mp4")
    assert get(tmp_path / "mine", segment()) == Got(path)


def test_of_one_video_in_folders_of_several_classes_the_segments_own_is_taken(tmp_path, get, segment, clip):
    for class_name in ("dog", "cat"):
        clip(tmp_path / "mine" / class_name / "-id_of_11ch_30000.mp4")
    for class_name in ("dog", "cat"):
        found = get(tmp_path / "mine", segment(class_name=class_name))
        assert found.path == tmp_path / "mine" / class_name / "-id_of_11ch_30000.mp4"
    with pytest.raises(
        SetupError, match=r"cat/\S+ and \S+dog/\S+ are both a clip of -id_of_11ch_30000; leave one"
    ):
        get(tmp_path / "mine", segment(class_name="bus"))


def test_one_file_in_the_folder_of_another_class_is_taken_all_the_same(tmp_path, get, segment, clip):
    path = clip(tmp_path / "mine" / "Domestic animals, pets" / "-id_of_11ch_30000.mp4")
    assert get(tmp_path / "mine", segment()) == Got(path)


@pytest.mark.parametrize(
    ("one", "two", "whose"),
    [
        ("-id_of_11ch_30000.mp4", "-id_of_11ch_30000.webm", "-id_of_11ch_30000"),
        ("-id_of_11ch_30000.mp4", "dog_-id_of_11ch_000030.mp4", "-id_of_11ch_30000"),
        ("-id_of_11ch.mp4", "Y-id_of_11ch.mkv", "-id_of_11ch"),
    ],
)
def test_two_files_that_claim_one_segment_are_refused(tmp_path, one, two, whose):
    for name in (one, two):
        (tmp_path / name).touch()
    with pytest.raises(SetupError, match=rf"{one} and \S+{two} are both a clip of {whose}; leave one"):
        holdings(str(tmp_path))


def test_what_systems_and_killed_programs_leave_is_passed_over(tmp_path, get, segment, clip):
    path = clip(tmp_path / "mine" / "-id_of_11ch_30000.mp4")
    for name in (
        "._-id_of_11ch_30000.mp4",
        ".-id_of_11ch_30000.mp4",
        "-id_of_11ch_30000.mp4.part",
        "notes.txt",
    ):
        (path.parent / name).touch()
    assert get(tmp_path / "mine", segment()) == Got(path)


def test_names_that_are_not_utf_8_are_passed_over_and_counted(tmp_path, get, segment, clip, caplog):
    path = clip(tmp_path / "mine" / "-id_of_11ch_30000.mp4")
    folder = os.fsencode(path.parent)
    (Path(os.fsdecode(folder + b"/na\xefve"))).mkdir()
    for name in (b"/caf\xe9_-id_of_11ch_30000.mp4", b"/na\xefve/AAAAAAAAAAA.mp4", b"/caf\xe9.txt"):
        shutil.copy(path, os.fsdecode(folder + name))
    assert get(path.parent, segment()) == Got(path), "no other file claims it"
    with pytest.raises(Refusal, match=r"^no file of the folder has its name$"):
        get(path.parent, segment(ytid="AAAAAAAAAAA"))
    assert [record.getMessage() for record in caplog.records] == [
        f"2 clips under {str(path.parent)!r} are passed over: their paths are not UTF-8; rename them, for example "
        "with convmv"
    ]


def test_a_folder_whose_own_name_is_not_utf_8_holds_nothing(tmp_path, get, segment, clip, caplog):
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9"))
    folder.mkdir()
    shutil.copy(clip(tmp_path / "clip.mp4"), folder / "-id_of_11ch_30000.mp4")
    with pytest.raises(Refusal, match=r"^no file of the folder has its name$"):
        get(folder, segment())
    assert r"caf\udce9' are passed over" in caplog.text


def test_folders_may_lie_elsewhere_and_be_linked(tmp_path, get, segment, clip):
    clip(tmp_path / "other disk" / "-id_of_11ch_30000.mp4")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "b").symlink_to(tmp_path / "other disk")
    (tmp_path / "mine" / "a circle").symlink_to(tmp_path / "mine")
    assert get(tmp_path / "mine", segment()).path == tmp_path / "mine" / "b" / "-id_of_11ch_30000.mp4"


def test_a_folder_in_memory_gives_clips_and_cuts_videos(get, truth, segment, clip, tmp_path):
    fs = fsspec.filesystem("memory")
    fs.pipe("/mine/dog/AAAAAAAAAAA_5000.mp4", clip(tmp_path / "clip.mp4", 5, 8).read_bytes())
    fs.pipe("/mine/-id_of_11ch.mp4", truth.both.read_bytes())
    fs.pipe("/mine/BBBBBBBBBBB.mp4", clip(tmp_path / "clip2.mp4", 7, 10).read_bytes())
    try:
        for wanted, first_s in [
            (segment(5.0, 8.0, "AAAAAAAAAAA"), 5),
            (segment(20.0, 23.0), 20),
            (segment(30.0, 33.0, "BBBBBBBBBBB"), 7),
        ]:
            got = get("memory://mine", wanted)
            assert got == Got(tmp_path / "made" / "clip.mp4", "cut"), "what is not here is made"
            assert numbers(got.path) == expected_numbers(first_s, first_s + 3)
        with pytest.raises(Refusal, match=r"^no file of the folder has its name$"):
            get("memory://mine", segment(ytid="CCCCCCCCCCC"))
    finally:
        fs.rm("/mine", recursive=True)


def test_a_zip_is_a_folder(get, truth, segment, tmp_path):
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        archive.write(truth.both, "videos/-id_of_11ch.mp4")
    got = get(f"zip://videos::file://{tmp_path}/all.zip", segment(20.0, 23.0))
    assert numbers(got.path) == expected_numbers(20, 23)


def test_an_address_of_files_here_is_a_folder_here(get, segment, clip, tmp_path):
    path = clip(tmp_path / "mine" / "-id_of_11ch_30000.mp4")
    assert get(f"file://{tmp_path}/mine", segment()) == Got(path)


def test_a_folder_is_listed_once_a_process(tmp_path, get, segment, clip, monkeypatch):
    clip(tmp_path / "mine" / "-id_of_11ch_30000.mp4")
    listed = Counter()
    stock = local.url_to_fs
    monkeypatch.setattr(local, "url_to_fs", lambda where: listed.update([where]) or stock(where))
    for _ in range(5):
        get(tmp_path / "mine", segment())
    assert listed.total() == 1


def test_no_media_is_unreadable(tmp_path, get, segment):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "-id_of_11ch.mp4").write_bytes(b"<html>not found</html>" * 50)
    with pytest.raises(
        ClipError, match=r"^-id_of_11ch.mp4 cannot be read: .*; get the file again$"
    ) as caught:
        get(tmp_path / "mine", segment())
    assert caught.value.reason == "unreadable"


def test_a_video_that_is_cut_short_is_unreadable_and_not_past_its_end(tmp_path, get, truth, segment):
    (tmp_path / "mine").mkdir()
    data = truth.both.read_bytes()
    (tmp_path / "mine" / "-id_of_11ch.mp4").write_bytes(data[: len(data) // 2])
    with pytest.raises(ClipError, match="breaks off") as caught:
        get(tmp_path / "mine", segment())
    assert caught.value.reason == "unreadable"
    assert not list((tmp_path / "made").rglob("*")), "nothing half made is left"


def test_of_a_long_video_that_lacks_its_end_no_segment_is_past_it(tmp_path, get, truth, segment):
    """Eight minutes, of which 4 % are 19 s."""
    video = tmp_path / "mine" / "-id_of_11ch.mp4"
    video.parent.mkdir()
    ffmpeg("-stream_loop", 11, "-i", truth.both, "-c", "copy", "-movflags", "faststart", video)
    assert get(video.parent, segment(450.0, 460.0)).way == "cut"
    video.write_bytes(video.read_bytes()[: int(0.96 * video.stat().st_size)])
    assert get(video.parent, segment(440.0, 450.0)).way == "cut"
    for start_s in (455.0, 465.0, 478.0):
        with pytest.raises(ClipError, match="breaks off") as caught:
            get(video.parent, segment(start_s, start_s + 10))
        assert caught.value.reason == "unreadable"


def test_a_file_that_has_gone_meanwhile_is_not_found(tmp_path, get, segment, clip):
    path = clip(tmp_path / "mine" / "-id_of_11ch.mp4", 0, 35)
    holdings(str(tmp_path / "mine"))
    path.unlink()
    with pytest.raises(Refusal, match="the file has gone since the folder was listed") as caught:
        get(tmp_path / "mine", segment())
    assert caught.value.reason == Verdict.NOT_FOUND


def test_a_folder_that_is_absent_is_said_at_once(tmp_path):
    with pytest.raises(SetupError, match=r"nowhere is no folder, expected one that holds clips"):
        holdings(str(tmp_path / "nowhere"))
    (tmp_path / "file").touch()
    with pytest.raises(SetupError, match=r"file is no folder, expected one that holds clips"):
        holdings(str(tmp_path / "file"))


@pytest.mark.parametrize(
    "where",
    ["nosuch://user:s3cret@host/folder", "zip://x::file:///nowhere.zip", "ftp://user:s3cret@127.0.0.1:9/x"],
)
def test_what_fsspec_cannot_reach_is_said_without_passwords(where):
    with pytest.raises(
        SetupError, match=r"cannot be listed \(.+\); expected a folder that holds clips"
    ) as caught:
        holdings(where)
    assert "s3cret" not in str(caught.value) and caught.value.__suppress_context__
