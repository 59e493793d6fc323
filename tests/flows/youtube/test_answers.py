"""What YouTube says becomes the right verdict, by the real extractor and by words alone."""

from datetime import UTC, datetime, timedelta

import pytest
from loopback_faults import MESSAGES, Fault

from audiosetzsl.clips.signs import Evidence, Signs
from audiosetzsl.clips.standing import Attempt, Life, Patience, standing_of
from audiosetzsl.clips.verdicts import ANSWERED, Verdict, nature_of
from flows.sources.source import Refusal
from flows.youtube.answers import verdict_of
from flows.youtube.options import YtDlpOptions
from flows.youtube.session import Session

YTID = "-id_of_11ch"
EXPECTED = {
    "private": Verdict.PRIVATE,
    "private_bare": Verdict.PRIVATE,
    "removed_by_uploader": Verdict.REMOVED_BY_UPLOADER,
    "account_terminated": Verdict.ACCOUNT_TERMINATED,
    "account_closed": Verdict.ACCOUNT_TERMINATED,
    "copyright": Verdict.COPYRIGHT,
    "copyright_blocked": Verdict.COPYRIGHT,
    "policy": Verdict.POLICY,
    "guidelines": Verdict.POLICY,
    "terms": Verdict.POLICY,
    "geo": Verdict.GEO,
    "geo_blocked": Verdict.GEO,
    "age": Verdict.AGE,
    "members_only": Verdict.MEMBERS,
    "paid": Verdict.PAID,
    "premiere": Verdict.NOT_YET,
    "upcoming_live": Verdict.NOT_YET,
    "processing": Verdict.NOT_YET,
    "bot_check": Verdict.BOT_CHECK,
    "captcha": Verdict.RATE_LIMITED,
    "old_app": Verdict.BOT_CHECK,
    "rate_limited": Verdict.RATE_LIMITED,
    "unavailable": Verdict.UNAVAILABLE,
    "unavailable_twice": Verdict.UNAVAILABLE,
    "not_available": Verdict.UNAVAILABLE,
    "content_not_available": Verdict.UNAVAILABLE,
    "does_not_exist": Verdict.UNAVAILABLE,
    "reload": Verdict.EXTRACTOR_BROKEN,
}


def refusal_of(ask):
    with pytest.raises(Refusal) as caught:
        ask(YTID)
    return caught.value


def test_the_table_knows_every_message():
    assert set(EXPECTED) == set(MESSAGES)


@pytest.mark.parametrize("name", MESSAGES)
def test_a_message_through_the_real_extractor_becomes_its_verdict(server, session, name):
    server.faults[YTID] = Fault("player", "message", message=name)
    said = refusal_of(session.look)
    assert said.reason == EXPECTED[name]
    _, *words = MESSAGES[name].split(" | ")
    assert any(word.rstrip(".") in str(said) for word in words), "the message says why"
    assert "http" not in str(said) and "\n" not in str(said)
    assert refusal_of(session.video).reason == EXPECTED[name], "with and without media"


@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        (400, Verdict.API_ERROR),
        (403, Verdict.BOT_CHECK),
        (404, Verdict.API_ERROR),
        (429, Verdict.RATE_LIMITED),
        (500, Verdict.API_ERROR),
        (503, Verdict.API_ERROR),
    ],
)
def test_a_status_of_the_player_is_found_in_the_warning_with_its_retry_after(
    server, session, status, verdict
):
    server.faults[YTID] = Fault("player", "status", status=status, retry_after_s=70)
    said = refusal_of(session.look)
    assert (said.reason, said.retry_after_s) == (verdict, 70)
    assert f"HTTP Error {status}" in str(said)
    server.faults[YTID] = Fault("player", "message")
    assert refusal_of(session.look).retry_after_s is None, "that was of another question"


@pytest.mark.parametrize(
    "fault",
    [
        Fault("player", "stall"),
        Fault("player", "stall", after_bytes=9),
        Fault("player", "drip"),
        Fault("player", "reset"),
        Fault("player", "reset", after_bytes=9),
        Fault("player", "truncated", after_bytes=9),
    ],
    ids=lambda fault: f"{fault.kind}-{fault.after_bytes}",
)
def test_a_broken_answer_says_nothing_of_the_video(server, session, fault):
    server.faults[YTID] = fault
    said = refusal_of(session.look)
    assert said.reason == Verdict.API_ERROR
    assert "report this issue" not in str(said), "yt-dlp's own call for reports is not for our users"


