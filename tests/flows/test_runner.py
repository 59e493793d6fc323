"""The runner of processes: results as they come, and an end when somebody wants it."""

import os
import signal
import subprocess
import sys
import time
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from pathlib import Path

import pytest

from flows.runner import Processes

ROOT = Path(__file__).parents[2]
# A block writes that it has begun, and works for longer than anybody waits.
ENDLESS = """
import signal, sys, time
from pathlib import Path
from flows.runner import Processes

def work(path):
    try:
        Path(path).write_text("begun")
        time.sleep(60)
    finally:
        Path(path + ".ended").write_text("in order")

if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # whoever runs the tests may ignore it
    for _ in Processes(2).map("stage", work, [f"{sys.argv[1]}/{n}" for n in range(8)]):
        pass
"""


def double(n):
    return 2 * n


def fail_at_three(n):
    if n == 3:
        raise ValueError("three")
    time.sleep(0.05)
    return n


def test_every_block_has_its_result():
    assert sorted(Processes(2).map("stage", double, range(5))) == [0, 2, 4, 6, 8]
    assert list(Processes(2).map("stage", double, [])) == []


def test_the_first_error_ends_the_stage():
    with pytest.raises(ValueError, match="three"):
        list(Processes(2).map("stage", fail_at_three, range(100)))


def die(n):
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_worker_that_dies_is_told_and_not_waited_for():
    with pytest.raises(BrokenProcessPool, match="terminated abruptly"):
        list(Processes(2).map("stage", die, range(4)))


def test_who_hears_no_more_ends_the_stage_however_far_it_is():
    """Some workers are then between two blocks, or just starting: none may die of it, or the pool breaks."""
    for n in range(4):
        results = Processes(4).map("stage", double, range(1000))
        for _ in range(1 + 100 * n):
            next(results)
        results.close()


@pytest.fixture
def endless(tmp_path):
    """A stage that works on two blocks for longer than anybody waits; it leads a group of processes."""
    script = tmp_path / "endless.py"
    script.write_text(ENDLESS)
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, str(script), str(tmp_path)]
    with subprocess.Popen(command, start_new_session=True, cwd=ROOT, env=environment, **pipes) as run:
        until = time.monotonic() + 60
        while not all((tmp_path / str(n)).exists() for n in range(2)) and time.monotonic() < until:
            time.sleep(0.05)
        yield run
        run.kill()


def ended_in_order(folder):
    return sorted(path.name for path in folder.glob("*.ended"))


def alive(group):
    """Whether a process of a group runs; one that is only not buried yet does not."""
    stats = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            stats.append(path.read_text().rpartition(")")[2].split())
    return any(int(pgrp) == group and state != "Z" for state, _, pgrp, *_ in stats)


@pytest.mark.parametrize("whom", ["it alone", "all, as a terminal does"])
def test_one_interrupt_ends_all_that_work_in_order_and_at_once(tmp_path, endless, whom):
    began_s = time.monotonic()
    os.kill(endless.pid, signal.SIGINT) if whom == "it alone" else os.killpg(endless.pid, signal.SIGINT)
    _, said = endless.communicate(timeout=30)
    assert b"KeyboardInterrupt" in said and b"BrokenProcessPool" not in said and b"InvalidState" not in said
    assert time.monotonic() - began_s < 10 and endless.returncode != 0
    assert ended_in_order(tmp_path) == ["0.ended", "1.ended"]
    assert not (tmp_path / "2").exists(), "no further block is begun"


def test_a_stage_that_is_killed_leaves_no_process_behind(tmp_path, endless):
    endless.kill()
    endless.wait()
    until = time.monotonic() + 30
    while alive(endless.pid):
        assert time.monotonic() < until, "its workers wait for ever for their next block"
        time.sleep(0.2)
    assert ended_in_order(tmp_path) == ["0.ended", "1.ended"]
