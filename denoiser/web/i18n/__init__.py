"""What the page says, by key: one file of sentences per language.

A key says where a text stands and what it means: `denoise.pad.clear`. Its sentence has {0}, {1} for what is filled in.
Scripts get it with t("denoise.pad.clear"), templates with data-t="denoise.pad.clear" for an element's text and
data-t-title="..." (or another attribute's name) for an attribute.
"""

import json
from html import escape
from html.parser import HTMLParser
from pathlib import Path

VOID = {"br", "hr", "img", "input"}


def load(language: str) -> dict[str, str]:
    """The sentences of a language, by key."""
    path = Path(__file__).with_name(f"{language}.json")
    return json.loads(path.read_text(encoding="utf-8"))


ENGLISH = load("en")
CHINESE = load("zh-CN")


def text(key: str, *values: object) -> str:
    """The English sentence of a key, with values filled in; KeyError if there is none."""
    return ENGLISH[key].format(*values)


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
            start = start.replace(f'data-t-{name}="{key}"', f'data-t-{name}="{key}" {name}="{escape(text(key or ""))}"')
        self.parts.append(start)
        if tag not in VOID:
            key = dict(attrs).get("data-t")
            self.open.append(escape(text(key), quote=False) if key else "")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        self.parts.append(f"{self.open.pop()}</{tag}>")

    def handle_data(self, data: str) -> None:
        self.parts.append(data)

    def handle_entityref(self, name: str) -> None:
        self.parts.append(f"&{name};")

    def handle_charref(self, name: str) -> None:
        self.parts.append(f"&#{name};")
