"""The page as a Space on the Hugging Face Hub: which files belong to it, and how they are uploaded."""

import re
import tempfile
from pathlib import Path

from .errors import DenoiserError
from .files import make_folder, write_atomically
from .hub.client import REFUSALS, errors_as_sentences, require_token

ROOT = Path(__file__).resolve().parent.parent
PARTS = ("app.py", "README.md", "LICENSE", "requirements.txt", "pyproject.toml", "denoiser/**/*", "checkpoints/*")
LINKED = re.compile(r"\]\(([^):#\s]+)")  # a file of ours in a Markdown link
HARDWARE = ("zero-a10g", "cpu-basic")  # free accounts may create only the first
# On the Hub these must be Git LFS files; in this repository they are ordinary ones.
ATTRIBUTES = "".join(
    f"*.{suffix} filter=lfs diff=lfs merge=lfs -text\n" for suffix in ("safetensors", "npz", "webp", "png", "gif")
)
# Gradio's server-side rendering puts a Node server in front of ours, which has neither our headers nor /health.
VARIABLES = {"GRADIO_SSR_MODE": "false"}
ALL_REFUSALS = REFUSALS | {
    402: "this account cannot create a Space on that hardware; free accounts can with --hardware zero-a10g"
}


class DeployError(DenoiserError):
    """A Space that cannot be put together; the message says why."""


def space_files() -> dict[str, bytes]:
    """The content of every file of the Space, by its path there: the page, its weights, and what the README links to.

    Raises DeployError if this is not a checkout with all of the page's files.
    """
    readme = ROOT / "README.md"
    if missing := [name for name in PARTS if "*" not in name and not (ROOT / name).is_file()]:
        raise DeployError(f"{ROOT} is not a checkout of this repository: there is no {missing[0]}")
    shown = LINKED.findall(readme.read_text(encoding="utf-8"))
    paths = [path for part in (*PARTS, *shown) for path in ROOT.glob(part) if path.is_file()]
    names = sorted({path.relative_to(ROOT).as_posix() for path in paths})
    hidden = re.compile(r"(^|/)(\.|__pycache__)")  # such as a temporary file that is being written
    return {name: (ROOT / name).read_bytes() for name in names if not hidden.search(name)} | {
        ".gitattributes": ATTRIBUTES.encode()
    }


def listing(files: dict[str, bytes]) -> str:
    """One line per file with its size in bytes, and one with their sum."""
    lines = [f"{len(content):>11,}  {name}" for name, content in files.items()]
    return "\n".join([*lines, f"{sum(map(len, files.values())):>11,}  bytes in {len(files)} files"])


def write_copy(files: dict[str, bytes], folder: Path) -> None:
    """Write the Space's files to `folder`, which is created or empty.

    Raises DeployError if it is not empty, and WriteError if writing fails.
    """
    make_folder(folder)
    if any(folder.iterdir()):
        raise DeployError(f"{folder} is not empty")
    for name, content in files.items():
        write_atomically(folder / name, content)


def deploy(space: str, files: dict[str, bytes], hardware: str = HARDWARE[0], private: bool = False) -> str:
    """Create the Space `space` (USER/NAME) unless it exists, upload `files`, and return its address.

    An existing Space keeps its hardware and visibility. Files in the page's own folders that are no longer part of the
    page are deleted there. Raises HubError.
    """
    from huggingface_hub import HfApi, SpaceHardware

    require_token(space)
    api = HfApi()
    with errors_as_sentences(space, ALL_REFUSALS), tempfile.TemporaryDirectory() as folder:
        write_copy(files, Path(folder))
        api.create_repo(
            space,
            repo_type="space",
            space_sdk="gradio",
            space_hardware=SpaceHardware(hardware),
            space_variables=[{"key": key, "value": value} for key, value in VARIABLES.items()],
            private=private,
            exist_ok=True,
        )
        api.upload_folder(
            repo_id=space,
            repo_type="space",
            folder_path=folder,
            delete_patterns=["denoiser/*", "checkpoints/*", "docs/*"],
            commit_message="Update the page",
        )
    return f"{api.endpoint}/spaces/{space}"
