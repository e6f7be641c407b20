"""The page as a Space on the Hugging Face Hub: which files it is, and how they get there."""

import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .errors import DenoiserError
from .files import make_folder, write_atomically

ROOT = Path(__file__).resolve().parent.parent
PARTS = ("app.py", "README.md", "LICENSE", "requirements.txt", "pyproject.toml", "denoiser/**/*", "checkpoints/*")
LINKED = re.compile(r"\]\(([^):#\s]+)")  # a file of ours in a Markdown link
HARDWARE = ("zero-a10g", "cpu-basic")  # free accounts may create only the first
# On the Hub git keeps these as large files, and refuses them as others; here they are ordinary ones.
ATTRIBUTES = "".join(
    f"*.{suffix} filter=lfs diff=lfs merge=lfs -text\n" for suffix in ("safetensors", "npz", "webp", "png", "gif")
)
# Gradio's server-side rendering puts another server before ours, which answers without its headers and /health.
VARIABLES = {"GRADIO_SSR_MODE": "false"}
REFUSALS = {
    401: "the token is not valid; `hf auth login` keeps another one",
    402: "this account cannot create a Space on that hardware; free ones can on --hardware zero-a10g",
    403: "the token may not write there; make one that may at https://huggingface.co/settings/tokens",
}


class DeployError(DenoiserError):
    """A Space that could not be created or written; the message says why."""


def space_files() -> dict[str, bytes]:
    """Every file of the Space by its path there: the page, its weights, and what the README shows or links to.

    Raises DeployError where the page's own files are not all here.
    """
    readme = ROOT / "README.md"
    if missing := [name for name in PARTS if "*" not in name and not (ROOT / name).is_file()]:
        raise DeployError(f"{ROOT} is not a checkout of this repository: there is no {missing[0]}")
    shown = LINKED.findall(readme.read_text(encoding="utf-8"))
    paths = [path for part in (*PARTS, *shown) for path in ROOT.glob(part) if path.is_file()]
    names = sorted({path.relative_to(ROOT).as_posix() for path in paths})
    hidden = re.compile(r"(^|/)(\.|__pycache__)")  # such as a file that is just being written
    return {name: (ROOT / name).read_bytes() for name in names if not hidden.search(name)} | {
        ".gitattributes": ATTRIBUTES.encode()
    }


def listing(files: dict[str, bytes]) -> str:
    """One line for each file with its size, and one for all."""
    lines = [f"{len(content):>11,}  {name}" for name, content in files.items()]
    return "\n".join([*lines, f"{sum(map(len, files.values())):>11,}  bytes in {len(files)} files"])


def write_copy(files: dict[str, bytes], folder: Path) -> None:
    """The Space's files in `folder`, which is made or empty; DeployError where it is not, WriteError if that fails."""
    make_folder(folder)
    if any(folder.iterdir()):
        raise DeployError(f"{folder} is not empty")
    for name, content in files.items():
        write_atomically(folder / name, content)


def deploy(space: str, files: dict[str, bytes], hardware: str = HARDWARE[0], private: bool = False) -> str:
    """Create the Space `space` (USER/NAME) where there is none and upload `files`; its address.

    A Space that is there keeps its hardware and who may see it; of its files, those in the page's own folders that
    are no longer part of it are deleted. Raises DeployError.
    """
    from huggingface_hub import HfApi, get_token

    if not re.fullmatch(r"[\w.-]+/[\w.-]+", space, re.ASCII):
        raise DeployError(f"{space!r} is no name of a Space; that is USER/NAME")
    if not get_token():
        raise DeployError("there is no token of the Hub here: run `hf auth login`, or set HF_TOKEN")
    api = HfApi()
    with sentences(space), tempfile.TemporaryDirectory() as folder:
        write_copy(files, Path(folder))
        api.create_repo(
            space,
            repo_type="space",
            space_sdk="gradio",
            space_hardware=hardware,
            space_variables=[{"key": key, "value": value} for key, value in VARIABLES.items()],
            private=private,
            exist_ok=True,
        )
        api.upload_folder(
            repo_id=space,
            repo_type="space",
            folder_path=folder,
            delete_patterns=["denoiser/*", "checkpoints/*", "docs/*"],
            commit_message="The page as it stands",
        )
    return f"{api.endpoint}/spaces/{space}"


@contextmanager
def sentences(space: str) -> Iterator[None]:
    """What goes wrong with the Hub, as DeployError."""
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, HTTPError

    try:
        yield
    except HFValidationError as error:
        raise DeployError(f"{space!r} is no name of a Space: {error}") from error
    except HfHubHTTPError as error:
        said = error.server_message or str(error).partition("\n")[0]
        why = REFUSALS.get(error.response.status_code)
        raise DeployError(f"the Hub refused {space}: {f'{why} ({said})' if why else said}") from error
    except (HTTPError, ConnectionError) as error:  # of whichever HTTP library the Hub's client is built on
        raise DeployError(f"the Hub cannot be reached: {error}") from error
    except (OSError, RuntimeError) as error:
        raise DeployError(f"{space} could not be uploaded: {error}") from error
