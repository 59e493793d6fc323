"""Source http: of a file on a server of one's own, only the segment is pulled."""

import threading
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from loopback_faults import Fault
from truth_media import expected_numbers, numbers

from audiosetzsl.clips.verdicts import Verdict
from audiosetzsl.errors import ClipError, SetupError
from audiosetzsl.manifest import Segment
from flows.sources import http
from flows.sources.http import Http, check_template
from flows.sources.notes import read_note
from flows.sources.source import Refusal
from flows.youtube.byte_ranges import Persistence
from flows.youtube.options import YtDlpOptions
from flows.youtube.session import Session

MID = "/m/0bt9lr"
YTID = "-id_of_11ch"
HASTY = Persistence(tries=3, first_wait_s=0.01, longest_wait_s=1.0, clip_s=10.0)


@pytest.fixture
def folder(server, tmp_path, monkeypatch):
    """What the server serves under /files/."""
    folder = tmp_path / "served"
    folder.mkdir()
    monkeypatch.setattr(server, "files", folder)
    return folder


@pytest.fixture
def source(server):
    """source(rest): the server's files by a template."""

    def source(template="{ytid}.mp4"):
        # An empty proxy keeps a proxy of the environment out.
        options = YtDlpOptions({"proxy": "", "socket_timeout": 0.5})
        return Http(f"{server.media_url}/files/{template}", options, persistence=HASTY)

    return source


@pytest.fixture
def video(folder, truth):
    """A whole video on the server."""
    path = folder / f"{YTID}.mp4"
    path.symlink_to(truth.both)
    return path


@pytest.mark.parametrize(("start_s", "end_s"), [(30.0, 40.0), (12.34, 15.34), (0.0, 1.0)])
def test_of_a_whole_video_the_segment_is_pulled_and_cut(
    server, source, video, segment, tmp_path, start_s, end_s
):
    got = source().get(segment(start_s, end_s), MID, tmp_path / "clip.mp4")
    assert (got.path, got.way, got.format_id) == (tmp_path / "clip.mp4", "seek", None)
    assert numbers(got.path) == expected_numbers(start_s, end_s)
    assert got.pulled_bytes == server.bytes_sent(video.name) < 0.6 * video.stat().st_size
    assert all(hit.range and hit.status == 206 for hit in server.requests(video.name))


def test_a_file_as_long_as_the_segment_is_its_clip(source, folder, clip, segment, tmp_path):
    clip(folder / f"{YTID}.mp4", 20, 23)
    got = source().get(segment(30.0, 33.0), MID, tmp_path / "clip.mp4")
    assert numbers(got.path) == expected_numbers(20, 23)


@pytest.mark.parametrize("template", ["{segment_id}.mp4", "{ytid}_{start_ms}.mp4"])
def test_an_address_of_the_segment_is_that_of_its_clip(source, folder, clip, segment, tmp_path, template):
    clip(folder / f"{YTID}_30000.mp4", 5, 11)
    got = source(template).get(segment(30.0, 35.0), MID, tmp_path / "clip.mp4")
    assert numbers(got.path) == expected_numbers(5, 10), "from its beginning, whatever its length"


def test_a_clip_says_how_it_came(source, video, segment, tmp_path):
    from extractors.media.inspection import inspect

    source().get(segment(), MID, tmp_path / "clip.mp4")
    assert read_note(inspect(tmp_path / "clip.mp4", 10.0).note)["way"] == "seek"


def test_a_server_without_ranges_gives_a_small_file_whole(server, source, video, segment, tmp_path):
    server.faults[video.name] = Fault("media", "ignore_range")
    got = source().get(segment(20.0, 23.0), MID, tmp_path / "clip.mp4")
    assert (got.way, got.pulled_bytes) == ("whole", video.stat().st_size)
    assert numbers(got.path) == expected_numbers(20, 23)


def test_a_large_file_of_a_server_without_ranges_is_not_taken(
    server, source, video, segment, tmp_path, monkeypatch
):
    server.faults[video.name] = Fault("media", "ignore_range")
    monkeypatch.setattr(http, "LARGEST_WHOLE", 1000)
    with pytest.raises(Refusal, match=r"^the whole file has \d+ bytes$") as caught:
        source().get(segment(), MID, tmp_path / "clip.mp4")
    assert caught.value.reason == Verdict.MEDIA_HTTP


