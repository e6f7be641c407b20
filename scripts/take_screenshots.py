"""Take the screenshots in docs/images/ from the running page: python scripts/take_screenshots.py [WORD...]

Every state of the Denoise page and the other tabs, at 1280 and 390 px, in headless Chromium on our own example digits;
with words, only the pictures whose names have one of them. MNIST is hidden from the page, so that none of its digits
gets into a picture: the Train tab learns from our own strokes.

To see what a change does to the pages, take whole pages of both checkouts and compare them:

    python scripts/take_screenshots.py --app ../before/app.py --whole before
    python scripts/take_screenshots.py --whole after
    python scripts/compare_screenshots.py before after
"""

import argparse
import io
import itertools
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
IMAGES = ROOT / "docs" / "images"
sys.path.insert(0, str(ROOT))

from denoiser.bench.browser import (  # noqa: E402
    APP,
    CHROMIUM_FLAGS,
    DESKTOP,
    PATIENCE,
    PHONE,
    find_chromium,
    served_page,
)
from denoiser.data.examples import EXAMPLES  # noqa: E402
from denoiser.ink import digit_from_strokes  # noqa: E402

THEMES = ("light", "dark")
SIZES = {"1280": DESKTOP, "390": PHONE}
SWEEP_DONE = "() => denoiser.state.sweep !== null"


def example(page, name: str = "3") -> None:
    """An example digit, and all answers to it."""
    page.locator(f"#pad .tray [data-name='{name}']").click()
    page.wait_for_function(SWEEP_DONE)


def view(name: str) -> Callable:
    """The example 5 in one of the views."""

    def act(page) -> None:
        example(page, "5")
        page.locator(f"#views input[value={name}]").evaluate("e => e.click()")

    return act


def other_noise(page) -> None:
    """Noise that no model on the board was trained on."""
    example(page, "5")
    page.locator("#kind input[value=speckle]").evaluate("e => e.click()")
    page.evaluate("() => denoiser.set({ factor: 0.9 })")
    page.wait_for_function(f"() => denoiser.state.kind === 'speckle' && ({SWEEP_DONE})()")


def odd(name: str) -> Callable:
    """What is no digit."""

    def act(page) -> None:
        page.locator(f"[data-non-digit={name}]").evaluate("e => e.click()")
        page.wait_for_function(SWEEP_DONE)

    return act


def noisy_already(page) -> None:
    """A picture that brings its own noise."""
    rng = np.random.default_rng(0)
    picture = (digit_from_strokes(EXAMPLES["8"])[0, 0].numpy() * 190 + rng.uniform(0, 66, (28, 28))).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "PNG")
    page.get_by_label("My picture is noisy already").evaluate("e => e.click()")
    page.locator("#pad input.file").set_input_files(
        {"name": "noisy.png", "mimeType": "image/png", "buffer": file.getvalue()}
    )
    page.wait_for_function("() => denoiser.state.comparison?.asked.endsWith('noisy input')")


@dataclass(frozen=True)
class State:
    """One state of the Denoise page: how to come there, and what should be in sight on a phone."""

    act: Callable = example
    part: str = "#header"
    themes: tuple[str, ...] = ("light",)
    locale: str = "en"
    everywhere: bool = False  # in sight at 1280 px as well


CARDS = "#board-head"
STATES = {
    "empty": State(lambda page: None),
    "denoise": State(themes=THEMES),
    "difference": State(view("difference"), CARDS),
    "wipe": State(view("wipe"), CARDS),
    "noisy-already": State(noisy_already, CARDS),
    "other-noise": State(other_noise, CARDS),
    "letter": State(odd("letter"), CARDS),
    "blank": State(odd("blank"), CARDS),
    "pure-noise": State(odd("noise"), CARDS),
    "film-strip": State(lambda page: example(page, "5"), "#sweep .breaks", everywhere=True),
    "chinese": State(locale="zh-CN"),
}


def train(page, seconds: float = 15) -> None:
    """A training of the network that the Train page offers first, stopped after so long."""
    page.locator("#train-tab-button").click()
    page.wait_for_function("() => denoiser.state.watchedDigits !== null")
    page.locator("#train_form .train").click()
    page.wait_for_function(f"() => denoiser.state.snapshots.at(-1)?.seconds > {seconds}")
    page.locator("#train_form .stop").click()
    page.wait_for_function("() => denoiser.state.trainingResult !== null")


