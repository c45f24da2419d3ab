"""The page as people meet it, in a real browser."""

import math
import re

import pytest

pytest.importorskip("playwright", reason="playwright drives the browser")

from playwright.sync_api import Page, ViewportSize, expect

from broker import EmbeddedKafka
from browser.eyes import faults, number
from browser.stage import Stage, staged
from producer.simulate import truth

pytestmark = pytest.mark.slow

PHONE = ViewportSize(width=360, height=740)
A_WHILE_MS = 30_000


def ask(page: Page, **features: str) -> None:
    for name, value in features.items():
        if name != "tv":
            page.get_by_text("Fields that the formula does not use").click()
        page.get_by_role("textbox", name=name, exact=True).fill(value)
    page.get_by_role("button", name="Predict").click()


def hide(page: Page, *, hidden: bool) -> None:
    """What the page is told when its tab goes to the background, or comes back."""
    page.evaluate(
        """hidden => {
            Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
            document.dispatchEvent(new Event("visibilitychange"));
        }""",
        hidden,
    )


def test_before_any_event_it_says_what_to_run_and_then_shows_the_model_by_itself(
    empty: Stage, page: Page
) -> None:
    page.goto(empty.address)
    expect(page.get_by_text("python -m producer simulate --count 10000")).to_be_visible()
    assert not faults(page)
    with empty.events(1000):
        expect(page.locator("#events")).to_have_text("1,000", timeout=A_WHILE_MS)
    expect(page.get_by_text("python -m producer simulate")).to_be_hidden()


def test_the_counter_moves_and_the_line_redraws_while_events_stream(
    stage: Stage, page: Page
) -> None:
    page.goto(stage.address)
    line, counter = page.locator("#fit .line"), page.locator("#events")
    line.wait_for()
    drawn, counted = line.get_attribute("d"), counter.text_content()
    assert drawn is not None
    with stage.events(100_000, "--rate", "200", "--seed", "7"):
        expect(line).not_to_have_attribute("d", drawn, timeout=A_WHILE_MS)
        expect(counter).not_to_have_text(counted or "", timeout=A_WHILE_MS)
        expect(page.locator("#rate")).to_have_text(re.compile(r"^[1-9]"), timeout=A_WHILE_MS)
    assert number(counter.text_content()) > number(counted)


def test_the_form_gives_what_the_api_gives(stage: Stage, page: Page) -> None:
    page.goto(stage.address)
    ask(page, tv="50")
    answer = page.locator("#answer .value")
    answer.wait_for()
    shown = number((answer.text_content() or "").removesuffix(" sales"))
    assert shown == pytest.approx(stage.asked("predict?tv=50")["prediction"], rel=1e-3)
    assert shown == pytest.approx(truth(50), abs=0.5)
    expect(page.locator("#answer")).to_contain_text("95 % interval")
    expect(page.locator("#fit circle.asked")).to_be_visible()


def test_figures_that_hold_at_all_times_stand_first_and_the_textbook_s_are_a_click_away(
    stage: Stage, page: Page
) -> None:
    page.goto(stage.address)
    shown = page.locator("#coefficients tr").filter(has_text="tv")
    expect(shown).to_contain_text("< 0.001")
    row = stage.asked("train")["coefficients"]["tv"]
    low, high = (number(cell) for cell in shown.locator("td").all_text_contents()[-2:])
    assert (low, high) == pytest.approx(
        (row["always_valid"]["low"], row["always_valid"]["high"]), rel=1e-3
    )
    textbook = page.locator("#textbook tr").filter(has_text="tv")
    expect(textbook).to_be_hidden()
    page.get_by_text("Textbook figures").click()
    expect(textbook).to_be_visible()
    narrower = [number(cell) for cell in textbook.locator("td").all_text_contents()[-2:]]
    assert low < narrower[0] < narrower[1] < high
    assert not faults(page)


def test_how_often_outcomes_fell_into_their_intervals_is_shown(stage: Stage, page: Page) -> None:
    page.goto(stage.address)
    expect(page.locator("#calibration circle")).to_have_count(6)
    known = stage.asked("train")["calibration"]
    level, recently = known["levels"][-1], known["recent"]["levels"][-1]
    said = page.locator("#calibration-summary").text_content()
    assert said == (
        f"Of {known['n']:,} outcomes {percent(level['covered'] / known['n'])} % fell into "
        f"their own 95 % interval, of the last {known['recent']['n']:,} "
        f"{percent(recently['covered'] / known['recent']['n'])} %."
    )


def percent(share: float) -> str:
    """As the page writes it: with one digit at most."""
    return f"{math.floor(1000 * share + 0.5) / 10:g}"


def test_what_is_not_known_may_be_left_empty(stage: Stage, page: Page) -> None:
    page.goto(stage.address)
    ask(page, tv="50", radio="20")
    expect(page.locator("#answer")).to_contain_text("sales ~ tv + radio")


@pytest.mark.parametrize(
    ("given", "words"),
    [({"tv": "plenty"}, "tv"), ({}, "no feature is given"), ({"tv": "1e300"}, "tv")],
)
def test_a_bad_input_is_answered_in_words(
    stage: Stage, page: Page, given: dict[str, str], words: str
) -> None:
    page.goto(stage.address)
    ask(page, **given)
    expect(page.locator("#answer .problem")).to_contain_text(words)


