"""The Denoise tab: draw or upload a digit, set the noise, compare what every model makes of it."""

import base64

import gradio as gr
import numpy as np

from .zoo import Zoo


def logo() -> str:
    return base64.b64encode(np.zeros(784, np.uint8).tobytes()).decode()


def build(zoo: Zoo) -> None:
    gr.Markdown("hi")