def test_an_answer_for_another_video_is_about_us(server, session):
    server.faults[YTID] = Fault("player", "other_video")
    assert refusal_of(session.look).reason == Verdict.BOT_CHECK


def test_a_video_without_any_format_is_not_understood(server, session):
    server.faults[YTID] = Fault("player", "formats", itags=())
    assert refusal_of(session.video).reason == Verdict.EXTRACTOR_BROKEN


def test_a_limit_in_the_words_of_a_dead_video_is_a_limit():
    prefix = "Video unavailable. This content isn’t available, try again later."
    assert verdict_of(prefix) == Verdict.RATE_LIMITED
    assert verdict_of("Video unavailable. This content isn’t available.") == Verdict.UNAVAILABLE


@pytest.mark.parametrize(
    ("message", "verdict"),
    [
        ("Sign in to confirm you're not a bot", Verdict.BOT_CHECK),
        ("Sign in to confirm you’re not a bot", Verdict.BOT_CHECK),
        ("Please sign in. Use --cookies-from-browser", Verdict.BOT_CHECK),
        ("Video unavailable. Please sign in", Verdict.BOT_CHECK),
        ("Private video. Sign in to confirm you're not a bot", Verdict.BOT_CHECK),
        ("Sign in to confirm your age. Sign in to confirm you’re not a bot", Verdict.BOT_CHECK),
        ("This is a private video. Please sign in to verify that you may see it.", Verdict.PRIVATE),
        ("This video may be inappropriate for some users. Please sign in to watch it", Verdict.AGE),
        ("Join this channel to get access to members-only content. Please sign in", Verdict.MEMBERS),
        ("Our systems have detected unusual traffic from your computer network", Verdict.RATE_LIMITED),
        ("HTTP Error 429: Too Many Requests", Verdict.RATE_LIMITED),
        ("This video isn’t available anymore", Verdict.UNAVAILABLE),
        ("This live stream recording is not available.", Verdict.UNAVAILABLE),
        ("This video has been removed", Verdict.UNAVAILABLE),
        ("This video is no longer available", Verdict.UNAVAILABLE),
        ("This video is not available in your country", Verdict.GEO),
        ("This video is available to this channel's members on level: X", Verdict.MEMBERS),
        ("This video is only available to Music Premium members", Verdict.PAID),
        ("This video is DRM protected", Verdict.DRM),
        ("This video is DRM protected and only images are available for download", Verdict.DRM),
        ("Failed to extract the quadrmatic signature", Verdict.EXTRACTOR_BROKEN),
        ("This video is still being processed", Verdict.NOT_YET),
        ("Offline.", Verdict.NOT_YET),
        ("ERROR: [youtube] -id_of_11ch: Offline.", Verdict.NOT_YET),
        ("Live stream offline", Verdict.NOT_YET),
        ("Failed to extract offline data", Verdict.EXTRACTOR_BROKEN),
        ("This video is age-restricted and only available on YouTube", Verdict.AGE),
        (
            "This video is no longer available because the YouTube account associated with this video has been "
            "terminated because we received multiple third-party notifications of copyright infringement",
            Verdict.ACCOUNT_TERMINATED,
        ),
        ("Requested format is not available", Verdict.EXTRACTOR_BROKEN),
        ("Something that YouTube has never said before", Verdict.EXTRACTOR_BROKEN),
        ("", Verdict.EXTRACTOR_BROKEN),
    ],
)
def test_words_alone_are_enough(message, verdict):
    assert verdict_of(message) == verdict
    assert verdict_of(message.upper()) == verdict


@pytest.mark.parametrize(
    ("status", "reason", "verdict"),
    [
        ("LIVE_STREAM_OFFLINE", "Offline.", Verdict.NOT_YET),
        ("LOGIN_REQUIRED", "Please sign in", Verdict.BOT_CHECK),
        (
            "LOGIN_REQUIRED",
            "This is a private video. Please sign in to verify that you may see it.",
            Verdict.PRIVATE,
        ),
    ],
)
def test_words_of_the_player_keep_their_verdict_behind_what_yt_dlp_adds(
    server, session, status, reason, verdict
):
    def say(answer):
        answer.clear()
        answer["playabilityStatus"] = {"status": status, "reason": reason}

    server.faults[YTID] = Fault("player", "edited", edit=say)
    assert refusal_of(session.look).reason == verdict


