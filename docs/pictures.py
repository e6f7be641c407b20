"""Takes the README's pictures of the running page: python docs/pictures.py

Draws one of our own example digits in headless Chromium, at 1280 and 390 px, light and dark.
"""

import io
import sys
from pathlib import Path

from PIL import Image

FOLDER = Path(__file__).resolve().parent
sys.path.insert(0, str(FOLDER.parent))

from denoiser.bench.serving import CHROMIUM_FLAGS, find_chromium, served_page  # noqa: E402

SIZES = {"1280": {"width": 1280, "height": 800}, "390": {"width": 390, "height": 844}}
SETTLED = "() => denoiser.state.ladder !== null"


def shoot(page, name: str) -> None:
    """The page as it is now, as WebP."""
    path = FOLDER / f"{name}.webp"
    page.wait_for_timeout(1_200)
    shot = Image.open(io.BytesIO(page.screenshot()))
    shot.convert("RGB").save(path, quality=82, method=6)
    print(path.relative_to(FOLDER.parent), f"{path.stat().st_size / 1024:.0f} kB")


def main() -> None:
    """Every tab with a drawing on it, and the empty page."""
    from playwright.sync_api import sync_playwright

    with served_page() as (address, _), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=CHROMIUM_FLAGS)
        for size, viewport in SIZES.items():
            for theme in ("light", "dark"):
                page = browser.new_page(viewport=viewport, color_scheme=theme)
                page.goto(address)
                page.wait_for_selector("#board .card")
                if theme == "light":
                    shoot(page, f"empty-{size}-{theme}")
                page.get_by_role("button", name="Example 3").click()
                page.wait_for_function(SETTLED)
                shoot(page, f"denoise-{size}-{theme}")
                for tab in page.get_by_role("tab").all()[1:]:
                    name = tab.inner_text().lower().replace(" ", "-")
                    tab.click()
                    page.wait_for_timeout(3_000)
                    shoot(page, f"{name}-{size}-{theme}")
                page.close()
        browser.close()


if __name__ == "__main__":
    main()
