"""Precision of a network's own computations, set while it computes and put back afterwards."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import torch

PRECISIONS = ("fp32", "tf32", "bf16")
# Windows that a device is given together: enough for a GPU, and 77 MB of bytes at I3D's size. On a CPU, several
# at a time would only need more memory.
AT_ONCE = {"cpu": 1, "cuda": 8}


@contextmanager
def computing(precision: str, device: torch.device) -> Iterator[None]:
    """Compute without gradients, in float32 that is what it says.

    On CUDA, PyTorch convolves float32 in TF32 unless it is told otherwise, and multiplies matrices as the
    program around us has chosen; here both follow `precision`. Elsewhere "tf32" is plain float32. What
    is done for "bf16" is up to the network.
    """
    tf32 = precision == "tf32"
    with torch.inference_mode(), _convolutions(tf32) if device.type == "cuda" else nullcontext():
        yield


@contextmanager
def _convolutions(tf32: bool) -> Iterator[None]:
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("high" if tf32 else "highest")
    try:
        # Windows are all of one size, so the search for the fastest way pays.
        with torch.backends.cudnn.flags(enabled=True, benchmark=True, allow_tf32=tf32):
            yield
    finally:
        torch.set_float32_matmul_precision(before)
