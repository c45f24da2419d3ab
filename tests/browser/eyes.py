"""What an automatic reader finds amiss in a page."""

import pytest
from playwright.sync_api import Page

Axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe  # untyped


def faults(page: Page) -> str:
    """What axe finds; nothing, where it finds nothing."""
    results = Axe().run(page)
    return str(results.generate_report()) if results.violations_count else ""


def number(text: str | None) -> float:
    """A figure of the page."""
    assert text is not None
    return float(text.replace(",", "").replace("−", "-"))  # noqa: RUF001 - a real minus