def tab(slug: str) -> Callable:
    """A tab beside Denoise, with an example digit drawn."""

    def act(page) -> None:
        example(page)
        page.get_by_test_id(f"tab-{slug}").click()
        page.wait_for_timeout(4_000)

    return act


def originals(page) -> None:
    """Possible originals of a digit under so much noise that some of them are other digits."""
    tab("originals")(page)
    page.evaluate("() => denoiser.set({ factor: 0.95 })")
    page.wait_for_function("() => denoiser.state.originals?.asked.endsWith('/0.95')")


TABS = {"originals": originals, "latent-space": tab("latent"), "models": tab("models"), "train": train}


def scroll_through(page) -> None:
    """Bring everything into sight once: some sections load only then."""
    for part in (*range(0, page.evaluate("() => document.documentElement.scrollHeight"), 600), 0):
        page.evaluate("top => scrollTo(0, top)", part)
        page.wait_for_timeout(600)  # what is read in the blends is asked for after a rest


def picture_at_rest(page) -> bytes:
    """The whole page as PNG, once it looks the same twice, one second apart; else as it is when patience ends."""
    before, deadline = b"", time.monotonic() + PATIENCE
    while (now := page.screenshot(full_page=True)) != before and time.monotonic() < deadline:
        before = now
        page.wait_for_timeout(1_000)
    return now


def shoot(page, path: Path) -> None:
    """Save what is in sight as WebP, or the whole page as PNG."""
    whole = path.suffix == ".png"
    page.evaluate("() => denoiser.set({ message: '' })")
    page.wait_for_timeout(1_200)
    if whole:
        scroll_through(page)
        path.write_bytes(picture_at_rest(page))
    else:
        shot = Image.open(io.BytesIO(page.screenshot()))
        shot.convert("RGB").save(path, quality=72, method=6)
    print(f"{path} {path.stat().st_size / 1024:.0f} kB")


def pictures() -> Iterator[tuple[str, str, str, State]]:
    """All pictures: their name, size and theme, and the state of the page."""
    for size in SIZES:
        for name, state in STATES.items():
            for theme in state.themes:
                yield f"{name}-{size}-{theme}", size, theme, state
        for (slug, act), theme in itertools.product(TABS.items(), THEMES):
            yield f"{slug}-{size}-{theme}", size, theme, State(act, "")


def main(arguments: Sequence[str] | None = None) -> None:
    """Every state of the Denoise page, and every other tab with a drawing."""
    from playwright.sync_api import sync_playwright

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0].partition(":")[0])
    parser.add_argument("words", nargs="*", help="take only pictures whose names have one of these words")
    parser.add_argument("--app", type=Path, default=APP, help="the app.py to run, such as that of another checkout")
    parser.add_argument("--whole", type=Path, metavar="FOLDER", help="save whole pages as PNG in this folder")
    options = parser.parse_args(arguments)
    if options.whole:
        options.whole.mkdir(parents=True, exist_ok=True)

    with (
        tempfile.TemporaryDirectory() as nothing,
        served_page(app=options.app, DENOISER_DATA=nothing) as (address, _),
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=CHROMIUM_FLAGS)
        for name, size, theme, state in pictures():
            if options.words and not any(word in name for word in options.words):
                continue
            page = browser.new_page(
                **SIZES[size],
                color_scheme=theme,
                locale=state.locale,
                reduced_motion="reduce" if options.whole else "no-preference",
            )
            page.set_default_timeout(PATIENCE * 1000)
            page.goto(address)
            page.wait_for_selector("#board .card")
            state.act(page)
            if state.part and (size == "390" or state.everywhere):
                page.locator(state.part).evaluate("e => scrollBy(0, e.getBoundingClientRect().top - 8)")
            shoot(page, options.whole / f"{name}.png" if options.whole else IMAGES / f"{name}.webp")
            page.close()
        browser.close()


if __name__ == "__main__":
    main()
