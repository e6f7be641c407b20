"""What the page says, in Simplified Chinese: one table for Gradio's own labels and for our components.

Its keys are the English sentences as they stand in the components' scripts (denoiser.t`...`) and templates, in Gradio's
labels, in the records of the models and in what the server answers; {0}, {1} are what is filled in.
"""

import json

import gradio as gr

CHINESE = {
    # ---------- everywhere ----------
    "Denoise": "去噪",
    "Latent space": "隐空间",
    "Models": "模型",
    # ---------- the Denoise page ----------
    # ---------- the Latent space page ----------
    # ---------- the Models page ----------
    # ---------- records of the models ----------
    # ---------- what the server answers ----------
}

_native: dict[str, str] = {}
i18n = gr.I18n(en={}, **{"zh-CN": _native})


def native(sentence: str):
    """A label of one of Gradio's own components, which the browser shows in the visitor's language."""
    _native[sentence] = CHINESE[sentence]
    return i18n(sentence)


def table() -> str:
    """The table as JavaScript, for language.js."""
    return f"window.denoiserChinese = {json.dumps(CHINESE, ensure_ascii=False)};"
