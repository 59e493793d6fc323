import pytest

from audiosetzsl import doctor
from audiosetzsl.downloads import DigestKind
from audiosetzsl.errors import SetupError
from extractors.video.nets import NETS
from extractors.video.torchvision_nets import NETS as TORCHVISION
from extractors.video.weights import KINETICS, seed_of, weights_file


@pytest.mark.parametrize("net", KINETICS)
def test_every_file_is_pinned_and_credited(net):
    weights = KINETICS[net]
    assert weights.url.startswith("https://") and weights.licence and weights.owner
    assert any(venue in weights.cite for venue in ("CVPR", "ECCV"))
    assert len(weights.pin.digest) >= 8 and set(weights.pin.digest) <= set("0123456789abcdef")


def test_i3d_s_file_is_pinned_by_git():
    pin = KINETICS["i3d"].pin
    assert pin.kind is DigestKind.GIT_BLOB and pin.digest == "73a4fd1d87eb3dbd97f33a9779fa1caa3d28111a"
    assert pin.bytes is None  # not published


def test_the_doctor_looks_for_the_same_file():
    published = KINETICS["i3d"]
    assert published.name == doctor.I3D_FILE and published.pin == doctor.I3D_PIN


@pytest.mark.parametrize("net", TORCHVISION)
def test_torchvision_s_files_are_those_of_its_enum(net):
    from torchvision.models import video

    published = getattr(video, TORCHVISION[net].weights).KINETICS400_V1
    assert KINETICS[net].url == published.url
    assert published.url.endswith(f"-{KINETICS[net].pin.digest}.pth")


def test_every_network_has_published_weights():
    assert tuple(KINETICS) == NETS


def test_seeds():
    assert seed_of("random:0") == 0 and seed_of("random:17") == 17
    assert seed_of("kinetics400") is None and seed_of("/some/random.pt") is None
    for wrong in ("random:", "random:-1", "random:x", "random:٣"):
        with pytest.raises(SetupError, match=r"expected random:<seed>, such as random:0"):
            seed_of(wrong)


@pytest.mark.parametrize("weights", ["kinetics400", "/no/such.pt"])
def test_without_weights_it_is_said_what_to_do(monkeypatch, tmp_path, weights):
    monkeypatch.setenv("AZSL_WEIGHTS", str(tmp_path))
    where = tmp_path / "s3d-d76dad2f.pth" if weights == "kinetics400" else weights
    with pytest.raises(
        SetupError,
        match=rf"weights of s3d are not at {where}: fetch .*`python -m flows fetch-weights s3d`.*random:0",
    ):
        weights_file("s3d", weights)
    (tmp_path / "s3d-d76dad2f.pth").touch()
    assert weights_file("s3d", "kinetics400") == tmp_path / "s3d-d76dad2f.pth"
