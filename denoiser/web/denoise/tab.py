"""The Denoise page: draw or upload a digit, set the noise, compare what every model makes of it."""

from functools import partial

import gradio as gr

from ...data import has_mnist
from ...data.examples import EXAMPLES
from ...filters import FILTERS
from ...image_decoder import start_workers
from ...ink import digit_from_strokes
from ...noise import NOISES, add_noise, draw_noise
from ..components import calling, component, static_files
from ..endpoint import as_endpoint
from ..i18n import find_text, gradio_label, translatable
from ..parsing import HIGHEST_SEED
from ..serving.digits import example_digits
from ..serving.model_pool import ModelPool
from ..wire import encode_pixels
from .handlers import CODE, board_endpoint, codes, read_picture, test_digit

SEED = 4271  # of a first visit
VIEWS = ("picture", "difference", "wipe")  # of the cards; the typedef of `view` in shell/store.js lists them too


def logo() -> str:
    """The header's picture: an example digit under a little noise."""
    digit = digit_from_strokes(EXAMPLES["3"])
    return encode_pixels(add_noise(digit, draw_noise("gaussian", digit.shape, 5), 0.28))


def build(pool: ModelPool) -> None:
    """The tab: what it is about; the pad and one card per model; the noise; the sweep below."""
    start_workers()
    component("denoise/visit/hero", as_endpoint(partial(codes, pool)), code=CODE)
    component("denoise/number_tray/number_tray")
    with gr.Row(elem_id="bench", elem_classes="plain"):
        component(
            "denoise/pad/pad",
            as_endpoint(read_picture, "pictures"),
            test_digit,
            mnist=has_mnist(),
            examples=static_files().add_json("examples.json", example_digits()),
        )
        with gr.Column(elem_id="results", elem_classes="plain"):
            component(
                "denoise/board/board",
                board_endpoint(pool),
                models=[pool.card(name) for name in pool.models],
                missing=[pool.gap(name) for name in pool.missing],
                featured=[name for name in pool.featured if name not in FILTERS],
                user_model_styles=pool.user_model_styles,
                recording=static_files().address("denoise/visit/recording.json"),
            )
            with gr.Row(elem_id="board-head", elem_classes="plain"):
                component("denoise/board/board_heading")
                view = gr.Radio(
                    [(gradio_label(translatable(f"denoise.controls.{view}")), view) for view in VIEWS],
                    value=VIEWS[0],
                    label=gradio_label(translatable("denoise.controls.view")),
                    show_label=False,
                    container=False,
                    elem_id="views",
                    elem_classes="segmented",
                )
    with gr.Row(elem_id="band", elem_classes="plain"):
        with gr.Column(elem_id="noise", elem_classes="plain"):
            component("denoise/noise/noisy_input")
            with gr.Column(elem_id="noise-panel"):
                with gr.Row(elem_id="kind-row", elem_classes="plain"):
                    kind = gr.Radio(
                        [(gradio_label(find_text("noise", noise.label)), name) for name, noise in NOISES.items()],
                        value="gaussian",
                        label=gradio_label(translatable("denoise.controls.noiseKind")),
                        show_label=False,
                        container=False,
                        elem_id="kind",
                        elem_classes="segmented",
                    )
                    seed = gr.Number(
                        SEED,
                        label=gradio_label(translatable("denoise.controls.seed")),
                        precision=0,
                        minimum=0,
                        maximum=HIGHEST_SEED,
                        elem_id="seed",
                        container=True,
                    )
                    label = gradio_label(translatable("denoise.controls.newNoise"))
                    new_noise = gr.Button(label, variant="secondary", elem_id="new-noise")
                component("denoise/noise/noise_meaning", template='<p class="kind"></p>')
                with gr.Row(elem_id="dial", elem_classes="plain"):
                    component("denoise/noise/noise_factor")
                    component("denoise/noise/noise_slider")
        component("denoise/visit/why")
    component("denoise/sweep/sweep", hasCleanReader=pool.clean_reader is not None)
    component("denoise/pad/camera")

    controls = "denoise/gradio_controls.js"
    kind.change(None, kind, None, js=calling(controls, "setKind"))
    # A link or a reload may ask for others than these components start with.
    gr.on(None, None, None, [kind, seed, view], js=calling(controls, "startValues"))
    seed.change(None, seed, None, js=calling(controls, "typeSeed"))
    gr.on([seed.blur, seed.submit], None, seed, seed, js=calling(controls, "enterSeed"))
    new_noise.click(None, None, seed, js=calling(controls, "newSeed"))
    view.change(None, view, None, js=calling(controls, "setView"))
