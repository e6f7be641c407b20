"""gr.HTML components of our own, each from <page>/<name>.html and, where it does anything, <page>/<name>.js."""

import json
from functools import cache
from pathlib import PurePosixPath
from typing import Any

import gradio as gr

from .endpoint import Function, server_function
from .i18n import fill
from .static_files import FOLDER, StaticFiles

STYLES = (  # in the order in which they apply
    *(f"shell/styles/{name}.css" for name in ("page", "controls", "gradio", "header", "toast")),
    "shell/about/about.css",
    *(f"denoise/{name}.css" for name in ("pad/pad", "pad/picture_read", "pad/camera", "number_tray/number_tray")),
    *(f"denoise/noise/{name}.css" for name in ("noisy_input", "noise")),
    *(f"denoise/{name}.css" for name in ("board/board", "board/model_picker", "board/board_heading", "sweep/sweep")),
    *(f"denoise/visit/{name}.css" for name in ("why", "terms", "tour")),
    *(f"originals/styles/{name}.css" for name in ("base", "wall", "below", "dream")),
    *(f"latent/{name}.css" for name in ("latent", "map/map", "side/reading", "side/drawn_digit", "morph", "below")),
    *(f"models/{name}.css" for name in ("models", "model_list", "charts/charts", "pictures")),
    *(f"train/{name}.css" for name in ("train", "form", "views")),
    "shell/styles/print.css",
)
INLINE_STYLES = (  # stand in the page itself, for its first picture
    "shell/styles/tokens.css",
    *(f"denoise/visit/{name}.css" for name in ("layout", "hero", "first_paint")),
)
FIRST_SCRIPT = "shell/start/bootstrap.js"  # stands in the page itself
FIRST_PAGE = ("shell/", "denoise/")  # what a visitor sees first: its scripts are preloaded, its templates in the page
LATER = "later.json"  # the other pages' templates, and where their scripts are (shell/later.js)


@cache
def static_files() -> StaticFiles:
    """Everything that the browser loads, read once."""
    return StaticFiles(STYLES, {LATER: json.dumps(later(), ensure_ascii=False)})


def later() -> dict[str, Any]:
    """What the browser loads once the first page stands: the others' templates, and the names of their scripts."""
    scripts = sorted(path.relative_to(FOLDER).as_posix() for path in FOLDER.rglob("*.js"))
    return {
        "templates": later_templates(),
        "scripts": [path for path in scripts if not path.startswith(FIRST_PAGE)],
    }


@cache
def later_templates() -> dict[str, str]:
    """The templates that do not stand in the page itself: those of other pages, unless Gradio fills something in."""
    paths = sorted(path.relative_to(FOLDER).with_suffix("").as_posix() for path in FOLDER.rglob("*.html"))
    templates = {path: template_of(path) for path in paths if not path.startswith(FIRST_PAGE)}
    return {path: template for path, template in templates.items() if "${" not in template}


def template_of(path: str) -> str:
    """The template of a component, in English."""
    return fill((FOLDER / f"{path}.html").read_text(encoding="utf-8"))


def component(
    path: str,
    *functions: Function,
    elem_id: str | None = None,
    events: tuple[str, ...] = (),
    template: str | None = None,
    **props: Any,
) -> gr.HTML:
    """The component of `path`, a template and a script without their endings, from the web folder.

    Its script may call `functions` as `server.<function>(request)`, and trigger `events`. `props`
    reach it as `props.<name>`, and the template as `${name}`. Its element's id is the last part of its path. A short
    `template` may stand here instead of in a file.
    """
    later = template is None and path in later_templates()
    return gr.HTML(
        None,
        elem_id=elem_id or PurePosixPath(path).name,
        html_template="" if later else template or template_of(path),
        js_on_load=mounting(path, later, events),
        server_functions=[server_function(function) for function in functions] or None,
        apply_default_css=False,
        padding=False,
        **props,
    )


def mounting(path: str, loads_template: bool, events: tuple[str, ...]) -> str:
    """JavaScript that mounts a component. Gradio finds the events that it may trigger by their names in quotes."""
    loads = {"script": f"{path}.js" in static_files().files, "template": loads_template}
    call = f"m.mountComponent({json.dumps(path)}, {json.dumps(loads)}, {{ element, props, server, trigger, watch }})"
    return f"// triggers {json.dumps(events)}\n{importing_mount()}.then(m => {call});"


def calling(script: str, function: str, *constants: object) -> str:
    """JavaScript for an event of one of Gradio's own components: a function of a script, first given the constants."""
    given = "".join(f"{json.dumps(constant)}, " for constant in constants)
    module = f"{importing_mount()}.then(m => m.importScript({json.dumps(script)}))"
    return f"(...values) => {module}.then(m => m.{function}({given}...values))"


def importing_mount() -> str:
    """JavaScript that imports the script that starts the page and all else, wherever the page stands."""
    return f"import(new URL({json.dumps(static_files().address('shell/mount.js'))}, document.baseURI))"


def first_in_head() -> str:
    """What comes before everything else in the page's head: the first script, and what to load meanwhile."""
    files = static_files()
    scripts = [path for path in files.files if path.endswith(".js") and path.startswith(FIRST_PAGE)]
    scripts.remove(FIRST_SCRIPT)
    languages = files.address("i18n/en.json").removesuffix("en.json")
    return "".join(
        [
            f'<script data-languages="{languages}">{files.files[FIRST_SCRIPT].content.decode()}</script>',
            f'<link rel="preload" as="style" href="{files.address("style.css")}">',
            *(f'<link rel="modulepreload" href="{files.address(path)}">' for path in scripts),
        ]
    )


def styles() -> str:
    """The link to our styles. Gradio puts it behind most of its own, over which ours are written."""
    return f'<link rel="stylesheet" href="{static_files().address("style.css")}">'
