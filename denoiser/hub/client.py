"""What goes wrong with the Hub, as sentences."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from ..errors import DenoiserError

REFUSALS = {
    401: "the token is not valid; `hf auth login` stores another one",
    403: "the token may not write there; create one that may at https://huggingface.co/settings/tokens",
}


class HubError(DenoiserError, RuntimeError):
    """Something that could not be read from the Hub or put there; the message says why."""


def require_token(name: str) -> None:
    """HubError if `name` has not the form USER/NAME, or there is no token for the Hub."""
    from huggingface_hub import get_token

    if not re.fullmatch(r"[\w.-]+/[\w.-]+", name, re.ASCII):
        raise HubError(f"{name!r} has not the form USER/NAME")
    if not get_token():
        raise HubError("there is no token for the Hub: run `hf auth login`, or set HF_TOKEN")


@contextmanager
def errors_as_sentences(name: str, refusals: dict[int, str] = REFUSALS) -> Iterator[None]:
    """Turn what goes wrong with the repository `name` into a HubError; `refusals` explain status codes."""
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, HTTPError

    try:
        yield
    except DenoiserError:
        raise
    except HFValidationError as error:
        raise HubError(f"{name!r} is not the name of a repository: {error}") from error
    except HfHubHTTPError as error:
        said = error.server_message or str(error).partition("\n")[0]
        why = refusals.get(error.response.status_code)
        raise HubError(f"the Hub refused {name}: {f'{why} ({said})' if why else said}") from error
    except (HTTPError, ConnectionError) as error:  # of whichever HTTP library the Hub's client uses
        raise HubError(f"the Hub cannot be reached: {error}") from error
    except (OSError, RuntimeError) as error:
        raise HubError(f"{name}: {error}") from error
