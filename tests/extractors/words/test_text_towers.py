"""Text towers of real networks, made here: their vectors are the networks' own, and no code of theirs runs."""

import json
import shutil
import string
import sys

import numpy as np
import pytest

from audiosetzsl.errors import SetupError
from extractors.words.text_towers import embed_phrases

WORDS = [
    "[PAD]",
    "[UNK]",
    "[CLS]",
    "[SEP]",
    "[MASK]",
    "the",
    "sound",
    "of",
    "a",
    "dog",
    "cat",
    "church",
    "bell",
]
SHAPE = {
    "hidden_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "max_position_embeddings": 32,
}


@pytest.fixture(scope="session")
def bert(tmp_path_factory):
    """A BERT of one layer and 13 words, not trained."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_HUB_OFFLINE", "1")  # read once, at the first import
        import torch
        from transformers import BertConfig, BertModel, BertTokenizerFast

    folder = tmp_path_factory.mktemp("bert")
    (folder / "vocab.txt").write_text("\n".join(WORDS))
    torch.manual_seed(0)
    BertModel(BertConfig(vocab_size=len(WORDS), **SHAPE)).save_pretrained(folder)
    BertTokenizerFast(str(folder / "vocab.txt")).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def tower(bert, tmp_path_factory):
    """The same, as sentence-transformers saves it, with the mean of its tokens as the vector of a text."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer

    folder = tmp_path_factory.mktemp("saved") / "tiny-tower"
    modules = [Transformer(str(bert)), Pooling(SHAPE["hidden_size"], "mean")]
    SentenceTransformer(modules=modules, device="cpu").save(str(folder))
    return folder


def by_hand(folder, text):
    """The slow twin: tokens through the network, and the mean over them."""
    import torch
    from transformers import BertModel, BertTokenizerFast

    tokens = BertTokenizerFast.from_pretrained(folder)(text, return_tensors="pt")
    with torch.inference_mode():
        return BertModel.from_pretrained(folder).eval()(**tokens).last_hidden_state[0].mean(dim=0).numpy()


@pytest.mark.slow
def test_vectors_are_the_networks_own(tower, bert):
    phrases = {"dog": ["dog"], "church-bell": ["church bell", "bell"]}
    vectors, texts, digest = embed_phrases(phrases, str(tower), ["the sound of a {}", "{}"])
    assert vectors.dtype == np.float32
    assert texts == (
        "the sound of a dog | dog",
        "the sound of a church bell | church bell | the sound of a bell | bell",
    )
    for row, some in zip(vectors, texts, strict=True):
        expected = np.mean([by_hand(bert, text) for text in some.split(" | ")], axis=0)
        np.testing.assert_allclose(row, expected, atol=1e-5)
    assert len(digest) == 64


@pytest.mark.slow
def test_a_text_tower_of_clip_is_one_too(tmp_path):
    import torch
    from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel, CLIPProcessor, CLIPTokenizerFast

    letters = [*string.ascii_lowercase, *(f"{letter}</w>" for letter in string.ascii_lowercase)]
    vocabulary = {
        token: number for number, token in enumerate([*letters, "<|startoftext|>", "<|endoftext|>"])
    }
    (tmp_path / "vocab.json").write_text(json.dumps(vocabulary))
    (tmp_path / "merges.txt").write_text("#version: 0.2\n")
    tokens = CLIPTokenizerFast(str(tmp_path / "vocab.json"), str(tmp_path / "merges.txt"))
    ends = {"bos_token_id": 52, "eos_token_id": 53, "pad_token_id": 53}
    pictures = {"image_size": 32, "patch_size": 16}
    torch.manual_seed(0)
    shape = {key: value for key, value in SHAPE.items() if key != "max_position_embeddings"}
    config = CLIPConfig(
        text_config={"vocab_size": len(vocabulary), **SHAPE, **ends},
        vision_config={**shape, **pictures},
        projection_dim=24,
    )
    network = CLIPModel(config).eval()
    network.save_pretrained(tmp_path)
    images = CLIPImageProcessor(size={"shortest_edge": 32}, crop_size=32)
    CLIPProcessor(images, tokens).save_pretrained(tmp_path)

    vectors, _, _ = embed_phrases({"dog": ["dog"], "cat": ["cat"]}, str(tmp_path), ["the sound of a {}"])
    with torch.inference_mode():
        found = network.get_text_features(
            **tokens(["the sound of a dog", "the sound of a cat"], return_tensors="pt")
        )
    np.testing.assert_allclose(vectors, getattr(found, "pooler_output", found).numpy(), atol=1e-5)


