"""The constants that the page's scripts need too. They are defined in Python and sent once, inside the page itself."""

import json

from ..losses import LOSS_TITLES
from ..noise import NOISES
from ..styles import NOISY_STYLE
from ..sweeps import NOISE_FACTORS
from .denoise.tab import SEED, VIEWS
from .i18n import find_text
from .parsing import HIGHEST_SEED, MAX_UPLOAD_BYTES, MOST_MODELS

ELEMENT_ID = "denoiser-constants"  # where shell/constants.js finds them


def page_constants() -> dict:
    """What shell/constants.js offers to the other scripts, by the names they use."""
    return {
        "noiseFactors": NOISE_FACTORS,
        "noiseKinds": {
            name: {"label": find_text("noise", kind.label), "meaning": find_text("noise", kind.meaning)}
            for name, kind in NOISES.items()
        },
        "lossTitles": {loss: [find_text("loss", part) for part in title] for loss, title in LOSS_TITLES.items()},
        "maxSeed": HIGHEST_SEED,
        "defaultSeed": SEED,
        "maxModels": MOST_MODELS,
        "maxUploadBytes": MAX_UPLOAD_BYTES,
        "views": VIEWS,
        "noisyStyle": NOISY_STYLE.css(),
    }


def constants_tag() -> str:
    """The constants as a script element that holds JSON."""
    text = json.dumps(page_constants(), separators=(",", ":")).replace("<", "\\u003c")
    return f'<script type="application/json" id="{ELEMENT_ID}">{text}</script>'
