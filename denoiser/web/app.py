"""The whole page: header, tabs, theme."""

from importlib.util import find_spec

import gradio as gr

from .. import settings
from . import api, denoise, latent, models, originals, train
from .components import component, first_in_head, static_files, styles
from .denoise.tab import logo
from .denoise.visit import first_paint
from .gradio_compat import Page, adjust_gradio
from .gradio_queue import share_fairly
from .i18n import GRADIO, gradio_label, translatable
from .page_constants import constants_tag
from .server.middleware import middleware
from .server.request_queue import RequestQueue
from .serving.model_pool import ModelPool
from .share_card import head_tags

TITLE = "Denoiser"
KEPT = 3600  # seconds that a file in Gradio's cache may live
SWEPT = 600  # seconds between looking for older ones
CITATION = """@software{denoiser,
  title = {Denoiser: denoising autoencoders on MNIST, trained, measured and compared},
  author = {{The Denoiser authors}},
  year = {2026},
  license = {MIT}
}"""
TABS = {  # by their ids in the page
    "denoise": ("shell.tabs.denoise", denoise.build),
    "possible-originals": ("shell.tabs.originals", originals.build),
    "latent-space": ("shell.tabs.latent", latent.build),
    "models": ("shell.tabs.models", models.build),
    "train": ("shell.tabs.train", train.build),
}


def build_page(pool: ModelPool | None = None) -> gr.Blocks:
    """The demo with every tab, not launched; pass `launch_options()` to its launch."""
    adjust_gradio()
    pool = pool or ModelPool()

    def leave(request: gr.Request) -> None:
        pool.user_models.leave(request.session_hash)

    with Page(title=TITLE, analytics_enabled=False, delete_cache=(SWEPT, KEPT)) as demo:
        demo.request_queue = queue = RequestQueue()  # for server/calls.py and /health
        component("shell/header", logo=logo())
        component("shell/toast")
        component("denoise/visit/tour")
        with gr.Tabs(elem_id="pages"):
            for tab_id, (label, build) in TABS.items():
                with gr.Tab(gradio_label(translatable(label)), id=tab_id, elem_id=f"{tab_id}-tab"):
                    build(pool)
        component("shell/about/about", links=links(settings.current.source), citation=CITATION)
        api.build(pool, queue)
        demo.unload(leave)
    demo.space_id = None  # else, on a Space, Gradio lays a bar of the Hub's over it, with fonts of other hosts
    share_fairly(demo)
    return demo


def links(source: str) -> dict[str, str]:
    """The addresses of the source code and of the place for reports, of a repository; none where it is not known."""
    if not source.startswith(("https://", "http://")):
        return {}
    on_hub = source.startswith("https://huggingface.co/spaces/")
    pages = ("tree/main", "discussions") if on_hub else ("", "issues")
    return dict(zip(("source", "report"), (f"{source}/{page}".rstrip("/") for page in pages), strict=True))


def launch_options() -> dict:
    """What belongs to the page but goes through launch: theme, styles, what the browser loads, limits."""
    return {
        "theme": gr.themes.Base(),
        "head": styles(),
        "app_kwargs": {
            "middleware": middleware(
                first_paint.head() + constants_tag() + head_tags(static_files()) + first_in_head(), first_paint.body()
            ),
            "routes": [static_files().route()],
            "openapi_url": None,
        },
        "i18n": GRADIO,
        "footer_links": [],
        "run_history": False,
        "show_error": False,
        "enable_monitoring": False,
        "ssr_mode": False,  # else another server stands before ours, and answers without `middleware`
        "mcp_server": find_spec("mcp") is not None,  # Gradio's extra of that name
        "max_file_size": "32mb",
        "state_session_capacity": 500,
    }