@pytest.mark.slow
def test_a_name_is_looked_up_among_the_models_of_this_machine(tower, tmp_path, monkeypatch):
    from huggingface_hub import constants

    kept = tmp_path / "models--sentence-transformers--tiny"
    (kept / "refs").mkdir(parents=True)
    (kept / "refs" / "main").write_text("0" * 40)
    shutil.copytree(tower, kept / "snapshots" / ("0" * 40))
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    by_name, _, _ = embed_phrases({"dog": ["dog"]}, "tiny")
    by_folder, _, _ = embed_phrases({"dog": ["dog"]}, str(tower))
    np.testing.assert_array_equal(by_name, by_folder)
    with pytest.raises(
        SetupError, match=r"none is no folder here, and cannot be fetched .* as somebody/none \("
    ):
        embed_phrases({"dog": ["dog"]}, "somebody/none")
    with pytest.raises(SetupError, match=r"/a/b/c is no folder here, and cannot be fetched .* as /a/b/c \("):
        embed_phrases({"dog": ["dog"]}, "/a/b/c")


@pytest.mark.slow
def test_damaged_weights_are_said(tower, tmp_path):
    folder = shutil.copytree(tower, tmp_path / "tower")
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(SetupError, match=r"tower cannot be used as a text tower \("):
        embed_phrases({"dog": ["dog"]}, str(folder))


@pytest.mark.slow
def test_weights_that_are_no_numbers_are_said(tower, tmp_path):
    from safetensors.numpy import load_file, save_file

    folder = shutil.copytree(tower, tmp_path / "tower")
    weights = {
        name: np.full_like(array, np.nan) for name, array in load_file(folder / "model.safetensors").items()
    }
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(SetupError, match=r"tower gives vectors that are not finite; its weights are damaged"):
        embed_phrases({"dog": ["dog"]}, str(folder))


def folder_with(tmp_path, **files):
    for name, content in files.items():
        (tmp_path / name.replace("__", ".")).write_text(content)
    return str(tmp_path)


def test_weights_that_may_hold_a_pickle_are_refused_where_no_others_are(tmp_path):
    folder = folder_with(tmp_path, pytorch_model__bin="", config__json="{}")
    with pytest.raises(SetupError, match=r"pytorch_model\.bin may hold a pickle, which could run code"):
        embed_phrases({"dog": ["dog"]}, folder)


def test_code_of_the_models_own_is_refused(tmp_path):
    folder = folder_with(
        tmp_path,
        modules__json=json.dumps([{"type": "tower.Tower", "path": ""}]),
        tower__py=f"import pathlib; pathlib.Path({str(tmp_path / 'ran')!r}).touch()",
    )
    with pytest.raises(
        SetupError, match=r"modules\.json asks for tower\.Tower, which is code of the model's own"
    ):
        embed_phrases({"dog": ["dog"]}, folder)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("content", ["[", "[{}]", '{"a": 1}', "[3]"])
def test_a_damaged_list_of_modules_is_said(tmp_path, content):
    with pytest.raises(SetupError, match=r"modules\.json is damaged \("):
        embed_phrases({"dog": ["dog"]}, folder_with(tmp_path, modules__json=content))


def test_a_prompt_says_where_the_phrase_goes(tmp_path):
    with pytest.raises(SetupError, match=r"prompt 'the sound' has no \{\}, where the phrase goes, as in"):
        embed_phrases({"dog": ["dog"]}, str(tmp_path), ["{}", "the sound"])


@pytest.mark.parametrize("package", ["sentence_transformers", "huggingface_hub"])
def test_without_the_package_it_is_said_how_to_get_it(tmp_path, monkeypatch, package):
    monkeypatch.setitem(sys.modules, package, None)  # so importing it fails as where it is not installed
    tower = str(tmp_path) if package == "sentence_transformers" else "tiny"
    with pytest.raises(SetupError, match=r"need sentence-transformers; pip install 'audiosetzsl\[towers\]'"):
        embed_phrases({"dog": ["dog"]}, tower)