@pytest.mark.parametrize("status", [404, 410])
def test_what_the_server_does_not_have_is_not_found(server, source, video, segment, tmp_path, status):
    server.faults[video.name] = Fault("media", "status", status=status)
    with pytest.raises(Refusal, match=rf"^HTTP {status}$") as caught:
        source().get(segment(), MID, tmp_path / "clip.mp4")
    assert caught.value.reason == Verdict.NOT_FOUND
    assert len(server.requests(video.name)) == 1


def test_a_file_that_is_not_there_at_all(source, folder, segment, tmp_path):
    with pytest.raises(Refusal, match=r"^HTTP 404$") as caught:
        source().get(segment(), MID, tmp_path / "clip.mp4")
    assert caught.value.reason == Verdict.NOT_FOUND and not (tmp_path / "clip.mp4").exists()


@pytest.mark.parametrize(
    ("fault", "verdict", "says"),
    [
        (Fault("media", "status", status=403), Verdict.MEDIA_HTTP, "HTTP 403"),
        (Fault("media", "status", status=500), Verdict.MEDIA_HTTP, "HTTP 500, 3 times in a row"),
        (Fault("media", "status", status=429, retry_after_s=9), Verdict.RATE_LIMITED, "HTTP 429 for media"),
        (Fault("media", "status", status=500, skip=2), Verdict.MEDIA_HTTP, "HTTP 500, 3 times in a row"),
        (Fault("media", "status", status=403, skip=2), Verdict.MEDIA_HTTP, "HTTP 403"),
        (
            Fault("media", "stall"),
            Verdict.STALLED,
            r"the connection broke \(ReadTimeout\), 3 times in a row",
        ),
        (
            Fault("media", "reset", after_bytes=0),
            Verdict.TRUNCATED,
            r"the connection broke \(\w+\), 3 times in a row",
        ),
        (Fault("media", "reset"), Verdict.MEDIA_HTTP, r"no answer \(\w+\), 3 times in a row"),
        (Fault("media", "cut", after_bytes=0), Verdict.EMPTY, "the file is empty"),
    ],
    ids=lambda value: getattr(value, "kind", None),
)
def test_what_goes_wrong_while_it_is_read_is_told(
    server, source, video, segment, tmp_path, capfd, fault, verdict, says
):
    server.faults[video.name] = fault
    with pytest.raises(Refusal, match=rf"^{says}$") as caught:
        source().get(segment(20.0, 30.0), MID, tmp_path / "clip.mp4")
    assert caught.value.reason == verdict
    assert not (tmp_path / "clip.mp4").exists()
    assert capfd.readouterr().err == "", "PyAV prints what it hears of twice"


def test_a_503_now_and_then_is_got_over(server, source, video, segment, tmp_path):
    server.faults[video.name] = [
        Fault("media", "status", skip=1, times=1),
        Fault("media", "reset", skip=4, times=1),
    ]
    got = source().get(segment(20.0, 30.0), MID, tmp_path / "clip.mp4")
    assert numbers(got.path) == expected_numbers(20, 30)


