"""Trained models put into a repository on the Hub, each in a folder of its own, with one model card for all."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from .. import settings
from ..checkpoint import read_checkpoint
from ..files import make_folder, write_atomically
from ..record import Record, RecordError, parse_json
from .card import RESULTS, model_card
from .client import HubError, errors_as_sentences, require_token
from .download import CONFIG, WEIGHTS

SHOWN = ("noise", "noise_factor", "psnr", "ssim", "accuracy", "images")  # of a row of results


def model_files(names: Sequence[str], folder: Path | None = None) -> dict[str, bytes]:
    """The files of these trained models by their paths in the repository.

    The configuration of a model is its record, and the rows on it in `folder`'s evaluation.json under "results".
    Raises CheckpointError for a model that is unknown or damaged.
    """
    folder = folder or settings.current.checkpoints
    files: dict[str, bytes] = {}
    for name in dict.fromkeys(names):
        record, weights = read_checkpoint(name, folder)
        config = record.as_dict() | {RESULTS: stored_results(name, record.sha256, folder / "evaluation.json")}
        files[f"{name}/{CONFIG}"] = (json.dumps(config, indent=1, ensure_ascii=False) + "\n").encode()
        files[f"{name}/{WEIGHTS}"] = weights
    return files


def stored_results(name: str, sha256: str, path: Path) -> list[dict[str, Any]]:
    """What the results in `path` say of the model with these weights; nothing where they are of others, or missing."""
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        if stored["models"][name]["sha256"] != sha256:
            return []
        return [{key: row[key] for key in SHOWN} for row in stored["results"] if row["model"] == name]
    except (OSError, ValueError, KeyError, TypeError):
        return []


def with_card(files: Mapping[str, bytes], repository: str, others: Sequence[bytes] = ()) -> dict[str, bytes]:
    """The files and a README.md about their models, and those already there, whose configurations `others` are."""
    own = [content for name, content in files.items() if name.endswith(CONFIG)]
    configs = {config["recipe"]["name"]: config for config in map(json.loads, [*others, *own])}
    return {"README.md": model_card(repository, list(configs.values())).encode(), **files}


def write_folder(files: Mapping[str, bytes], folder: Path) -> None:
    """Write the repository's files to `folder`, which is created or empty; HubError if it is not, or WriteError."""
    make_folder(folder)
    if any(folder.iterdir()):
        raise HubError(f"{folder} is not empty")
    for name, content in files.items():
        write_atomically(folder / name, content)


def push(repository: str, names: Sequence[str], private: bool = False) -> str:
    """Put these trained models into `repository` (USER/NAME), created if it does not exist; returns its address.

    Other models in it stay, and are in the new model card too. Raises HubError, and CheckpointError for a model that
    is unknown or damaged.
    """
    from huggingface_hub import HfApi

    files = model_files(names)
    require_token(repository)
    api = HfApi()
    with errors_as_sentences(repository), TemporaryDirectory() as temporary:
        api.create_repo(repository, private=private, exist_ok=True)
        write_folder(with_card(files, repository, _others(api, repository, set(files))), Path(temporary))
        api.upload_folder(repo_id=repository, folder_path=temporary, commit_message=f"Add {', '.join(names)}")
    return f"{api.endpoint}/{repository}"


def _others(api: Any, repository: str, replaced: set[str]) -> list[bytes]:
    """The configurations of the other models in the repository, but for those that are none of ours."""
    names = [name for name in sorted(api.list_repo_files(repository)) if name.endswith(f"/{CONFIG}")]
    contents = [Path(api.hf_hub_download(repository, name)).read_bytes() for name in names if name not in replaced]
    return [content for content in contents if _is_ours(content)]


def _is_ours(content: bytes) -> bool:
    """Whether a configuration is a record with results."""
    try:
        config = parse_json(content)
        Record.from_dict(config)
        return all(set(SHOWN) <= row.keys() for row in config[RESULTS])
    except (RecordError, LookupError, TypeError, AttributeError):
        return False
