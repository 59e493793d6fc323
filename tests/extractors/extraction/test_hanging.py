"""Hanging: the watch over a clip that never ends."""

import subprocess
import sys

SLEEPS = """
import time
from extractors.extraction.hanging import ended_after

with ended_after(60):
    pass
print("watched", flush=True)
with ended_after(0.2):
    time.sleep(60)
"""


def test_a_process_whose_standard_error_is_closed_is_watched_like_every_other():
    """Services close it; the process that hangs is ended all the same."""
    command = ["sh", "-c", 'exec "$0" -c "$1" 2>&-', sys.executable, SLEEPS]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=50, check=False)
    assert (done.stdout, done.returncode) == ("watched\n", 1)
