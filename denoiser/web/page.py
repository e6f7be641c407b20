"""The whole page: header, tabs, theme."""

from importlib.util import find_spec

import gradio as gr

from . import api, denoise, latent, models, train
from .component import asset, component
from .denoise.tab import logo
from .gradio_compat import adjust_gradio
from .latent.tab import SCRIPTS
from .server.middleware import middleware
from .words import i18n, native, table
from .zoo import Zoo

TITLE = "Denoiser"
STYLES = ("page", "pad", "camera", "already", "film", "board", "axis", "latent", "models", "train")
KEPT = 3600  # seconds that a file in Gradio's cache may live
SWEPT = 600  # seconds between looking for older ones
WAITING = 64  # calls that may wait in Gradio's line
TABS = {"Denoise": denoise.build, "Latent space": latent.build, "Models": models.build, "Train": train.build}


def build_page(zoo: Zoo | None = None) -> gr.Blocks:
    """The demo with every tab, not launched; pass `launch_options()` to its launch."""
    adjust_gradio()
    zoo = zoo or Zoo()

    def leave(request: gr.Request):
        zoo.kept.leave(request.session_hash)

    with gr.Blocks(title=TITLE, analytics_enabled=False, delete_cache=(SWEPT, KEPT)) as demo:
        component("header", logo=logo())
        component("toast")
        with gr.Tabs(elem_id="pages"):
            for name, build in TABS.items():
                slug = name.lower().replace(" ", "-")
                with gr.Tab(native(name), id=slug, elem_id=f"{slug}-tab"):
                    build(zoo)
        api.build(zoo)
        demo.unload(leave)
    demo.space_id = None  # else, on a Space, Gradio lays a bar of the Hub's over it, with fonts of other hosts
    return demo.queue(max_size=WAITING)


def launch_options() -> dict:
    """What belongs to the page but goes through launch: theme, styles, and the script all components share."""
    styles = "".join(asset(f"{name}.css") for name in STYLES)
    scripts = "".join(asset(f"{name}.js") for name in ("language", "store", "link", *SCRIPTS))
    return {
        "theme": gr.themes.Base(),
        "head": f"<style>{styles}</style><script>{table()}{scripts}</script>",
        "app_kwargs": {
            "middleware": middleware(asset("early.js")),
            "openapi_url": None,
        },
        "i18n": i18n,
        "footer_links": [],
        "run_history": False,
        "show_error": False,
        "enable_monitoring": False,
        "ssr_mode": False,  # else another server stands before ours, and answers without `middleware`
        "mcp_server": find_spec("mcp") is not None,  # Gradio's extra of that name
        "max_file_size": "32mb",
        "state_session_capacity": 500,
    }
