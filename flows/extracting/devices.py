"""Devices: which one of several the network of a process runs on, spread evenly over the processes."""

import fcntl
from functools import lru_cache
from pathlib import Path
from typing import IO

import torch

from audiosetzsl.errors import SetupError
from audiosetzsl.machine import usable_cores

_held: list[IO[str]] = []  # locks last as long as the process


def devices_of(words: str) -> tuple[str, ...]:
    """Devices by name: `cpu`, `cuda` (all of them), or some of them, as in `cuda:0,cuda:2`.

    Raises:
        SetupError: a device is not here.
    """
    if words == "cpu":
        return ("cpu",)
    here = tuple(f"cuda:{number}" for number in range(torch.cuda.device_count()))
    asked = here if words == "cuda" else tuple(words.split(","))
    absent = [name for name in asked if name not in here]
    if absent or not asked:
        raise SetupError(
            f"--device {words}: expected cpu, cuda, or some of {', '.join(here) or 'no GPU, as PyTorch sees none'}"
        )
    return asked


def feeders_for(devices: tuple[str, ...]) -> int:
    """Processes that decode for each device: the cores that are left, shared out; a CPU needs none."""
    if devices == ("cpu",):
        return 0
    return max(1, (usable_cores() - len(devices)) // len(devices))


@lru_cache(maxsize=1)
def claim(devices: tuple[str, ...], folder: Path) -> str:
    """The device that fewest processes of this run use; this process holds it, and asks for it, until it ends."""
    if len(devices) == 1:
        return devices[0]
    folder.mkdir(parents=True, exist_ok=True)
    turn = 0
    while True:
        for device in devices:
            lock = (folder / f"{device.replace(':', '-')}.{turn}").open("a")
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                lock.close()
                continue
            _held.append(lock)
            return device
        turn += 1
