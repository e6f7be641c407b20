"""What the page says: every text has a key, in both languages, and is used; no sentence stands anywhere else."""

import ast
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

import denoiser.web
from denoiser.errors import DenoiserError
from denoiser.losses import LOSS_TITLES
from denoiser.noise import NOISES
from denoiser.recipe import PICTURE_TASKS
from denoiser.recipes import RECIPES
from denoiser.web.denoise.tab import VIEWS
from denoiser.web.i18n import CHINESE, ENGLISH, english, error_text, fill, find_text, translatable
from denoiser.web.models.handlers import ModelsHandler
from denoiser.web.page_constants import page_constants
from denoiser.web.serving.model_pool import ModelPool

WEB = Path(denoiser.web.__file__).parent
LABELS = ("aria-label", "title", "placeholder", "alt")
# Sections whose texts are found by their English sentence, because that is defined outside of denoiser/web.
FOUND_BY_SENTENCE = ("error", "family", "figure", "layer", "loss", "noise", "recipe")
KEY = re.compile(r"[a-z]\w*(\.[\w-]+){1,2}")
# What reads the same in both languages: names of measures, units, models, keys and files.
SAME = re.compile(
    r"python -m .*|cpu|cuda.*|float32|bfloat16|Ada(delta|mW|m)|(rho|eps) .*|ReLU|SiLU|sigmoid|tanh|LSTM|VAE|U-Net|"
    r"Denoiser|PSNR|1 - SSIM|SSIM|MNIST|PNG|GIF|JPEG|dB|KL|ELBO|nats|sigma|px|seed|English|s"
)
SCRIPTS = [path for path in sorted(WEB.rglob("*.js")) if path.name != "i18n.js"]
TEMPLATES = sorted(WEB.rglob("*.html"))
PYTHON = sorted(WEB.rglob("*.py"))


def said(sentence: str) -> bool:
    """Whether a sentence has words that another language would say otherwise."""
    return re.search(r"[A-Za-z]{2}", SAME.sub("", re.sub(r"\$\{.*?\}|\{\d\}|<[^>]*>", "", sentence))) is not None


def name_of(path: Path) -> str:
    return str(path.relative_to(WEB.parent))


def placeholders(sentence: str) -> list[str]:
    return sorted(set(re.findall(r"\{\w*\}", sentence)))


# ---------- the files ----------


def test_the_languages_have_the_same_keys_with_the_same_placeholders():
    assert ENGLISH.keys() == CHINESE.keys()
    assert [key for key in ENGLISH if placeholders(ENGLISH[key]) != placeholders(CHINESE[key])] == []
    for key, sentence in ENGLISH.items():
        assert placeholders(sentence) == [f"{{{i}}}" for i in range(len(placeholders(sentence)))], key


def test_translations_are_chinese():
    assert [key for key in CHINESE if said(CHINESE[key]) and not re.search(r"[\u4e00-\u9fff]", CHINESE[key])] == []


@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_files_are_sorted_by_key_and_keys_are_no_sentences(language):
    texts = json.loads((WEB / "i18n" / f"{language}.json").read_text(encoding="utf-8"))
    assert list(texts) == sorted(texts)
    assert [key for key in texts if not KEY.fullmatch(key)] == []


@pytest.mark.parametrize("section", FOUND_BY_SENTENCE)
def test_a_sentence_has_one_key_in_its_section(section):
    sentences = [sentence for key, sentence in ENGLISH.items() if key.startswith(f"{section}.")]
    assert len(sentences) == len(set(sentences)) > 0


# ---------- where they are used ----------


def end_of_string(source: str, start: int) -> int:
    """Behind the string or template literal that begins at `start`."""
    quote, at = source[start], start + 1
    while source[at] != quote:
        if quote == "`" and source.startswith("${", at):
            at = end_of_list(source, at + 1) + 1
        else:
            at += 2 if source[at] == "\\" else 1
    return at + 1


def end_of_list(source: str, start: int) -> int:
    """The closing bracket that belongs to the opening one at `start`."""
    depth, at = 0, start
    while True:
        if source[at] in "\"'`":
            at = end_of_string(source, at)
            continue
        depth += {"(": 1, "[": 1, "{": 1, ")": -1, "]": -1, "}": -1}.get(source[at], 0)
        if not depth:
            return at
        at += 1


def values_of(arguments: str) -> int:
    """How many values follow the first argument of a call."""
    count, at, filled = 0, 0, True
    while at < len(arguments):
        if arguments[at] in "\"'`":
            at, filled = end_of_string(arguments, at), True
        elif arguments[at] in "([{":
            at, filled = end_of_list(arguments, at) + 1, True
        elif arguments[at] == ",":
            count, at, filled = count + 1, at + 1, False
        else:
            at, filled = at + 1, filled or not arguments[at].isspace()
    return count - (not filled)  # a comma may follow the last one