def test_the_keyboard_alone_reaches_and_uses_the_form(stage: Stage, page: Page) -> None:
    page.goto(stage.address)
    page.get_by_role("textbox", name="tv", exact=True).wait_for()
    for _ in range(10):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.name") == "tv":
            break
    page.keyboard.type("50")
    page.keyboard.press("Enter")
    expect(page.locator("#answer .value")).to_be_visible()


def test_the_answer_is_announced_and_the_ticking_figures_are_not(stage: Stage, page: Page) -> None:
    page.goto(stage.address)
    ask(page, tv="50")
    expect(page.get_by_role("status").filter(has_text="95 % interval")).to_be_visible()
    assert page.locator("#events").locator("xpath=ancestor::*[@aria-live or @role]").count() == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("phone", [False, True], ids=["desktop", "phone"])
def test_axe_finds_nothing(stage: Stage, page: Page, scheme: str, *, phone: bool) -> None:
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    if phone:
        page.set_viewport_size(PHONE)
    page.goto(stage.address)
    ask(page, tv="50")
    page.locator("#answer .value").wait_for()
    assert not faults(page)


def test_a_phone_need_not_scroll_sideways(stage: Stage, page: Page) -> None:
    page.set_viewport_size(PHONE)
    page.goto(stage.address)
    page.locator("#fit .line").wait_for()
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width == PHONE["width"]


def test_the_theme_is_the_systems_until_it_is_chosen_and_then_stays(
    stage: Stage, page: Page
) -> None:
    page.emulate_media(color_scheme="dark")
    page.goto(stage.address)
    button = page.get_by_role("button", name="Dark theme")
    expect(button).to_have_attribute("aria-pressed", "true")
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor")
    button.click()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != dark
    page.reload()
    expect(button).to_have_attribute("aria-pressed", "false")


def test_an_outage_of_kafka_is_told_and_ends_by_itself(page: Page) -> None:
    with EmbeddedKafka() as kafka, staged(kafka.bootstrap_servers) as stage:
        stage.learn(100)
        page.goto(stage.address)
        expect(page.locator("#events")).to_have_text("100")
        kafka.kill()
        notice = page.locator("#trouble")
        expect(notice).to_contain_text("Kafka can’t be reached", timeout=A_WHILE_MS)  # noqa: RUF001
        assert not faults(page)
        ask(page, tv="50")
        expect(page.locator("#answer .problem")).to_contain_text("Kafka", timeout=A_WHILE_MS)
        kafka.start()
        expect(notice).to_be_hidden(timeout=2 * A_WHILE_MS)
        ask(page, tv="50")
        expect(page.locator("#answer .value")).to_be_visible()


def test_a_lost_connection_is_told_and_made_again(empty: Stage, page: Page) -> None:
    empty.learn(100)
    page.goto(empty.address)
    connection = page.locator("#connection")
    expect(connection).to_have_text("Live")
    empty.kill_gateway()
    expect(connection).to_have_text("Connection lost, trying again")
    empty.start_gateway()
    expect(connection).to_have_text("Live", timeout=A_WHILE_MS)


def test_a_gateway_with_a_token_asks_for_it_and_then_shows_the_model(
    kafka: str, page: Page
) -> None:
    with staged(kafka, GATEWAY_TOKEN="right") as stage:  # noqa: S106 - it guards nothing
        stage.learn(100)
        page.goto(stage.address)
        field, problem = page.get_by_label("Token", exact=True), page.get_by_role("alert")
        expect(page.get_by_role("heading", name="This gateway wants a token")).to_be_visible()
        expect(problem).to_be_empty()
        assert not faults(page)
        for wrong in ("wrong", "no header’s"):  # noqa: RUF001 - it cannot be sent
            field.fill(wrong)
            page.keyboard.press("Enter")
            expect(problem).to_have_text("This is not the gateway’s token.")  # noqa: RUF001
            expect(field).to_be_focused()
        assert not faults(page)
        field.fill("right")
        page.get_by_role("button", name="Show the model").click()
        expect(page.locator("#events")).to_have_text("100")
        expect(field).to_be_hidden()
        ask(page, tv="50")
        expect(page.locator("#answer .value")).to_be_visible()
        assert not faults(page)
        page.reload()
        expect(page.locator("#events")).to_have_text("100")
        assert page.evaluate("[localStorage.length, document.cookie]") == [0, ""]


def test_a_connection_that_falls_silent_is_told_and_made_again(empty: Stage, page: Page) -> None:
    empty.learn(100)
    page.goto(empty.address)
    connection = page.locator("#connection")
    expect(connection).to_have_text("Live")
    with empty.silence():
        expect(connection).to_have_text("Connection lost, trying again", timeout=A_WHILE_MS)
    expect(connection).to_have_text("Live", timeout=A_WHILE_MS)


def test_a_hidden_page_holds_no_connection(stage: Stage, page: Page) -> None:
    page.goto(stage.address)
    expect(page.locator("#connection")).to_have_text("Live")
    with page.expect_event("requestfailed", lambda request: request.url.endswith("/live")):
        hide(page, hidden=True)
    with page.expect_request("**/v1/ia/live"):
        hide(page, hidden=False)
