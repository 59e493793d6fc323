"""A crew brings every result once, and neither a hang nor an error of one worker is everybody's."""

import threading
import time
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flows.fetching.crew import Crew, in_time


def outcomes(crew, items):
    return [outcome for outcome in crew.work_through(items) if outcome is not None]


@pytest.fixture
def released():
    """Ends the threads that hang, once the test is over."""
    event = threading.Event()
    yield event
    event.set()


def at_once(work):
    def begun(item, begin):
        begin()
        return work(item)

    return begun


@settings(deadline=None, max_examples=30)
@given(items=st.lists(st.integers(), max_size=60), threads=st.integers(1, 8))
def test_every_item_comes_back_once_with_its_own_result(items, threads):
    found = outcomes(Crew(at_once(lambda item: item * 7), threads, 60), items)
    assert Counter(found) == Counter((item, item * 7) for item in items)


def test_all_threads_work_and_no_more_than_there_are_items(released):
    busy, most, lock = set(), [], threading.Lock()

    def work(item):
        with lock:
            busy.add(threading.get_ident())
            most.append(len(busy))
        time.sleep(0.05)

    outcomes(Crew(at_once(work), 4, 60), list(range(8)))
    assert max(most) == 4
    busy.clear(), most.clear()
    outcomes(Crew(at_once(work), 4, 60), [1, 2])
    assert max(most) == 2


def test_nothing_to_do_is_done_at_once():
    assert list(Crew(at_once(print), 4, 60).work_through([])) == []


def test_while_nothing_comes_the_caller_is_called_back():
    crew = Crew(at_once(lambda item: time.sleep(0.7)), 1, 60)
    heard = list(crew.work_through(["slow"]))
    assert heard[-1] == ("slow", None) and heard[:-1].count(None) >= 2


def test_an_error_reaches_the_caller_and_nothing_further_is_begun():
    begun = []

    def work(item):
        begun.append(item)
        time.sleep(0.02)
        if item == 3:
            raise KeyError("of item 3")

    with pytest.raises(KeyError, match="of item 3"):
        outcomes(Crew(at_once(work), 2, 60), list(range(100)))
    time.sleep(0.1)
    so_far = len(begun)
    assert so_far < 10
    time.sleep(0.2)
    assert len(begun) == so_far


def test_what_others_are_doing_when_one_fails_is_not_lost():
    def work(item):
        time.sleep({"fails": 0.1, "slow": 0.6}[item])
        if item == "fails":
            raise KeyError(item)
        return "done"

    heard = []
    with pytest.raises(KeyError, match="fails"):
        for outcome in Crew(at_once(work), 3, 60).work_through(["slow", "fails", "slow", "slow", "slow"]):
            heard += [outcome] if outcome else []
    assert heard == [("slow", "done")] * 2, "and the other two are not begun"


def test_who_was_waiting_when_another_failed_does_not_begin(released):
    begun = []

    def work(item, begin):
        if item == "waits":
            released.wait()
        begin()
        begun.append(item)
        raise KeyError(item)

    began_s = time.monotonic()
    with pytest.raises(KeyError, match="fails"):
        outcomes(Crew(work, 2, 60), ["waits", "fails"])
    assert time.monotonic() - began_s < 2, "and is not waited for"
    released.set()
    time.sleep(0.2)
    assert begun == ["fails"]


def test_one_that_hangs_holds_up_the_error_of_another_only_for_a_while(released, monkeypatch):
    monkeypatch.setattr("flows.fetching.crew.LAST_S", 0.5)

    def work(item):
        if item == "hangs":
            released.wait()
        raise KeyError(item)

    began_s = time.monotonic()
    with pytest.raises(KeyError, match="fails"):
        outcomes(Crew(at_once(work), 2, 60), ["hangs", "fails"])
    assert 0.4 < time.monotonic() - began_s < 2


def test_a_caller_who_leaves_leaves_no_work_behind():
    begun = []

    def work(item):
        begun.append(item)
        time.sleep(0.01)

    results = Crew(at_once(work), 2, 60).work_through(list(range(100)))
    assert next(results) is not None
    results.close()
    time.sleep(0.1)
    so_far = len(begun)
    time.sleep(0.1)
    assert len(begun) == so_far < 20


def test_one_that_hangs_is_given_up_in_time_and_replaced(released):
    done = []

    def work(item):
        if item == "hangs":
            released.wait()
        time.sleep(0.01)
        done.append(item)
        return "done"

    items = ["a", "hangs", *range(10)]
    began_s = time.monotonic()
    found = dict(outcomes(Crew(at_once(work), 1, 0.5), items))
    assert found == {item: None if item == "hangs" else "done" for item in items}
    assert 0.5 <= time.monotonic() - began_s < 3, "with one thread: another took its place"


def test_all_may_hang(released):
    crew = Crew(at_once(lambda item: released.wait()), 2, 0.2)
    assert sorted(outcomes(crew, [1, 2, 3, 4, 5])) == [(n, None) for n in (1, 2, 3, 4, 5)]


def test_what_comes_after_it_was_given_up_is_not_heard():
    def work(item):
        time.sleep(0.8 if item == "late" else 0.01)
        return "late" if item == "late" else "in time"

    items = ["late", *range(150)]
    found = outcomes(Crew(at_once(work), 2, 0.3), items)
    assert Counter(found) == Counter([("late", None), *((n, "in time") for n in range(150))])


def test_a_hang_is_seen_while_others_keep_bringing_results(released):
    def work(item):
        if item == "hangs":
            released.wait()
        time.sleep(0.03)

    order = [item for item, _ in outcomes(Crew(at_once(work), 2, 0.3), ["hangs", *range(60)])]
    assert len(order) == 61 and order.index("hangs") < 40


def test_waiting_to_begin_does_not_count():
    def work(item, begin):
        time.sleep(0.8)  # for a token, say
        begin()
        return item

    assert sorted(outcomes(Crew(work, 2, 0.3), [1, 2])) == [(1, 1), (2, 2)]


def test_given_up_or_done_is_never_both(released):
    """Results that come at just about the limit: each item counts once, whichever way it falls."""

    def work(item):
        time.sleep(0.2 + item % 7 * 0.01)
        return item

    items = list(range(42))
    found = outcomes(Crew(at_once(work), 14, 0.22), items)
    assert sorted(item for item, _ in found) == items
    assert all(result in (None, item) for item, result in found)


def test_a_call_that_hangs_is_given_up_in_time():
    over = threading.Event()
    with pytest.raises(TimeoutError, match=r"given up after 0 s"):
        in_time(lambda _: over.wait(30), "item", 0.3)
    over.set()


def test_a_call_in_time_passes_on_what_is_raised():
    heard = []
    in_time(heard.append, "item", 5)
    assert heard == ["item"]
    with pytest.raises(ValueError, match="of its own"):
        in_time(_raise, "item", 5)


def _raise(item):
    raise ValueError("of its own")