def calls(source: str) -> list[tuple[str, int]]:
    """The keys of all t("...") and tHtml("...") in a script, each with the number of values."""
    found = []
    for start in re.finditer(r'(?<![\w.])t(?:Html)?\(\s*"([^"]+)"', source):
        opening = source.index("(", start.start())
        found.append((start[1], values_of(source[opening + 1 : end_of_list(source, opening)])))
    return found


class Template(HTMLParser):
    """The texts, labels and keys of a template."""

    def __init__(self, source: str):
        super().__init__()
        self.texts: list[str] = []
        self.keys: list[str] = []
        self.feed(source)

    def handle_starttag(self, tag, attributes):
        self.texts += [value for name, value in attributes if name in LABELS and value]
        self.keys += [value for name, value in attributes if name == "data-t" or name.startswith("data-t-")]

    def handle_data(self, data):
        self.texts.append(" ".join(data.split()))


@pytest.mark.parametrize("path", SCRIPTS, ids=name_of)
def test_a_script_names_keys_that_exist_and_fills_in_what_they_ask_for(path):
    found = calls(path.read_text(encoding="utf-8"))
    assert [key for key, _ in found if key not in ENGLISH] == []
    assert [(key, count) for key, count in found if len(placeholders(ENGLISH[key])) != count] == []


@pytest.mark.parametrize("path", TEMPLATES, ids=name_of)
def test_a_template_names_keys_that_exist_and_has_no_text_of_its_own(path):
    template = Template(path.read_text(encoding="utf-8"))
    assert [key for key in template.keys if key not in ENGLISH or placeholders(ENGLISH[key])] == []
    assert [sentence for sentence in template.texts if said(sentence)] == []


@pytest.mark.parametrize("path", SCRIPTS, ids=name_of)
def test_a_script_has_no_text_of_its_own(path):
    source, found = path.read_text(encoding="utf-8"), []
    assert not re.search(r"(?<![\w.])t(?:Html)?`", source)
    for start in re.finditer(r"(?<![\w.])html`", source):
        markup = source[start.end() : end_of_string(source, start.end() - 1) - 1]
        while re.search(r"\$\{", markup):
            at = markup.index("${")
            markup = markup[:at] + markup[end_of_list(markup, at + 1) + 1 :]
        found += Template(markup).texts if "<" in markup else []
    found += re.findall(r'(?:say\(|textContent = |"aria-label", )\s*"([^"]+)"', source)
    assert [sentence for sentence in found if said(sentence)] == []


def test_every_key_is_used():
    sources = "".join(path.read_text(encoding="utf-8") for path in [*SCRIPTS, *TEMPLATES, *PYTHON])
    composed = re.compile(
        rf"record\..*|denoise\.controls\.({'|'.join(VIEWS)})|glossary\..*|visit\.(group|idea|model|lesson)\..*"
    )  # by their last part
    left = [key for key in ENGLISH if key.split(".")[0] not in FOUND_BY_SENTENCE and f'"{key}"' not in sources]
    assert [key for key in left if not composed.fullmatch(key)] == []


# ---------- errors ----------


def shown(error: ast.Call) -> bool:
    """Whether a visitor may see an error: a TypeError is for whoever writes code."""
    return not (isinstance(error.func, ast.Name) and error.func.id in ("TypeError", "RuntimeError", "ValueError"))


def templates_of_errors(source: str) -> list[str]:
    """The template of every error raised in a module, and every sentence that has a name; f-strings as they stand."""
    tree, found = ast.parse(source), []
    for node in ast.walk(tree):
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and node.exc.args and shown(node.exc):
            template = node.exc.args[0]
            if isinstance(template, ast.JoinedStr):
                found.append(ast.unparse(template))
            elif isinstance(template, ast.Constant):
                found.append(str(template.value))
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            found += [node.value.value] if node.value.value.endswith(".") else []
    return found


# Modules whose errors the page shows. Scripts (api.py, reading_api.py), and requests that no page of ours sends
# (gradio_queue.py, limits.py), are answered in English.
ERRORS = [
    *(
        path
        for path in PYTHON
        if path.stem not in ("__main__", "api", "reading_api", "gradio_queue")
        and path.parent.name not in ("server", "i18n")
    ),
    *sorted((WEB.parent / "ink").glob("*.py")),
    *(WEB.parent / "image_decoder" / name for name in ("__init__.py", "worker.py")),
    *(WEB.parent / "latent" / name for name in ("codes.py", "plane.py")),
    WEB / "server" / "calls.py",
]
FOR_SCRIPTS = ("There is nothing here.",)  # what no page of ours asks for


