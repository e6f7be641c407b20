"""The table of words: everything the page says is in it, and nothing else is."""

import ast
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

import denoiser.web
from denoiser.losses import LOSS_TITLES
from denoiser.noise import NOISES
from denoiser.web.i18n import CHINESE as ZH
from denoiser.web.i18n import ENGLISH
from denoiser.web.models.handlers import ModelsHandler
from denoiser.web.serving.model_pool import ModelPool
from denoiser.web.words import CHINESE

WEB = Path(denoiser.web.__file__).parent
NAMED = ("aria-label", "title", "placeholder", "alt")
# What reads the same in both languages: names of measures, units, models, keys and files.
SAME = re.compile(r"Denoiser|PSNR|SSIM|MNIST|PNG|GIF|JPEG|dB|KL|ELBO|nats|sigma|px|seed|English|s")


def said(text: str) -> bool:
    """Whether a text has words that another language would say otherwise."""
    return re.search(r"[A-Za-z]{2}", SAME.sub("", re.sub(r"\$\{.*?\}", "", text))) is not None


def in_script(source: str) -> list[str]:
    """The keys of all t`...` and tHtml`...` in a script: what is filled in as {0}, {1}."""
    keys = []
    for start in re.finditer(r"(?<![\w.])t(?:Html)?`", source):
        key, depth, count, at = "", 0, 0, start.end()
        while depth or source[at] != "`":
            if not depth and source.startswith("${", at):
                key, depth, count, at = key + f"{{{count}}}", 1, count + 1, at + 2
                continue
            depth += {"{": 1, "}": -1}.get(source[at], 0) if depth else 0
            if not depth and source[at] != "}":
                key += source[at]
            at += 1
        keys.append(key)
    return keys


def test_the_languages_have_the_same_keys_and_placeholders():
    places = [{key: sorted(re.findall(r"\{\d\}", text)) for key, text in texts.items()} for texts in (ENGLISH, ZH)]
    assert places[0] == places[1]


class Texts(HTMLParser):
    """The texts of a template, and those of its labels."""

    def __init__(self, source: str):
        super().__init__()
        self.found: list[str] = []
        self.feed(source)

    def handle_starttag(self, tag, attributes):
        self.found += [value for name, value in attributes if name in NAMED and value]

    def handle_data(self, data):
        self.found.append(" ".join(data.split()))


def shown(error: ast.Call) -> bool:
    """Whether a visitor may see an error: a TypeError is for whoever writes code."""
    return not (isinstance(error.func, ast.Name) and error.func.id == "TypeError")


def in_python(source: str) -> list[str]:
    """The sentences of all errors raised in a module, f-strings with their values as {0}, {1}."""
    keys = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and node.exc.args and shown(node.exc):
            keys.append(as_key(node.exc.args[0]))
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            keys.append(node.value.value if node.value.value.endswith(".") else "")  # a sentence with a name
    return keys


def as_key(part: ast.expr) -> str:
    """A string, or an f-string with its values as {0}, {1}; empty for what is neither."""
    text, count = "", 0
    for value in part.values if isinstance(part, ast.JoinedStr) else [part]:
        if isinstance(value, ast.FormattedValue):
            text, count = text + f"{{{count}}}", count + 1
        elif isinstance(value, ast.Constant):
            text += str(value.value)
    return text


# Scripts (api.py), and requests that no page of ours sends (gradio_queue.py, limits.py), are answered in English.
SOURCES = [
    *(
        path
        for kind in ("*.js", "*.html", "*.py")
        for path in sorted(WEB.rglob(kind))
        if path.stem not in ("__main__", "api", "gradio_queue") and path.parent.name != "server"
    ),
    # Modules whose errors the page shows.
    *sorted((WEB.parent / "ink").glob("*.py")),
    *(WEB.parent / "image_decoder" / name for name in ("__init__.py", "worker.py")),
    *(WEB.parent / "latent" / name for name in ("codes.py", "plane.py")),
]


def sentences(path: Path) -> list[str]:
    source = path.read_text(encoding="utf-8")
    found = {".js": in_script, ".html": lambda text: Texts(text).found, ".py": in_python}[path.suffix](source)
    return [text for text in found if said(text)]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(WEB.parent)))
def test_has_what_the_page_says(path):
    assert [text for text in sentences(path) if text not in CHINESE] == []


def records() -> list[str]:
    """What the page shows of models and noise, in phrases that stand alone."""
    pool = ModelPool()
    handler = ModelsHandler(pool)
    found = [words for noise in NOISES.values() for words in (noise.label, noise.meaning)]
    found += [word for words in LOSS_TITLES.values() for word in words]
    for entry in handler.entries:
        found += [entry["title"], entry["headline"], entry["note"], entry["trained_on"]]
        found += [phrase for layer in entry["layers"] for phrase in layer["words"].split(", ")]
        found += [phrase for what, how in entry["facts"] for phrase in (what, *how)]
    found += [pool.card(name)["label"] for name in pool.models]
    return list(dict.fromkeys(found))


def test_has_what_the_records_say():
    """A phrase with figures in it stands there with {0}."""
    patterns = [re.sub(r"\\{\d\\}", "(.+)", re.escape(key)) for key in CHINESE]
    same = re.compile(
        r"python -m .*|cpu|cuda.*|float32|bfloat16|Ada(delta|m|mW)|(rho|eps) .*|"
        r"ReLU|SiLU|sigmoid|tanh|LSTM|VAE|U-Net|1 - SSIM"
    )
    left = [text for text in records() if said(text) and not same.fullmatch(text)]
    assert left
    assert [text for text in left if not any(re.fullmatch(p, text) for p in patterns)] == []


def test_translations_fill_in_the_same_places():
    for english, chinese in CHINESE.items():
        assert sorted(re.findall(r"\{\d\}", english)) == sorted(re.findall(r"\{\d\}", chinese)), english


def test_translations_are_chinese():
    for english, chinese in CHINESE.items():
        assert re.search(r"[\u4e00-\u9fff]", chinese) or not said(chinese), english
