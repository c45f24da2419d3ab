"""A page in a real browser, in front of a real gateway, service and Kafka."""

import shutil
from collections.abc import Iterator

import pytest

pytest.importorskip("playwright", reason="playwright drives the browser")

from playwright.sync_api import Browser, Page, sync_playwright

from browser.stage import CHROMIUM, CHROMIUM_FLAGS, Stage, install_gateway, staged


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("there is no chromium (Debian: apt-get install chromium)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A new page; a fault on it fails the test."""
    faults: list[str] = []
    with browser.new_context() as context:
        page = context.new_page()
        page.on("pageerror", lambda error: faults.append(str(error)))
        yield page
    assert not faults


@pytest.fixture(scope="session", autouse=True)
def gateway_is_installed() -> None:
    if shutil.which("npm") is None:
        pytest.skip("there is no npm, which installs the gateway")
    install_gateway()


@pytest.fixture
def empty(kafka: str) -> Iterator[Stage]:
    """A stage where nothing is learned yet."""
    with staged(kafka) as stage:
        yield stage


@pytest.fixture(scope="module")
def stage(kafka: str) -> Iterator[Stage]:
    """A stage where 5,000 made-up events are learned; tests may add to them."""
    with staged(kafka) as stage:
        stage.learn(5000)
        yield stage
