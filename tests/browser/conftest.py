"""A real gateway, service and Kafka for the page, and a browser to look at it."""

import shutil
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from browser.stage import CHROMIUM, CHROMIUM_FLAGS, Stage, staged
from support.gateway import install

if TYPE_CHECKING:  # where there is no playwright, the tests are skipped
    from playwright.sync_api import Browser, Page


@pytest.fixture(scope="session", autouse=True)
def gateway_is_installed() -> None:
    if shutil.which("npm") is None:
        pytest.skip("there is no npm, which installs the gateway")
    install()


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


@pytest.fixture(scope="module")
def browser() -> "Iterator[Browser]":
    if CHROMIUM is None:
        pytest.skip("there is no chromium (Debian: apt-get install chromium)")
    playwright = pytest.importorskip("playwright.sync_api").sync_playwright()
    with playwright as running:
        browser = running.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def page(browser: "Browser") -> "Iterator[Page]":
    """A new page; a fault of its scripts fails the test."""
    faults: list[str] = []
    with browser.new_context() as context:
        page = context.new_page()
        page.on("pageerror", lambda error: faults.append(str(error)))
        yield page
    assert not faults
