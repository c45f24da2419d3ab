"""The page with a model file: twelve features with long names, 28 terms, an outlier."""

import json
import re
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("playwright", reason="playwright drives the browser")

from playwright.sync_api import Page, expect

from browser import wide
from browser.eyes import faults, number
from browser.stage import Stage, staged
from support.waiting import wait_until

pytestmark = pytest.mark.slow

A_WHILE_MS = 60_000
STICKING_OUT = """() => [document.documentElement, ...document.querySelectorAll(
    "header, main, section, .card, form, figure, table, tr, dl, details"
)].filter((it) => it.scrollWidth > it.clientWidth && it.clientWidth > 0)
  .map((it) => it.outerHTML)"""


@pytest.fixture(scope="module")
def shop(kafka: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A stage where the events of the wide model are learned."""
    file: Path = tmp_path_factory.mktemp("model") / "model.toml"
    file.write_text(wide.model())
    with staged(kafka, MODEL=str(file)) as stage:
        request = urllib.request.Request(  # noqa: S310
            f"{stage.address}/v1/ia/events",
            "\n".join(map(json.dumps, wide.events())).encode(),
            {"Content-Type": "application/x-ndjson"},
        )
        urllib.request.urlopen(request, timeout=30).close()  # noqa: S310
        wait_until(lambda: stage.asked("describe").get("events") == wide.EVENTS)
        assert len(stage.asked("train")["coefficients"]) == wide.FORMULA_TERMS
        yield stage


def opened(page: Page, shop: Stage, width: int = 1280) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(shop.address)
    page.locator("#fit .line").wait_for(timeout=A_WHILE_MS)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 768, 390])
def test_nothing_sticks_out_and_axe_finds_nothing(
    shop: Stage, page: Page, width: int, scheme: str
) -> None:
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    opened(page, shop, width)
    for summary in page.locator("summary").all():
        summary.click()
    assert page.evaluate(STICKING_OUT) == []
    assert not faults(page)
    page.get_by_label("over", exact=True).select_option(wide.CATEGORY)
    expect(page.locator("#fit circle.estimate")).to_have_count(3, timeout=A_WHILE_MS)
    assert page.evaluate(STICKING_OUT) == []


def test_a_challenger_stands_beside_the_model(shop: Stage, page: Page) -> None:
    opened(page, shop)
    row = page.locator("#challengers tr")
    expect(row.get_by_role("rowheader")).to_have_text(wide.CHALLENGER)
    (known,) = shop.asked("train")["challengers"]
    shown = [number(cell) for cell in row.locator("td").all_text_contents()]
    difference = known["difference"]
    expected = [known["n"], known["rmse"], known["champion"]["rmse"], *difference.values()]
    assert shown == pytest.approx(expected, rel=1e-3)


def test_the_form_asks_for_the_formula_s_fields_and_folds_the_others(
    shop: Stage, page: Page
) -> None:
    opened(page, shop)
    expect(page.get_by_label(wide.FIRST)).to_be_visible()
    expect(page.get_by_label(wide.UNUSED)).to_be_hidden()
    page.get_by_text("Fields that the formula does not use").click()
    expect(page.get_by_label(wide.UNUSED)).to_be_visible()
    choices = page.get_by_label(wide.CATEGORY, exact=True)
    assert choices.locator("option").all_text_contents() == ["", *wide.PLATFORMS]
    assert page.get_by_label(wide.BOOLEAN).locator("option").count() == 3


def test_a_category_has_an_estimate_with_its_interval_for_each_level(
    shop: Stage, page: Page
) -> None:
    opened(page, shop)
    page.get_by_label("over", exact=True).select_option(wide.CATEGORY)
    expect(page.locator("#fit circle.estimate")).to_have_count(3, timeout=A_WHILE_MS)
    assert page.locator("#fit path.estimate").count() == 3
    names = page.locator("#fit text").all_text_contents()
    assert set(wide.PLATFORMS) <= set(names)
    expect(page.locator("#fit-svg-desc")).to_contain_text("iOS: ")


def test_one_outlier_does_not_flatten_the_picture(shop: Stage, page: Page) -> None:
    opened(page, shop)
    ticks = page.locator("#fit text.tick").all_text_contents()
    numbers = [float(it.replace(",", "").replace("\N{MINUS SIGN}", "-")) for it in ticks]
    assert max(numbers) < wide.OUTLIER / 100
    dots = page.locator("#fit .dots").get_attribute("d") or ""
    assert len(re.findall("M", dots)) > 150


def test_a_phone_shows_each_term_as_a_card(shop: Stage, page: Page) -> None:
    opened(page, shop, 390)
    row = page.locator("#coefficients tr").filter(has_text=wide.FIRST).first
    term, first = row.locator("th").bounding_box(), row.locator("td").first.bounding_box()
    assert term is not None
    assert first is not None
    assert first["y"] > term["y"]
    label = "getComputedStyle(document.querySelector('#coefficients td'), '::before').content"
    assert page.evaluate(label) == '"Coefficient"'
