"""Text towers: names to vectors by a network of sentence-transformers (CLIP's towers too)."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float32

from audiosetzsl.errors import SetupError
from audiosetzsl.files import sha256_of

PREFIX = "sentence-transformers:"  # what tells a tower from a file
PLAIN = ("{}",)
# Weights that torch would unpickle; besides them neither other formats of the same weights nor code is fetched.
_UNSAFE = (".bin", ".pt", ".pth", ".ckpt", ".pkl")
_NOT_FETCHED = [f"*{end}" for end in (*_UNSAFE, ".h5", ".msgpack", ".onnx*", ".ot", ".xml", ".py")]
_OWN_MODULES = "sentence_transformers."


def embed_phrases(
    phrases: Mapping[str, Sequence[str]], tower: str, prompts: Sequence[str] = PLAIN
) -> tuple[Float32[np.ndarray, "n_names width"], tuple[str, ...], str]:
    """Vector of each name: the mean over its phrases and over the prompts that they are put into.

    Args:
        phrases: the phrases of each name, at least one; the order is that of the rows.
        tower: a folder with a model, or its name on the Hugging Face hub, which is fetched once.
        prompts: texts with `{}` where the phrase goes.

    Returns:
        The vectors as the tower gives them, for each name the texts it was given, and the digest of its weights.

    Raises:
        SetupError: sentence-transformers is not installed, there is no such model, it brings code of its own or
            weights that are no safetensors, a prompt has no `{}`, or a vector is not finite.
    """
    texts = {
        name: [prompt.replace("{}", phrase) for phrase in some for prompt in _checked(prompts)]
        for name, some in phrases.items()
    }
    folder = _folder_of(tower)
    _refuse_code_and_pickles(folder)
    flat = [text for some in texts.values() for text in some]
    vectors = _encode(folder, flat)
    if not np.isfinite(vectors).all():
        raise SetupError(
            f"{tower} gives vectors that are not finite; its weights are damaged, or take another"
        )
    ends = np.cumsum([len(some) for some in texts.values()])
    rows = [part.mean(axis=0) for part in np.split(vectors, ends[:-1])]
    return np.stack(rows), tuple(" | ".join(some) for some in texts.values()), _digest(folder)


def _checked(prompts: Sequence[str]) -> Sequence[str]:
    for prompt in prompts:
        if "{}" not in prompt:
            raise SetupError(
                f"prompt {prompt!r} has no {{}}, where the phrase goes, as in 'the sound of {{}}'"
            )
    return prompts


def _folder_of(tower: str) -> Path:
    """Folder of a model: as named, or of the hub's copy on this machine, fetched if need be."""
    if Path(tower).is_dir():
        return Path(tower)
    try:
        from huggingface_hub import snapshot_download  # slow to import, and optional
        from huggingface_hub.errors import HFValidationError
    except ImportError as problem:
        raise _not_installed() from problem
    name = tower if "/" in tower else f"sentence-transformers/{tower}"
    try:
        return Path(snapshot_download(name, ignore_patterns=_NOT_FETCHED))
    except (OSError, HFValidationError) as problem:
        raise SetupError(
            f"{tower} is no folder here, and cannot be fetched from the Hugging Face hub as {name} ({problem}); give "
            "the folder of a model that sentence-transformers saved"
        ) from problem


def _refuse_code_and_pickles(folder: Path) -> None:
    """Let nothing through that would run code of the model's: classes of its own, or pickled weights."""
    for path in sorted(folder.rglob("*")):
        if path.suffix in _UNSAFE and not list(path.parent.glob("*.safetensors")):
            raise SetupError(
                f"{path} may hold a pickle, which could run code, and no safetensors lie beside it; take a model "
                "that has them, or save it anew with sentence-transformers"
            )
    listed = folder / "modules.json"
    try:
        modules = json.loads(listed.read_text()) if listed.is_file() else []
        kinds = [str(module["type"]) for module in modules]
    except (ValueError, KeyError, TypeError) as problem:
        raise SetupError(f"{listed} is damaged ({problem}); fetch or save the model again") from problem
    for kind in kinds:
        if not kind.startswith(_OWN_MODULES):
            raise SetupError(
                f"{listed} asks for {kind}, which is code of the model's own and is not run; take another model"
            )


def _encode(folder: Path, texts: Sequence[str]) -> Float32[np.ndarray, "n width"]:
    try:
        from safetensors import SafetensorError
        from sentence_transformers import SentenceTransformer  # takes seconds, and is optional
    except ImportError as problem:
        raise _not_installed() from problem
    try:
        model = SentenceTransformer(
            str(folder),
            device="cpu",
            trust_remote_code=False,
            local_files_only=True,
            model_kwargs={"use_safetensors": True},
        )
        vectors = model.encode(list(texts), show_progress_bar=False, convert_to_numpy=True)
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as problem:
        raise SetupError(
            f"{folder} cannot be used as a text tower ({problem}); give a folder that sentence-transformers saved"
        ) from problem
    return np.asarray(vectors, np.float32)


def _digest(folder: Path) -> str:
    """One digest of all weights of a folder."""
    parts = [sha256_of(path) for path in sorted(folder.rglob("*.safetensors"))]
    return parts[0] if len(parts) == 1 else hashlib.sha256("".join(parts).encode()).hexdigest()


def _not_installed() -> SetupError:
    return SetupError(
        "text towers need sentence-transformers; pip install 'audiosetzsl[towers]', or in a checkout "
        "pip install -e '.[towers]'"
    )
