"""A training of a second's fraction, with dropout and a loss over pairs, to be killed, resumed and shared out."""

import os
import signal

import torch
from torch import nn

from models.training import ALONE, Optimising, Progress, Step, train

STEPS, PASSES, BATCH = 4, 3, 12
OPTIMISING = Optimising(learning_rate=0.05, decay_at=(1,), batch_size=BATCH, passes=PASSES)


class Stopped(Exception):
    """What stands for a kill where the process shall live on."""


def data():
    """Clips of three kinds, 30 of each."""
    labels = torch.arange(3).repeat(30)
    noise = torch.randn(90, 6, generator=torch.Generator().manual_seed(7))
    return torch.eye(6)[labels] + 0.5 * noise, labels


def network(dropout=0.5):
    """The same first weights every time."""
    with torch.random.fork_rng():
        torch.manual_seed(3)
        return nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Dropout(dropout), nn.Linear(8, 2))


def step_of(model, at_step=lambda n: None):
    """Pairs of clips, near where they are of one kind, far where they are not; `at_step` is called with each."""
    rows, labels = data()
    n = 0

    def step(generator, share):
        nonlocal n
        n += 1
        at_step(n)
        p, q = (share.part(torch.randint(len(rows), (BATCH,), generator=generator)) for _ in "pq")
        apart = torch.linalg.vector_norm(model(rows[p]) - model(rows[q]) + 1e-6, dim=1)
        same = labels[p] == labels[q]
        loss = torch.where(same, apart, torch.relu(2 - apart)).mean()
        return Step(loss, {"same": same.float().mean()})

    return step


def run(
    path=None, *, optimising=OPTIMISING, at_step=lambda n: None, on_pass=None, made_of="", seed=1, **model
):
    """Train; progress is written after every step."""
    net = network(**model)
    progress = Progress(path, made_of, every_s=0.0) if path else None
    return train(
        net,
        step_of(net, at_step),
        STEPS,
        optimising,
        seed=seed,
        validate=lambda m: -float(m(data()[0]).square().mean()),
        on_pass=on_pass,
        progress=progress,
    )


def weights_in_a_team(team=ALONE):
    """Weights and losses of a training of which this device does its share; without dropout, which would differ."""
    net, losses = network(dropout=0.0), []
    train(
        net, step_of(net), STEPS, OPTIMISING, seed=1, validate=lambda m: float(team.share.index),
        on_pass=lambda one: losses.append((one.loss, one.told["same"], one.val)), team=team,
    )  # fmt: skip
    return net.state_dict(), losses


def killed_in(n, path):
    """Train in a process of its own that is killed when this step begins; how that process ended."""
    child = os.fork()  # a new interpreter would need seconds for torch
    if child == 0:
        try:
            run(path, at_step=lambda at: os.kill(os.getpid(), signal.SIGKILL) if at == n else None)
        finally:
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
