"""Pictures of the page, light and dark, on a desktop and on a phone.

PYTHONPATH=tests python -m browser.screenshots FOLDER
"""

import sys
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

from broker import EmbeddedKafka
from browser.stage import CHROMIUM, CHROMIUM_FLAGS, Stage, staged
from support.gateway import install
from support.waiting import wait_until

DESKTOP, PHONE = ViewportSize(width=1280, height=900), ViewportSize(width=390, height=844)
SECONDS_OF_CURVE = 50


def main(folder: Path) -> None:
    """Let events stream for a minute, and take four pictures."""
    if CHROMIUM is None:
        sys.exit("There is no chromium (Debian: apt-get install chromium).")
    install()
    folder.mkdir(parents=True, exist_ok=True)
    with (
        EmbeddedKafka() as kafka,
        staged(kafka.bootstrap_servers) as stage,
        sync_playwright() as playwright,
        stage.events(1_000_000, "--rate", "400"),
    ):
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_FLAGS)
        watcher = opened(browser, stage, "light", DESKTOP)
        curve = watcher.locator("#speed .line")
        curve.wait_for()
        wait_until(lambda: (curve.get_attribute("d") or "").count("L") > SECONDS_OF_CURVE, 180)
        picture(watcher, folder / "page-light.png")
        picture(opened(browser, stage, "dark", DESKTOP), folder / "page-dark.png")
        picture(opened(browser, stage, "light", PHONE), folder / "page-light-phone.png")
        picture(opened(browser, stage, "dark", PHONE), folder / "page-dark-phone.png")
        browser.close()


def opened(
    browser: Browser, stage: Stage, scheme: Literal["light", "dark"], size: ViewportSize
) -> Page:
    """A new page with the live model, as this reader's system would have it."""
    page = browser.new_page(color_scheme=scheme, viewport=size, reduced_motion="reduce")
    page.goto(stage.address)
    return page


def picture(page: Page, file: Path) -> None:
    """Ask for a prediction, and take a picture of the whole page."""
    page.get_by_role("textbox", name="tv", exact=True).fill("50")
    page.get_by_role("button", name="Predict").click()
    page.locator("#fit circle.asked").wait_for()
    page.screenshot(path=file, full_page=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