@pytest.mark.parametrize("start_s", [5.0, 30.0])
def test_a_file_cut_short_is_unreadable_and_never_past_its_end(
    server, source, video, segment, tmp_path, start_s
):
    server.faults[video.name] = Fault("media", "cut", after_bytes=video.stat().st_size // 4)
    with pytest.raises(ClipError) as caught:
        source().get(segment(start_s, start_s + 8), MID, tmp_path / "clip.mp4")
    assert caught.value.reason == "unreadable"


def test_a_page_in_place_of_a_file_is_unreadable(source, folder, segment, tmp_path):
    (folder / f"{YTID}.mp4").write_text("<html>log in</html>" * 100)
    with pytest.raises(ClipError, match="the file cannot be read") as caught:
        source().get(segment(), MID, tmp_path / "clip.mp4")
    assert caught.value.reason == "unreadable"


def test_a_video_that_ends_before_the_segment_is_past_its_end(source, folder, clip, segment, tmp_path):
    clip(folder / f"{YTID}.mp4", 0, 8)
    with pytest.raises(Refusal, match=r"^the file lasts 8.0 s: it is neither the clip") as caught:
        source().get(segment(), MID, tmp_path / "clip.mp4")
    assert caught.value.reason == Verdict.PAST_END


def test_names_with_signs_of_their_own_arrive_as_they_are(server, source, folder, clip, segment, tmp_path):
    name = "church bell & 100% #1/2?"
    with pytest.raises(Refusal):
        source("{class_name}/{ytid}.mp4").get(segment(class_name=name), MID, tmp_path / "clip.mp4")
    path = server.requests()[-1].path
    assert unquote(path) == f"/files/{name}/{YTID}.mp4"
    assert path.count("/") == 3 and not {"?", "#", " "} & set(path)


@given(words=st.text(st.characters(codec="utf-8"), min_size=1, max_size=20))
def test_no_class_name_leaves_its_place_in_the_address(words):
    segment = Segment(f"{YTID}_0", YTID, 0.0, 10.0, words)
    address = Http("http://host/a/{class_name}/{ytid}.mp4")._address(segment)
    _, _, host, a, place, file = address.split("/")
    assert (host, a, unquote(place), file) == ("host", "a", words, f"{YTID}.mp4")


def test_ids_that_begin_with_odd_signs_are_asked_for_as_they_are(segment):
    source = Http("http://host/{ytid}/{segment_id}-{start_ms}")
    assert (
        source._address(segment(1.5, 9.0, "--8puiAGLhs")) == "http://host/--8puiAGLhs/--8puiAGLhs_1500-1500"
    )
    assert source._address(segment(0.0, 9.0, "_-8puiAGLhs")) == "http://host/_-8puiAGLhs/_-8puiAGLhs_0-0"


@pytest.mark.parametrize(
    "template",
    [
        "http://host/all.mp4",  # one for all
        "http://host/{class_name}.mp4",
        "http://host/{start_ms}.mp4",
        "http://host/{ytid}/{title}.mp4",
        "http://host/{ytid}/{}.mp4",
        "http://host/{ytid}/{0}.mp4",
        "http://host/{ytid.real}.mp4",
        "http://host/{ytid[0]}.mp4",
        "http://host/{ytid!z}.mp4",
        "http://host/{ytid:d}.mp4",
        "http://host/{ytid:{class_names}}.mp4",
        "http://host/{ytid.mp4",
        "http://host/ytid}.mp4",
        "http:///{ytid}.mp4",
        "https:{ytid}.mp4",
        "ftp://host/{ytid}.mp4",
        "{ytid}.mp4",
        "http://[host/{ytid}.mp4",
    ],
)
def test_templates_that_give_no_addresses_are_refused(template):
    with pytest.raises(SetupError) as caught:
        check_template(template)
    assert str(caught.value) == (
        f"{template!r} is no template of addresses, expected one such as https://host/{{ytid}}.mp4 with {{ytid}} or "
        "{segment_id}, and perhaps {class_name} or {start_ms}"
    )


def test_every_thread_asks_by_a_session_of_its_own_and_keeps_it(
    source, video, segment, tmp_path, monkeypatch
):
    asked_by = defaultdict(set)

    class Noted(Session):
        def open(self, url, headers):
            asked_by[threading.get_ident()].add(self)
            return super().open(url, headers)

    monkeypatch.setattr(http, "Session", Noted)
    asked, together = source(), threading.Barrier(2, timeout=10)

    def ask(name):
        for number in range(3):
            together.wait()  # so that no thread has ended before the other begins
            asked.get(segment(3.0, 4.0), MID, tmp_path / f"{name}{number}.mp4")

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(ask, "ab"))
    first, second = asked_by.values()
    assert len(first) == len(second) == 1 and first != second
    assert len(list(tmp_path.glob("[ab][012].mp4"))) == 6


def test_of_availability_only_youtube_knows(source):
    with pytest.raises(SetupError, match="availability is YouTube's; use --source youtube"):
        source().look(YTID)
