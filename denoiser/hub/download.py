"""The files of a model on the Hub, at an address such as hf://USER/NAME/unet, downloaded once and then cached.

A repository holds a folder for each model, with config.json (its record) and model.safetensors. Knows no networks.
"""

import re
from pathlib import Path

from .client import HubError, errors_as_sentences

PREFIX = "hf://"
ADDRESS = re.compile(r"hf://(?P<repository>[\w.-]+/[\w.-]+)(@(?P<revision>[\w./-]+))?/(?P<model>[A-Za-z0-9-]+)", re.A)
CONFIG, WEIGHTS = "config.json", "model.safetensors"


def download(address: str) -> tuple[Path, Path]:
    """The paths of record and weights, both of the same commit, in the Hub's cache.

    A revision (branch, tag or commit) may follow the repository's name: hf://USER/NAME@main/unet. Without a network,
    what was downloaded before is found. Raises HubError, which names the address.
    """
    found = ADDRESS.fullmatch(address)
    if not found:
        raise HubError(f"{address!r} has not the form hf://USER/NAME/MODEL")
    folder = found["model"]
    config = _file(address, found["repository"], f"{folder}/{CONFIG}", found["revision"])
    commit = config.parents[1].name  # cached as snapshots/COMMIT/MODEL/config.json
    return config, _file(address, found["repository"], f"{folder}/{WEIGHTS}", commit)


def _file(address: str, repository: str, name: str, revision: str | None) -> Path:
    """One file of a repository, from the cache or downloaded; HubError if it can be had from neither."""
    from huggingface_hub import get_hf_file_metadata, hf_hub_download, hf_hub_url
    from huggingface_hub.errors import (
        GatedRepoError,
        HfHubHTTPError,
        HTTPError,
        LocalEntryNotFoundError,
        RemoteEntryNotFoundError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    with errors_as_sentences(address):
        try:
            offline = False
            try:  # without a network this fails at once, and a download only after half a minute
                get_hf_file_metadata(hf_hub_url(repository, name, revision=revision))
            except HfHubHTTPError:
                raise
            except (HTTPError, ConnectionError):
                offline = True
            return Path(hf_hub_download(repository, name, revision=revision, local_files_only=offline))
        except GatedRepoError as error:
            raise HubError(f"{address}: access to {repository} must be asked for on its page on the Hub") from error
        except RepositoryNotFoundError as error:
            private = "if it is private, `hf auth login` gives access"
            raise HubError(f"{address}: there is no repository {repository} on the Hub; {private}") from error
        except RevisionNotFoundError as error:
            raise HubError(f"{address}: {repository} has no revision {revision}") from error
        except RemoteEntryNotFoundError as error:
            raise HubError(f"{address}: {repository} has no {name}") from error
        except LocalEntryNotFoundError as error:
            raise HubError(f"{address} has not been downloaded before, and the Hub cannot be reached") from error
