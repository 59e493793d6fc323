import subprocess
import sys

import pytest
import torch

from extractors.video.precision import computing

CUDA = torch.device("cuda")  # its settings exist without a GPU


def settings():
    return (
        torch.get_float32_matmul_precision(),
        torch.backends.cudnn.allow_tf32,
        torch.backends.cudnn.benchmark,
    )


@pytest.mark.parametrize(
    ("precision", "expected"),
    [("fp32", ("highest", False, True)), ("tf32", ("high", True, True)), ("bf16", ("highest", False, True))],
)
def test_a_gpu_computes_as_asked_and_the_program_around_is_left_alone(precision, expected):
    before = settings()
    with computing(precision, CUDA):
        assert settings() == expected
        assert torch.is_inference_mode_enabled()
    assert settings() == before and not torch.is_inference_mode_enabled()
    with pytest.raises(ZeroDivisionError), computing(precision, CUDA):
        _ = 1 / 0
    assert settings() == before


def test_a_cpu_has_nothing_to_set():
    before = settings()
    with computing("tf32", torch.device("cpu")):
        assert settings() == before
        assert torch.is_inference_mode_enabled()


def test_importing_sets_nothing_and_loads_no_torchvision():
    code = (
        "import sys, torch; look = lambda: (torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32, "
        "torch.get_num_threads(), torch.is_grad_enabled()); before = look(); import extractors.video.nets; "
        "print(before == look(), 'torchvision' in sys.modules)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.split() == ["True", "False"]