@pytest.mark.parametrize(
    ("client", "verdict"), [(None, Verdict.DRM), ("tv", Verdict.EXTRACTOR_BROKEN)], ids=["usual", "tv"]
)
def test_drm_says_nothing_of_a_video_where_all_may_have_it(server, client, verdict):
    def lock(answer):
        media = answer["streamingData"]
        for stream in (*media.get("formats", ()), *media["adaptiveFormats"]):
            stream["drmFamilies"] = ["WIDEVINE"]

    params = server.ydl_params()
    if client:
        params["extractor_args"]["youtube"]["player_client"] = [client]
    session = Session(YtDlpOptions(params))
    server.faults[YTID] = Fault("player", "edited", edit=lock)
    for _ in range(2):
        said = refusal_of(session.video)
        assert said.reason == verdict and "DRM protected" in str(said), "yt-dlp warns each time"
    session.close()


BROKEN = "Failed to extract any player response"
DRM = "This video is DRM protected"
EXPERIMENT = (
    "[youtube] x: Some tv client https formats have been skipped as they are DRM protected. Your account may have an "
    "experiment that applies DRM to all videos on the tv client."
)
LIMITED, FORBIDDEN, DOWN = (
    f"[youtube] x: Unable to download API page: HTTP Error {status}" for status in (429, 403, 503)
)


@pytest.mark.parametrize(
    ("message", "warnings", "verdict"),
    [
        (BROKEN, [], Verdict.EXTRACTOR_BROKEN),
        (BROKEN, ["nsig extraction failed"], Verdict.EXTRACTOR_BROKEN),
        (BROKEN, [DOWN, LIMITED], Verdict.RATE_LIMITED),
        (BROKEN, [LIMITED, DOWN, FORBIDDEN], Verdict.RATE_LIMITED),
        (BROKEN, [DOWN, FORBIDDEN], Verdict.BOT_CHECK),
        (DOWN, [LIMITED], Verdict.RATE_LIMITED),
        ("Video unavailable", [LIMITED], Verdict.RATE_LIMITED),
        ("Video unavailable", [DOWN], Verdict.API_ERROR),
        ("Private video", [LIMITED], Verdict.PRIVATE),
        ("Never said before", [FORBIDDEN], Verdict.BOT_CHECK),
        ("Never said before", ["Private video"], Verdict.EXTRACTOR_BROKEN),
        (DRM, [EXPERIMENT], Verdict.EXTRACTOR_BROKEN),
        (DRM, [EXPERIMENT, LIMITED], Verdict.RATE_LIMITED),
        (DRM, [EXPERIMENT.partition(" Your")[0]], Verdict.DRM),
        ("Private video", [EXPERIMENT], Verdict.PRIVATE),
    ],
)
def test_warnings_count_where_they_are_about_us_the_most_telling_first(message, warnings, verdict):
    assert verdict_of(message, warnings) == verdict


def test_an_error_for_countries_is_geo_unless_it_is_about_us():
    assert verdict_of("Watch it elsewhere", geo=True) == Verdict.GEO
    assert verdict_of("Video unavailable", geo=True) == Verdict.GEO
    assert verdict_of("Watch it elsewhere", [LIMITED], geo=True) == Verdict.RATE_LIMITED


def test_no_number_of_bare_unavailable_on_one_day_makes_a_video_dead():
    now = datetime.now(UTC)
    moments = [now - timedelta(minutes=90 - m) for m in range(0, 80, 5)]
    well = Evidence({"here": Signs(moments, [True] * len(moments))})
    looks = [
        Attempt(verdict_of("Video unavailable"), "here", at + timedelta(seconds=1)) for at in moments[:-1]
    ]
    standing = standing_of(looks, well, now, Patience())
    assert not standing.settled and standing.life == Life.UNKNOWN
    assert standing.due_at >= moments[0] + timedelta(days=1)


def test_no_refusal_of_the_player_counts_as_a_sign_of_life():
    assert not {nature_of(verdict) for verdict in EXPECTED.values()} & ANSWERED
