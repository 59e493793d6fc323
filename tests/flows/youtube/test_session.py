"""A session: what it says of a video, what it never writes, and what it cannot be started with."""

import http.client

import pytest
from loopback_faults import Fault

from audiosetzsl.clips.verdicts import Verdict
from audiosetzsl.errors import SetupError
from flows.sources.source import Refusal
from flows.youtube.options import YtDlpOptions, user_options
from flows.youtube.session import Session

YTID = "-id_of_11ch"


def test_the_chosen_formats_are_those_that_can_be_cut_without_decoding(session):
    video = session.video(YTID)
    assert (video.ytid, video.format_id, video.duration_s) == (YTID, "134+140", 40)
    assert [(f.has_picture, f.has_sound, f.lines, f.is_plain) for f in video.chosen] == [
        (True, False, 180, True),
        (False, True, None, True),
    ]
    assert video.streamed == ()
    assert "http://" not in repr(video), "an address holds a signature"


def test_streamed_formats_are_told_apart(server):
    server.hls.add(YTID)
    session = Session(YtDlpOptions(server.ydl_params(hls=True)))
    video = session.video(YTID)
    session.close()
    assert video.format_id == "134+140", "plain files are preferred"
    assert {f.format_id: (f.has_picture, f.has_sound, f.is_streamed) for f in video.streamed} == {
        "230": (True, False, True),
        "234": (False, True, True),
    }


def test_one_session_asks_for_one_video_after_the_other(server, session):
    server.faults["unavailable"] = Fault("player", "message")
    for _ in range(3):
        session.look(YTID)
        with pytest.raises(Refusal, match=r"^Video unavailable$"):
            session.look("unavailable")
    assert [hit.status for hit in server.requests(server="player")] == [200] * 6


def test_an_error_within_yt_dlp_is_a_verdict_of_one_line(server, session, monkeypatch):
    def stumble(*_, **__):
        raise AttributeError("'NoneType' object has no attribute 'get' at http://x/?token=1")

    monkeypatch.setattr(session._ydl, "extract_info", stumble)
    with pytest.raises(Refusal) as caught:
        session.look(YTID)
    assert caught.value.reason == Verdict.EXTRACTOR_BROKEN
    assert (
        str(caught.value)
        == "AttributeError within yt-dlp: 'NoneType' object has no attribute 'get' at <address>"
    )


def test_nothing_said_and_nothing_given_is_not_alive(session, monkeypatch):
    monkeypatch.setattr(session._ydl, "extract_info", lambda *_, **__: None)
    with pytest.raises(Refusal, match="yt-dlp gave nothing and said nothing") as caught:
        session.look(YTID)
    assert caught.value.reason == Verdict.EXTRACTOR_BROKEN


COOKIE = "127.0.0.1\tFALSE\t/\tFALSE\t2147483647\tSID\tcookie-value-s3cr3t\n"


def test_cookies_are_sent_and_their_file_is_never_written(server, tmp_path, monkeypatch):
    path = tmp_path / "cookies.txt"
    path.write_text("# Netscape HTTP Cookie File\n" + COOKIE)
    path.chmod(0o444)
    before = path.stat()
    sent = []
    monkeypatch.setattr(
        http.client.HTTPConnection, "putheader", _noting(http.client.HTTPConnection.putheader, sent)
    )
    found = user_options(None, {"AZSL_YT_DLP": f"--cookies {path}"})
    session = Session(YtDlpOptions({**server.ydl_params(), **found.params}, found.secrets))
    session.look(YTID)
    session.close()
    assert ("Cookie", "SID=cookie-value-s3cr3t") in sent
    after = path.stat()
    assert (after.st_mtime_ns, after.st_ino, after.st_size) == (
        before.st_mtime_ns,
        before.st_ino,
        before.st_size,
    )


def _noting(putheader, sent):
    def noting(self, name, *values):
        sent.append((name, *values))
        return putheader(self, name, *values)

    return noting


def test_cookies_that_are_damaged_are_refused_without_a_word_of_them(tmp_path, capfd):
    path = tmp_path / "cookies.txt"
    for content in ("cookie-value-s3cr3t\n", '{"SID": "cookie-value-s3cr3t"}\n'):
        path.write_text(content)
        with pytest.raises(SetupError, match=r"yt-dlp does not start: .*; check its options") as caught:
            Session(user_options(None, {"AZSL_YT_DLP": f"--cookies {path}"}))
        assert "s3cr3t" not in str(caught.value) and str(tmp_path) not in str(caught.value)
        assert caught.value.__suppress_context__
    # yt-dlp passes over such a line, and says so on standard error, line and all.
    path.write_text("# Netscape HTTP Cookie File\ncookie-value-s3cr3t\n" + COOKIE)
    Session(user_options(None, {"AZSL_YT_DLP": f"--cookies {path}"})).close()
    assert "s3cr3t" not in "".join(capfd.readouterr())


def test_a_browser_that_is_not_there_is_said_at_once(tmp_path):
    line = f"--cookies-from-browser firefox:{tmp_path}/profile-s3cr3t"
    with pytest.raises(
        SetupError, match=r"yt-dlp does not start: could not find .* cookies database"
    ) as caught:
        Session(user_options(None, {"AZSL_YT_DLP": line}))
    assert "s3cr3t" not in str(caught.value)


def test_a_proxy_of_an_unknown_kind_is_a_matter_of_set_up(server):
    found = user_options(None, {"AZSL_YT_DLP": "--proxy gopher://user:s3cr3tword@127.0.0.1:9"})
    session = Session(YtDlpOptions({**server.ydl_params(), **found.params}, found.secrets))
    for ask in (lambda: session.look(YTID), lambda: session.open(f"{server.media_url}/files/both.mp4", {})):
        with pytest.raises(
            SetupError, match=r"yt-dlp cannot ask as it is told to: .*Unsupported proxy type"
        ) as caught:
            ask()
        assert "s3cr3tword" not in str(caught.value)
    session.close()


def test_a_session_that_is_dropped_closes_its_connections_at_once(server):
    session = Session(YtDlpOptions(server.ydl_params()))
    session.look(YTID)
    director = session._ydl._request_director
    closed = []
    director.close = lambda: closed.append(True)
    del session
    assert closed == [True]
