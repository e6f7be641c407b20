"""What a link to the page looks like elsewhere: its title, description, picture and icon."""

import io
from contextlib import suppress
from html import escape

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont

from ..checkpoint import CheckpointError, load_model
from ..data import SIDE
from ..data.examples import EXAMPLES
from ..ink import digit_from_strokes
from ..noise import add_noise, draw_noise
from .i18n import text
from .static_files import StaticFiles

SIZE = (1200, 630)  # pixels, as the services that show cards ask for
FILM, LIGHT, SOFT = (5, 6, 7), (247, 244, 234), (168, 172, 173)  # --film and --lum, and a grey for captions
DIGIT, SEED, NOISE_FACTOR = "5", 4271, 0.6
MODELS = {"conv-64": "Conv", "vae-2d-best": "VAE", "unet": "U-Net"}  # beside the noisy digit
ICON = 64  # pixels
ADDRESS = "{address}"  # stands for the address under which a visitor asked for the page


def head_tags(files: StaticFiles) -> str:
    """Title, description, picture and icon of the page as markup, in which ADDRESS stands for its address."""
    card = files.add("card.png", files.version, lambda: png(draw_card()))
    icon = files.add("icon.png", files.version, lambda: png(draw_icon()))
    title, description = text("shell.card.title"), text("shell.card.description")
    facts = {
        "og:type": "website",
        "og:site_name": "Denoiser",
        "og:url": f"{ADDRESS}/",
        "og:title": title,
        "og:description": description,
        "og:image": f"{ADDRESS}/{card}",
        "og:image:width": str(SIZE[0]),
        "og:image:height": str(SIZE[1]),
        "og:image:alt": text("shell.card.picture"),
    }
    twitter = {"twitter:card": "summary_large_image", "twitter:title": title, "twitter:description": description}
    twitter["twitter:image"] = facts["og:image"]
    return "".join(
        [
            f'<link rel="icon" type="image/png" href="{icon}">',
            f'<meta name="description" content="{escape(description)}">',
            *(f'<meta property="{name}" content="{escape(value)}">' for name, value in facts.items()),
            *(f'<meta name="{name}" content="{escape(value)}">' for name, value in twitter.items()),
        ]
    )


def draw_card() -> Image.Image:
    """A noisy digit and what some models make of it, under the page's headline."""
    clean = digit_from_strokes(EXAMPLES[DIGIT])
    noisy = add_noise(clean, draw_noise("gaussian", clean.shape, SEED), NOISE_FACTOR)
    shown = {text("shell.card.noisy"): noisy}
    with torch.inference_mode():
        for name, label in MODELS.items():
            with suppress(CheckpointError):
                shown[label] = load_model(name)[0](noisy)
    card = Image.new("RGB", SIZE, FILM)
    pen = ImageDraw.Draw(card)
    pen.text((60, 52), "Denoiser", fill=SOFT, font=ImageFont.load_default(32))
    pen.text((60, 100), text("shell.card.title"), fill=LIGHT, font=ImageFont.load_default(48))
    side, gap, top = 9 * SIDE, 24, 236
    for place, (label, picture) in enumerate(shown.items()):
        left = 60 + place * (side + gap)
        card.paste(enlarged(picture, side), (left, top))
        pen.text((left, top + side + 16), label, fill=SOFT, font=ImageFont.load_default(32))
    return card


def draw_icon() -> Image.Image:
    """A digit under a little noise, as in the page's header."""
    digit = digit_from_strokes(EXAMPLES["3"])
    return enlarged(add_noise(digit, draw_noise("gaussian", digit.shape, 5), 0.28), ICON)


def enlarged(picture: torch.Tensor, side: int) -> Image.Image:
    """A digit (1, 1, 28, 28) in [0, 1] as a square of `side` pixels, light on film."""
    levels = picture[0, 0].clamp(0, 1).numpy()[..., None]
    colours = np.array(FILM) + levels * (np.array(LIGHT) - FILM)
    return Image.fromarray(colours.round().astype(np.uint8)).resize((side, side), Image.Resampling.NEAREST)


def png(picture: Image.Image) -> bytes:
    """The picture as a PNG file."""
    file = io.BytesIO()
    picture.save(file, "PNG", optimize=True)
    return file.getvalue()
