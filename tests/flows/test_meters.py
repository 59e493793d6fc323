"""Meters: people are told how far a stage is, and the telling never gets in its way."""

import contextvars
import time

import pytest

from flows.meters import watched

PLACE = contextvars.ContextVar("place", default="nowhere")


class Steps:
    total = 10

    def __init__(self):
        self.done = 0

    def read(self):
        self.done += 1
        return self.done, "words"


def test_what_the_meter_reads_is_shown_now_and_then_and_at_the_end():
    shown = []
    with watched(Steps(), 0.01, lambda *told: shown.append(told)):
        time.sleep(0.3)
        before = len(shown)
    assert before > 3 and shown[0] == (1, "words")
    assert len(shown) > before, "the end itself is shown"
    time.sleep(0.05)
    assert shown[-1][0] == len(shown), "nothing is shown after the end"


def test_the_end_is_shown_also_when_the_work_fails():
    shown = []
    with pytest.raises(KeyError), watched(Steps(), 60, lambda *told: shown.append(told)):
        raise KeyError
    assert shown == [(1, "words")]


def test_telling_that_fails_does_not_end_the_work(caplog):
    def show(done, words):
        raise ConnectionError("http://user:secret@server")

    with watched(Steps(), 0.01, show):
        time.sleep(0.1)
    assert "progress is not shown: ConnectionError" in caplog.text and "secret" not in caplog.text


def test_it_is_told_from_the_context_of_the_work():
    shown = []
    PLACE.set("here")
    with watched(Steps(), 0.01, lambda done, words: shown.append(PLACE.get())):
        time.sleep(0.1)
    assert set(shown) == {"here"}


def test_without_a_meter_nothing_is_told():
    with watched(None, 0.01, lambda done, words: pytest.fail("told")):
        time.sleep(0.05)
