"""What the page says, by key: one file of sentences per language.

A key says where a text stands and what it means: `denoise.pad.clear`. Its sentence has {0}, {1} for what is filled in.
Scripts get it with t("denoise.pad.clear"), templates with data-t="denoise.pad.clear" for an element's text and
data-t-title="..." (or another attribute's name) for an attribute. The server sends a Text, which the browser puts into
the visitor's language (`localize` in shell/i18n.js).
"""

import json
from functools import cache
from html import escape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import gradio as gr

from ...errors import DenoiserError

# {"key": ..., "params": [...]}, params being values or texts themselves; or a sentence that has no key, such as the
# title of a recipe of one's own, which is shown as it is.
Text = str | dict[str, Any]

VOID = {"br", "hr", "img", "input"}


def load(language: str) -> dict[str, str]:
    """The sentences of a language, by key."""
    path = Path(__file__).with_name(f"{language}.json")
    return json.loads(path.read_text(encoding="utf-8"))


ENGLISH = load("en")
CHINESE = load("zh-CN")


LABELS: dict[str, str] = {}  # of Gradio's own components, in Chinese
GRADIO = gr.I18n(en={}, **{"zh-CN": LABELS})


def text(key: str, *values: object) -> str:
    """The English sentence of a key, with values filled in; KeyError if there is none."""
    return ENGLISH[key].format(*values)


def translatable(key: str, *params: object) -> Text:
    """The text of a key, for the browser; KeyError if there is none."""
    ENGLISH[key]
    return {"key": key, "params": list(params)} if params else {"key": key}


def find_text(section: str, template: str, *params: object) -> Text:
    """The text whose English template stands in a section, such as "noise"; the English sentence if there is none.

    For sentences that are defined outside of this package: the labels of noise kinds, titles of recipes, errors.
    """
    key = _keys(section).get(template)
    return translatable(key, *params) if key else template.format(*params) if params else template


def error_text(error: DenoiserError) -> Text:
    """What an error says."""
    return find_text("error", error.template, *error.params)


def english(sentence: Text) -> str:
    """A text in English."""
    if isinstance(sentence, str):
        return sentence
    params = (english(value) if isinstance(value, dict) else value for value in sentence.get("params", ()))
    return ENGLISH[sentence["key"]].format(*params)


def gradio_label(label: Text) -> Any:
    """A label of one of Gradio's own components, which the browser shows in the visitor's language."""
    if isinstance(label, str):
        return label
    sentence = english(label)  # Gradio's key: what it shows in a language without translations
    LABELS[sentence] = CHINESE[label["key"]]
    return GRADIO(sentence)


@cache
def _keys(section: str) -> dict[str, str]:
    """The keys of a section by their English sentences."""
    return {sentence: key for key, sentence in ENGLISH.items() if key.startswith(f"{section}.")}


def fill(template: str) -> str:
    """A template with its texts in English, so that it can be read before any script runs.

    The text of an element with `data-t` follows its children, `data-t-title` becomes a title. KeyError for a key that
    does not exist.
    """
    filler = Filler()
    filler.feed(template)
    filler.close()
    return "".join(filler.parts)


class Filler(HTMLParser):
    """Writes a template again as it reads it, with the texts of its keys in English."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=False)
        self.parts: list[str] = []
        self.open: list[str] = []  # the texts to write at the end of each open element

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        start = self.get_starttag_text() or ""
        texts = {name.removeprefix("data-t-"): key for name, key in attrs if name.startswith("data-t-")}
        for name, key in texts.items():
            start = start.replace(
                f'data-t-{name}="{key}"', f'data-t-{name}="{key}" {name}="{escape(ENGLISH[key or ""])}"'
            )
        self.parts.append(start)
        if tag not in VOID:
            key = dict(attrs).get("data-t")
            self.open.append(escape(ENGLISH[key], quote=False) if key else "")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        text = self.open.pop()
        if text and not self.parts[-1].strip():
            self.parts.pop()  # the line break before the end tag
        self.parts.append(f"{text}</{tag}>")

    def handle_data(self, data: str) -> None:
        self.parts.append(data)

    def handle_entityref(self, name: str) -> None:
        self.parts.append(f"&{name};")

    def handle_charref(self, name: str) -> None:
        self.parts.append(f"&#{name};")
