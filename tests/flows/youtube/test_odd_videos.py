"""Answers that are not simply the video that was asked for: trailers, streams, odd formats, advertisements."""

import time

import pytest
from loopback_faults import Fault

from audiosetzsl.clips.verdicts import Verdict
from flows.sources.source import Refusal

YTID = "-id_of_11ch"


@pytest.fixture
def edited(server):
    """edited(function): change what the player answers."""

    def edited(edit):
        server.faults[YTID] = Fault("player", "edited", edit=edit)

    return edited


def trailer(answer):
    screen = {"playerLegacyDesktopYpcTrailerRenderer": {"trailerVideoId": "TRAILER_abc"}}
    answer["playabilityStatus"] = {"status": "UNPLAYABLE", "reason": "Pay", "errorScreen": screen}
    del answer["streamingData"]


def several_cameras(answer):
    feeds = "id%3DFEED_aaaaaa&title%3DA,id%3DFEED_bbbbbb&title%3DB"
    answer["multicamera"] = {"playerLegacyMulticameraRenderer": {"metadataList": feeds}}


def running(answer):
    answer["videoDetails"] |= {"isLive": True, "isLiveContent": True}
    for stream in answer["streamingData"]["adaptiveFormats"]:
        stream["targetDurationSec"] = 5


def just_ended(answer):
    answer["videoDetails"]["isPostLiveDvr"] = True


def asked(session):
    return (session.look, session.video)


def test_the_trailer_of_a_film_is_not_the_film(session, server, edited):
    edited(trailer)
    for ask in asked(session):
        with pytest.raises(
            Refusal, match=r"^YouTube answers with another video, as with the trailer"
        ) as told:
            ask(YTID)
        assert told.value.reason == Verdict.PAID


@pytest.mark.parametrize(("edit", "status"), [(running, "is_live"), (just_ended, "post_live")])
def test_a_stream_is_no_video_before_it_is_whole(session, edited, edit, status):
    edited(edit)
    for ask in asked(session):
        with pytest.raises(Refusal, match=rf"^it is no whole video yet \({status}\)$") as told:
            ask(YTID)
        assert told.value.reason == Verdict.NOT_YET


def test_of_several_cameras_the_one_asked_for_is_taken(session, server, edited):
    edited(several_cameras)
    assert session.video(YTID).format_id == "134+140"
    assert {hit.ytid for hit in server.requests()} == {YTID}


def test_an_advertisement_is_waited_for(session, edited):
    def advertised(answer):
        renderer = {"playerVars": "length_seconds=5", "skipOffsetMilliseconds": 5000}
        placement = {
            "config": {"adPlacementConfig": {"kind": "AD_PLACEMENT_KIND_START"}},
            "renderer": {"instreamVideoAdRenderer": renderer},
        }
        answer["adPlacements"] = [{"adPlacementRenderer": placement}]

    assert session.video(YTID).ready_at == pytest.approx(time.time(), abs=2.5)
    edited(advertised)
    assert session.video(YTID).ready_at == pytest.approx(time.time() + 5, abs=2.5)


@pytest.mark.parametrize(
    ("sizes", "chosen"),
    [
        ([(256, 144), (640, 360), (854, 480)], 1),
        ([(144, 256), (360, 640), (480, 854)], 1),  # upright
        ([(854, 480), (1280, 720)], 0),  # nothing small
        ([(256, 144), (320, 240)], 1),  # an old one
        ([(None, None)], 0),
    ],
)
def test_the_picture_has_360_lines_or_as_near_as_can_be(session, edited, sizes, chosen):
    def several(answer):
        picture, sound = answer["streamingData"]["adaptiveFormats"]
        answer["streamingData"]["formats"] = []
        answer["streamingData"]["adaptiveFormats"] = [sound] + [
            {**picture, "itag": 300 + n, "width": width, "height": height, "qualityLabel": f"q{n}"}
            for n, (width, height) in enumerate(sizes)
        ]

    edited(several)
    assert session.video(YTID).format_id == f"{300 + chosen}+140"


def test_a_picture_that_is_much_shorter_than_the_rest_is_known_as_damaged(session, edited):
    def half(answer):
        answer["streamingData"]["formats"] = []
        answer["streamingData"]["adaptiveFormats"][0]["approxDurationMs"] = "15000"

    assert [format.is_damaged for format in session.video(YTID).chosen] == [False, False]
    edited(half)
    assert [format.is_damaged for format in session.video(YTID).chosen] == [True, False]
