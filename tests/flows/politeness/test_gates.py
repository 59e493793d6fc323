"""Gates: without a server, nobody else is asked. That of Prefect is tested with its server."""

import pickle
import time

from flows.politeness.gates import open_gate


def test_the_open_gate_lets_everybody_pass_at_once():
    began_s = time.monotonic()
    for _ in range(1000):
        open_gate("here")
    assert time.monotonic() - began_s < 1


def test_a_gate_travels_to_the_processes_that_work():
    assert pickle.loads(pickle.dumps(open_gate)) is open_gate
