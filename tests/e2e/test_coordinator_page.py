"""The coordinator's page in Chromium: what a person sees and reaches, and what the browser must never ask for."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from fastapi import FastAPI
from fastapi.responses import HTMLResponse
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from safeborders.server.app import build_app
from safeborders.server.registry.sql import SqlRegistry
from safeborders.server.registry.sql_roster import SqlRoster
from safeborders.server.storage.opening import open_registry_database
from safeborders.server.web.charts import nice_ticks
from sbtest.history import START, FixedPapers, make_round, write_contacts, write_roster, write_run
from sbtest.web import serve

pytestmark = [pytest.mark.browser, pytest.mark.e2e]

NOW = START + timedelta(minutes=11)
FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
PAGES = ("/nodes", "/runs", "/runs/run-1", "/runs/none")
_TOP, _BOTTOM = 16.0, 216.0


@dataclass
class Sight:
    """A page in a browser, with everything it asked for and complained about."""

    page: Page
    address: str
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def visit(self, path: str) -> None:
        self.page.goto(self.address + path)

    def foreign(self) -> list[str]:
        """Return the requests that went anywhere but to the page's own server."""
        return [url for url in self.requests if not url.startswith(f"{self.address}/")]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    binary = shutil.which("chromium")
    if binary is None:
        pytest.skip("Chromium is not installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=binary, args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FastAPI]:
    engine = open_registry_database(f"sqlite:///{tmp_path_factory.mktemp('page') / 'registry_test.db'}")
    registry, roster = SqlRegistry(engine), SqlRoster(engine)
    write_roster(roster)
    write_run(registry)
    write_contacts(registry, now=NOW)
    yield build_app(registry, roster, papers=FixedPapers(), clock=lambda: NOW)
    engine.dispose()


@pytest.fixture(scope="module")
def address(app: FastAPI) -> Iterator[str]:
    with serve(app) as found:
        yield found


def look(context: BrowserContext, address: str) -> Sight:
    """Open a page that is watched."""
    sight = Sight(context.new_page(), address)
    sight.page.on("request", lambda request: sight.requests.append(request.url))
    sight.page.on("console", lambda message: sight.complaints.append(message.text))
    sight.page.on("pageerror", lambda error: sight.complaints.append(str(error)))
    return sight


@pytest.fixture
def sight(browser: Browser, address: str) -> Iterator[Sight]:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    yield look(context, address)
    context.close()


def test_every_page_has_one_main_heading_a_language_and_its_place_in_the_navigation(sight: Sight) -> None:
    for path, heading in (("/nodes", "Nodes"), ("/runs", "Runs"), ("/runs/run-1", "Run run-1")):
        sight.visit(path)
        expect(sight.page.get_by_role("heading", level=1)).to_have_text(heading)
        assert sight.page.locator("html").get_attribute("lang") == "en"
        current = sight.page.get_by_role("navigation", name="Main").locator("[aria-current=page]")
        expect(current).to_have_text("Nodes" if path == "/nodes" else "Runs")


def test_the_operator_goes_from_nodes_to_a_run_and_reads_who_is_waited_for(sight: Sight) -> None:
    sight.visit("/")
    expect(sight.page.get_by_role("row", name="Portugal")).to_contain_text("never seen")
    sight.page.get_by_role("link", name="Runs").click()
    sight.page.get_by_role("link", name="run-1").click()

    expect(sight.page.get_by_role("status")).to_contain_text("Waiting for: PL, PT")
    expect(sight.page.get_by_role("region", name="Table of rounds")).to_contain_text("refused")
    for section in ("Convergence", "Privacy spent per country", "Rounds", "Model versions", "Plan"):
        expect(sight.page.get_by_role("heading", level=2, name=section, exact=True)).to_be_visible()


def test_the_chart_draws_the_numbers_of_its_table(sight: Sight) -> None:
    sight.visit("/runs/run-1")
    expect(sight.page.get_by_role("img", name="Estimated loss (nats)")).to_be_visible()
    expect(sight.page.get_by_role("img", name="Estimated accuracy (share of examples)")).to_be_visible()
    sight.page.get_by_text("The same numbers as a table").click()
    rows = [row.locator("td, th").all_inner_texts() for row in sight.page.locator("#estimates tbody tr").all()]
    shown = [(int(number), task, float(loss)) for number, task, loss, _, _ in rows]

    saved = [make_round("run-1", number=number).statistics for number in range(1, 10)]
    assert len(shown) == 18
    for number, task, loss in shown:
        name = "links" if task.startswith("Links") else "typology"
        assert loss == pytest.approx(next(one.loss for one in saved[number - 1] if one.task == name), abs=5e-4)
    ticks = nice_ticks(min(loss for *_, loss in shown), max(loss for *_, loss in shown))
    for style, task in enumerate(("Links between persons", "Type of a case")):
        points = sight.page.locator(f"figure:has-text('Estimated loss') polyline.line-{style}").get_attribute("points")
        drawn = [float(point.split(",")[1]) for point in (points or "").split()]
        share = [(loss - ticks[0]) / (ticks[-1] - ticks[0]) for _, name, loss in shown if name == task]
        assert drawn == pytest.approx([_BOTTOM - (_BOTTOM - _TOP) * one for one in share], abs=0.3)


def test_the_browser_asks_nobody_else_and_finds_nothing_against_the_policy(sight: Sight) -> None:
    for path in PAGES[:3]:
        sight.visit(path)

    assert len(sight.requests) >= 6
    assert sight.foreign() == []
    assert sight.complaints == []


def test_a_planted_script_and_a_foreign_picture_are_blocked_and_noticed(browser: Browser, app: FastAPI) -> None:
    hostile = "<p id=x>calm</p><script>document.getElementById('x').textContent='ran'</script><img src='http://127.0.0.2:9/a.png'>"
    app.router.add_api_route("/planted", lambda: HTMLResponse(hostile))
    with serve(app) as found:
        context = browser.new_context()
        sight = look(context, found)
        sight.visit("/planted")

        expect(sight.page.locator("#x")).to_have_text("calm")
        assert any("Content Security Policy" in complaint for complaint in sight.complaints)
        context.close()


def test_everything_that_acts_is_reached_by_keyboard_with_a_visible_focus(sight: Sight) -> None:
    sight.visit("/runs/run-1")
    reached = []
    for _ in range(30):
        sight.page.keyboard.press("Tab")
        focused = sight.page.locator(":focus")
        if focused.count() == 0:
            break
        assert focused.evaluate("element => getComputedStyle(element).outlineStyle") != "none"
        reached.append((focused.get_attribute("aria-label") or focused.inner_text()).strip())

    assert reached[0] == "Skip to content"
    wanted = {
        "Nodes",
        "Runs",
        "The same numbers as a table",
        "Reload",
        "Table of rounds",
        "Table of epsilon per country",
    }
    assert wanted <= set(reached)


def test_the_skip_link_leads_past_the_navigation(sight: Sight) -> None:
    sight.visit("/nodes")
    sight.page.keyboard.press("Tab")
    sight.page.keyboard.press("Enter")

    assert sight.page.evaluate("document.activeElement.id") == "main"


@pytest.mark.parametrize("width", [320, 390, 768])
def test_no_page_scrolls_sideways_on_a_narrow_screen(browser: Browser, address: str, width: int) -> None:
    context = browser.new_context(viewport={"width": width, "height": 800})
    sight = look(context, address)
    for path in PAGES:
        sight.visit(path)
        assert sight.page.evaluate("document.documentElement.scrollWidth") <= width, path
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_what_is_behind_it(browser: Browser, address: str, scheme: str) -> None:
    context = browser.new_context(color_scheme="dark" if scheme == "dark" else "light")
    sight = look(context, address)
    faint = []
    for path in PAGES:
        sight.visit(path)
        faint += [f"{path}: {text} {ratio:.2f}" for text, ratio in sight.page.evaluate(CONTRASTS) if ratio < 4.5]
    context.close()

    assert faint == []


def test_faint_text_is_noticed(sight: Sight) -> None:
    sight.page.set_content("<body bgcolor='#ffffff'><font color='#999999'>faint</font></body>")

    assert [text for text, ratio in sight.page.evaluate(CONTRASTS) if ratio < 4.5] == ["faint"]


# WCAG 2.2, relative luminance and contrast ratio, of every visible text against the nearest opaque background.
CONTRASTS = """() => {
  const channels = colour => {
    const canvas = document.createElement('canvas').getContext('2d');
    canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const luminance = ([r, g, b]) => [r, g, b].map(v => v / 255)
    .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = element => {
    for (let e = element; e; e = e.parentElement) {
      const colour = channels(getComputedStyle(e).backgroundColor);
      if (colour[3] === 255) return colour;
    }
    return channels(getComputedStyle(document.documentElement).colorScheme.includes('dark') ? '#000' : '#fff');
  };
  const found = [];
  for (const element of document.body.querySelectorAll('*')) {
    const own = [...element.childNodes].filter(n => n.nodeType === 3).map(n => n.data.trim()).join('');
    if (!own || !element.getClientRects().length) continue;
    const style = getComputedStyle(element);
    const text = channels(element instanceof SVGElement ? style.fill : style.color);
    const [a, b] = [luminance(text), luminance(behind(element))].sort((x, y) => y - x);
    found.push([own.slice(0, 40), (a + 0.05) / (b + 0.05)]);
  }
  return found;
}"""
