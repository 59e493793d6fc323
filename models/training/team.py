"""Team: the devices that work on one training, and how exactly they multiply."""

import pickle
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

import torch
from jaxtyping import Shaped
from torch import Tensor, nn

from audiosetzsl.errors import SetupError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Share:
    """Which part of every batch is worked on here: all of it, or one of several devices' equal parts."""

    index: int = 0
    of: int = 1

    def part(self, batch: Shaped[Tensor, " n *rest"]) -> Shaped[Tensor, " m *rest"]:
        """The part of a batch, which was drawn alike on all devices.

        Raises:
            SetupError: the parts would not be equal, so a mean over devices would be none over the batch.
        """
        if len(batch) % self.of:
            raise SetupError(
                f"a batch of {len(batch)} has no {self.of} equal parts; take a batch_size (and as many clips) "
                f"that {self.of} devices can share, least_steps=1 if there are few clips, or fewer devices"
            )
        return batch[self.index :: self.of]


def _itself(tensor: Tensor) -> Tensor:
    return tensor


@dataclass(frozen=True, slots=True)
class Team:
    """The devices of one training, as one of them sees them; by default the CPU alone."""

    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    share: Share = field(default_factory=Share)
    mean: Callable[[Tensor], Tensor] = _itself  # of a tensor that every device has, over the devices


ALONE = Team()


def on_devices(work: Callable[[Team], T], n: int, device: str = "cuda") -> T:
    """Do the same work on `n` devices of this machine at once, a process each, and give what the first made.

    Lightning Fabric starts the processes. What `work` holds is copied into each GPU's, so it must be a function of
    a module, or a `functools.partial` of one, and a script that calls this must be guarded by
    `if __name__ == "__main__"`. A single device is worked on right here.

    Args:
        work: what to do, such as to fit a model, given the team it is part of.
        n: how many devices.
        device: of what kind, "cuda" or "cpu".

    Raises:
        SetupError: there are not as many.
    """
    if device == "cuda" and not 1 <= n <= torch.cuda.device_count():
        raise SetupError(f"{n} CUDA devices asked for, but there are {torch.cuda.device_count()}")
    if n == 1:
        return work(Team(torch.device(device)))
    from lightning_fabric import Fabric  # here, as it takes seconds that no single device needs

    # A process that is forked is there at once, but CUDA does not work in it.
    start = "ddp_spawn" if device == "cuda" else "ddp_fork"
    fabric = Fabric(accelerator=device, devices=n, strategy=start)
    made: T = pickle.loads(fabric.launch(partial(_as_one_of, work=work)))
    return made


def _as_one_of(fabric: Any, work: Callable[[Team], object]) -> bytes:
    share = Share(fabric.global_rank, fabric.world_size)
    made = work(Team(fabric.device, share, partial(fabric.all_reduce, reduce_op="mean")))
    # As bytes: tensors would be handed over in memory of this process, which ends before they are taken.
    return pickle.dumps(made)


@contextmanager
def precise(model: nn.Module, precision: str) -> Iterator[None]:
    """While it lasts, matrices are multiplied in this precision; see `Optimising`."""
    if precision == "bf16":
        with _forward_in_bf16(model):
            yield
        return
    before = torch.backends.cuda.matmul.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = precision == "tf32"
    try:
        yield
    finally:
        torch.backends.cuda.matmul.allow_tf32 = before


@contextmanager
def _forward_in_bf16(model: nn.Module) -> Iterator[None]:
    """Only `forward` is; what comes out has the digits of bf16, but distances are then computed in float32."""
    plain, kind = model.forward, next(model.parameters()).device.type

    def forward(*inputs: Tensor) -> Any:
        with torch.autocast(kind, torch.bfloat16):
            outputs = plain(*inputs)
        return tuple(o.float() for o in outputs) if isinstance(outputs, tuple) else outputs.float()

    model.__dict__["forward"] = forward
    try:
        yield
    finally:
        del model.__dict__["forward"]
