"""The Train tab: choose a small network, watch it learn, keep it as a card of your own, take it home as a checkpoint.

One training at a time in this process, each for a minute at most, and only as long as its visitor watches: the browser
answers every picture that arrives. What came of it is kept in memory for that visitor alone.
"""

import base64
import io
import json
import logging
import tempfile
import threading
import zipfile
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

import gradio as gr

from ...checkpoint import save_model
from ...errors import DenoiserError
from ...losses import LOSS_TITLES
from ...noise import NOISES
from .. import live
from ..component import BadRequest, component, parsed
from ..kept import Kept
from ..line import Line
from ..models.tab import pack
from ..zoo import Zoo, card

MOST_TEXT = 4096  # characters of a request to train
GONE = "That model is no longer on the server. Train it again."


# ---------- what the browser may ask ----------


def wait(line: Line, request: dict) -> dict:
    """A visitor is there, waiting or watching: its ticket (null where it is out of the line), and who is before it."""
    ticket, before = line.wait(request.get("ticket"))
    return {"ticket": ticket, "before": before}


def stop(line: Line, request: dict) -> dict:
    """A visitor wants its training to end, or to wait no longer."""
    line.stop(request.get("ticket"))
    return {}


def preview(request: dict) -> dict:
    """The ten digits under the noise of the settings, before anything is trained."""
    threading.Thread(target=live.material).start()  # who looks may soon train
    clean, noisy, origin = live.ten_noisy(live.recipe_of(request.get("settings")))
    return {"clean": pack(clean), "noisy": pack(noisy), "psnr": live.decibels(noisy, clean), "origin": origin}


def checkpoint(kept: Kept, request: dict) -> dict:
    """A visitor's model as a zip of the two files of a checkpoint, base64."""
    model = kept.get(request.get("id"))
    if model is None:
        raise BadRequest(GONE)
    with tempfile.TemporaryDirectory() as folder, io.BytesIO() as file:
        save_model(model.network, model.record, Path(folder))
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in sorted(Path(folder).iterdir()):
                archive.write(path, path.name)
        name = model.record["recipe"]["name"]
        return {"name": f"{name}.zip", "content": base64.b64encode(file.getvalue()).decode()}


# ---------- the training itself, an event of Gradio's queue ----------


def run(line: Line, kept: Kept, text: object, session: str | None) -> Iterator[str]:
    """Train for the visitor whose turn it is; each moment as JSON, the last one with the model's id and card.

    Whatever goes wrong is a sentence under "error", and what was learnt before is kept.
    """
    try:
        if not isinstance(text, str) or len(text) > MOST_TEXT:
            raise BadRequest("The request could not be read.")
        asked = parsed(text)
        recipe = live.recipe_of(asked.get("settings"))
        with line.turn(asked.get("ticket")) as wanted:
            seen: dict = {}
            with closing(live.learn(asked["settings"])) as moments:
                for moment in moments:
                    if "error" in moment:
                        yield said(asked, error=moment["error"])
                        break
                    seen = moment
                    yield said(asked, **{key: seen[key] for key in SHOWN})
                    if not wanted():
                        break
            if seen:
                network, record = live.trained(recipe, seen)
                last = {key: seen[key] for key in SHOWN}  # again: a page may miss what is followed at once
                yield said(asked, **last, id=kept.add(network, record, session), card=card(recipe.name, record))
    except DenoiserError as error:
        yield json.dumps({"error": str(error)})
    except Exception:
        logging.getLogger(__name__).exception("a training failed")
        yield json.dumps({"error": "The training ended on the server. Try again in a while."})


SHOWN = ("pictures", "psnr", "train", "validation", "filters", "steps", "digits", "seconds", "speed")


def said(asked: dict, **facts) -> str:
    """One message to the page, which knows by the ticket what it belongs to."""
    return json.dumps({"ticket": asked["ticket"]} | facts, separators=(",", ":"))


# ---------- the tab ----------


def build(zoo: Zoo) -> None:
    """The tab, inside the current gr.Blocks."""
    line, kept = Line(), zoo.kept

    def begin(text, request: gr.Request):
        yield from run(line, kept, text, request.session_hash)

    with gr.Column(elem_id="train"):
        form = component("train_form", partial(wait, line), partial(stop, line), preview, **choices())
        with gr.Column(elem_id="train-side"):
            component("train_ten")
            component("train_end", partial(checkpoint, kept))
            component("train_curves", losses=LOSS_TITLES)
            component("train_filters")
    moments = component("train_moments")
    form.start(
        begin,
        form,
        moments,
        show_progress="hidden",
        trigger_mode="multiple",
        concurrency_limit=1,
        api_visibility="private",
    )


def choices() -> dict:
    """What the form offers."""
    return {
        "widths": live.WIDTHS,
        "codes": live.CODES,
        "noises": {name: noise.label for name, noise in NOISES.items()},
        "losses": {name: LOSS_TITLES[name][0] for name in live.CHOICES["loss"]},
        "rates": live.RATES,
        "factors": live.FACTORS,
        "first": live.AT_FIRST,
        "well": live.WELL,
        "parameters": live.parameter_counts(),
        "seconds": live.SECONDS,
        "mnist": live.has_mnist(),
        "borrowed": live.spaces is not None,
    }
