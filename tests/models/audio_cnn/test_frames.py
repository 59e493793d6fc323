import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from audiosetzsl.errors import SetupError
from models.audio_cnn import MappedLogMels, lay_out
from models.audio_cnn.batches import crops_of


def clip(number, n_frames, n_mels=64):
    return np.random.default_rng(number).normal(size=(n_frames, n_mels)).astype(np.float16)


def rows(lengths, n_mels=64):
    for number, n_frames in enumerate(lengths):
        yield f"segment{number}", f"class{number % 3}", "train", clip(number, n_frames, n_mels)


@settings(max_examples=20, deadline=None)
@given(lengths=st.lists(st.integers(0, 40), min_size=1, max_size=150), n_mels=st.sampled_from([64, 128]))
def test_what_was_laid_out_is_read_back_wherever_it_lies(tmp_path_factory, lengths, n_mels):
    path = lay_out(rows(lengths, n_mels), tmp_path_factory.mktemp("laid") / "new" / "frames.arrow")
    mapped = MappedLogMels(path)
    assert len(mapped) == len(lengths)
    assert mapped.segment_ids == tuple(f"segment{n}" for n in range(len(lengths)))
    assert mapped.class_names == tuple(f"class{n % 3}" for n in range(len(lengths)))
    assert set(mapped.splits) == {"train"}
    for number in reversed(range(len(lengths))):
        np.testing.assert_array_equal(mapped[number], clip(number, lengths[number], n_mels))
    for outside in (-1, len(lengths)):
        with pytest.raises(IndexError, match=f"clip {outside} of {len(lengths)}"):
            mapped[outside]


def test_crops_of_a_mapped_file_are_those_of_a_list(tmp_path):
    lengths = [300, 50, 128, 500]
    in_memory = [clip(number, n_frames) for number, n_frames in enumerate(lengths)]
    mapped = MappedLogMels(lay_out(rows(lengths), tmp_path / "frames.arrow"))
    one, other = (
        crops_of(log_mels, [3, 1, 0, 2, 3], 128, torch.Generator().manual_seed(4))
        for log_mels in (in_memory, mapped)
    )
    assert torch.equal(one, other)


def test_a_file_is_whole_or_absent(tmp_path):
    def broken():
        yield from rows([5] * 100)
        raise OSError("the disk of the shards is gone")

    with pytest.raises(OSError, match="gone"):
        lay_out(broken(), tmp_path / "frames.arrow")
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_mapped_says_what_to_do(tmp_path):
    with pytest.raises(
        SetupError, match="there is no log-mel to lay out; extract the features of some clips"
    ):
        lay_out(iter(()), tmp_path / "frames.arrow")
    with pytest.raises(SetupError, match=r"frames.arrow does not exist; lay the log-mels out first"):
        MappedLogMels(tmp_path / "frames.arrow")
    path = lay_out(rows([5, 6]), tmp_path / "frames.arrow")
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(SetupError, match=r"frames.arrow is damaged .*; delete it and lay it out again"):
        MappedLogMels(path)
