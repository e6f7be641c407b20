"""The Models page: every model with its record, its layers, its learning curves, and what is inside it."""

from ...data.examples import EXAMPLES
from ...ink import digit_from_strokes
from ..components import component, static_files
from ..serving.model_pool import ModelPool
from ..wire import encode_pixels
from .handlers import ModelsHandler
from .results import plotly_address

TABLE_FACTORS = ("0.5", "0.7")  # noise factors whose test PSNR stands in the table


def build(pool: ModelPool) -> None:
    """The whole page, one component, inside the current gr.Blocks."""
    handler = ModelsHandler(pool)
    files = static_files()
    data = {
        "entries": handler.entries,
        "factors": TABLE_FACTORS,
        "charts": files.add_json("charts.json", handler.results.charts),
        "plotly": plotly_address(),
    }
    component(
        "models/models",
        handler.inside,
        handler.weights,
        handler.ten,
        handler.spectrum,
        data=files.add_json("models.json", data),
        example=encode_pixels(digit_from_strokes(EXAMPLES["5"])),
    )