@pytest.mark.parametrize("path", ERRORS, ids=name_of)
def test_every_error_of_the_page_has_a_key(path):
    templates = [found for found in templates_of_errors(path.read_text(encoding="utf-8")) if found.endswith((".", "'"))]
    if path.name == "calls.py":
        templates = [found for found in templates if found.startswith("That went wrong")]
    keys = {sentence for key, sentence in ENGLISH.items() if key.startswith("error.")}
    assert [found for found in templates if found not in keys and found not in FOR_SCRIPTS] == []


def test_every_key_of_an_error_is_raised():
    raised = "".join(path.read_text(encoding="utf-8") for path in [*ERRORS, WEB / "server" / "calls.py"])
    raised = re.sub(r'"\s*\n\s*"', "", raised)  # sentences over two lines
    keys = {key: sentence for key, sentence in ENGLISH.items() if key.startswith("error.")}
    assert [key for key, sentence in keys.items() if f'"{sentence}"' not in raised and f'"{key}"' not in raised] == []


def test_an_error_is_a_sentence_in_english_and_a_key_with_its_values():
    error = DenoiserError("Between 1 and {0} models can be compared at once.", 11)
    assert str(error) == "Between 1 and 11 models can be compared at once."
    assert error_text(error) == {"key": "error.modelCount", "params": [11]}
    assert english(error_text(error)) == str(error)


def test_what_has_no_key_is_its_english_sentence():
    assert error_text(DenoiserError("{not} filled in")) == "{not} filled in"
    assert error_text(DenoiserError("unknown noise {0}", "rain")) == "unknown noise rain"
    assert find_text("recipe", "A title of one's own") == "A title of one's own"


def test_an_error_keeps_its_template_on_the_way_through_another_process():
    import pickle

    error = pickle.loads(pickle.dumps(DenoiserError("There is no file {0}.", "a.png")))
    assert (str(error), error.template, error.params) == (
        "There is no file a.png.",
        "There is no file {0}.",
        ("a.png",),
    )


# ---------- records ----------


def texts_in(value: object) -> list:
    """Every text in a reply: all that has a key, and all strings."""
    if isinstance(value, dict):
        inner = [found for part in value.values() for found in texts_in(part)]
        return [value, *texts_in(value.get("params", []))] if "key" in value else inner
    if isinstance(value, list | tuple):
        return [found for part in value for found in texts_in(part)]
    return [value] if isinstance(value, str) else []


def test_has_what_the_records_say():
    pool = ModelPool()
    handler = ModelsHandler(pool)
    fields = ("title", "headline", "note", "trained_on", "facts", "enlarging")
    found = [texts_in([entry[name] for name in fields]) for entry in handler.entries]
    found += [texts_in(layer["phrases"]) for entry in handler.entries for layer in entry["layers"]]
    found += [texts_in(pool.card(name)["label"]) for name in pool.models]
    everything = [one for texts in found for one in texts]
    assert len({one["key"] for one in everything if isinstance(one, dict)}) > 80
    assert [one for one in everything if isinstance(one, str) and said(one)] == []


@pytest.mark.parametrize("name", [name for name, recipe in RECIPES.items() if recipe.task in PICTURE_TASKS])
def test_has_the_texts_of_a_recipe_whether_it_is_trained_or_not(name):
    texts = {part: getattr(RECIPES[name], part) for part in ("title", "note", "headline")}
    missing = [part for part, sentence in texts.items() if isinstance(find_text("recipe", sentence), str) and sentence]
    keys = " and ".join(f"recipe.{name}.{part}" for part in missing)
    assert not missing, f"en.json and zh-CN.json need {keys}; the English must equal what recipes.py has"


def test_has_what_the_core_calls_noise_and_losses():
    constants = page_constants()
    texts = texts_in([constants["noiseKinds"], constants["lossTitles"]])
    assert len(texts) >= 2 * len(NOISES) + len(LOSS_TITLES)
    assert [one for one in texts if isinstance(one, str) and said(one)] == []


# ---------- templates ----------


def test_a_template_is_filled_with_english():
    template = (
        '<p title="x" data-t-aria-label="denoise.pad.clear"><svg a="1" />\n <b data-t="denoise.pad.redo"></b>&nbsp;</p>'
    )
    assert fill(template) == (
        '<p title="x" data-t-aria-label="denoise.pad.clear" aria-label="Clear"><svg a="1" />\n '
        '<b data-t="denoise.pad.redo">Redo</b>&nbsp;</p>'
    )
    assert fill('<button data-t="denoise.pad.redo"><i></i>\n</button>') == (
        '<button data-t="denoise.pad.redo"><i></i>Redo</button>'
    )
    with pytest.raises(KeyError):
        fill('<b data-t="denoise.pad.nothing"></b>')
    with pytest.raises(KeyError):
        translatable("denoise.pad.nothing")
