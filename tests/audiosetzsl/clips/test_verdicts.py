"""Verdicts: each means one thing, and what needs a witness is what an unwell session may say of any video."""

import pytest

from audiosetzsl.clips.verdicts import ANSWERED, DELIVERED, NATURES, NEEDS_WITNESS, Nature, Verdict, nature_of


def test_every_verdict_has_one_nature_and_every_nature_a_verdict():
    assert list(NATURES) == list(Verdict)
    assert set(NATURES.values()) == set(Nature)


@pytest.mark.parametrize(
    ("nature", "verdicts"),
    [
        (Nature.GOT, {"ok", "alive"}),
        (Nature.GONE, {"private", "removed_by_uploader", "account_terminated", "copyright", "policy"}),
        (Nature.DOUBTFUL, {"unavailable"}),
        (Nature.CLOSED, {"geo", "age", "members", "paid", "drm"}),
        (Nature.LATER, {"not_yet"}),
        (Nature.SESSION, {"rate_limited", "bot_check"}),
        (Nature.BROKEN, {"extractor_broken", "api_error", "timed_out", "internal_error"}),
        (Nature.MEDIA, {"truncated", "empty", "unreadable"}),
        (Nature.WITHHELD, {"media_http", "stalled"}),
        (Nature.BEYOND, {"past_end"}),
        (Nature.ABSENT, {"not_found"}),
    ],
)
def test_what_verdicts_mean(nature, verdicts):
    assert {str(v) for v in Verdict if nature_of(v) is nature} == verdicts


def test_an_answer_of_the_player_vouches_and_needs_no_voucher():
    assert {Nature.WITHHELD} == ANSWERED & NEEDS_WITNESS, "the player answers, and the media do not come"
    assert set(Nature) - ANSWERED - NEEDS_WITNESS == {Nature.ABSENT}
    assert DELIVERED < ANSWERED - NEEDS_WITNESS


def test_an_unknown_word_means_nothing():
    with pytest.raises(ValueError, match="'perhaps' is not a valid Verdict"):
        nature_of("perhaps")
