"""Uses the web page in a real Chromium, as a person would.

    python page_tour.py http://127.0.0.1:30000 [--api-key KEY] [--pictures FOLDER]

Needs the package playwright and /usr/bin/chromium (or $CHROMIUM). With --api-key only the way in with a key is toured.
Ends with status 1 at the first thing that is not as it should be.
"""

import argparse
import json
import os
import pathlib
import re
import tempfile
import time
import urllib.request

from playwright.sync_api import expect, sync_playwright

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync", "--force-color-profile=srgb"]
HOSTILE = "<img src=x onerror=alert(1)> [click](javascript:alert(1)) **bold** `<b>code</b>`"


class Tour:
    """A browser on the page, and what it must never see: errors in its console, requests to anybody else."""

    def __init__(self, browser, url, pictures):
        self.browser, self.url, self.pictures = browser, url, pictures
        self.complaints = []

    def page(self, **options):
        context = self.browser.new_context(**options)
        page = context.new_page()
        page.set_default_timeout(30_000)
        page.on("console", lambda message: message.type in ("error", "warning")
                and self.complaints.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: self.complaints.append(f"exception: {error}"))
        page.on("request", lambda request: request.url.startswith((self.url, "data:"))
                or self.complaints.append(f"request to {request.url}"))
        return page

    def open(self, view="", **options):
        page = self.page(**options)
        page.goto(f"{self.url}/{view}")
        expect(page.locator("#model-name")).not_to_be_empty()
        return page

    def picture(self, page, name):
        if self.pictures:
            page.screenshot(path=self.pictures / f"{name}.png")

    def check_quiet(self):
        assert not self.complaints, self.complaints


def stats(url):
    with urllib.request.urlopen(f"{url}/page/stats", timeout=10) as response:
        return json.load(response)


def until(holds, what):
    deadline = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < deadline, f"not within 20 s: {what}"
        time.sleep(0.05)


def answered(page):
    answer = page.locator(".answer").last
    expect(answer).to_have_attribute("aria-busy", "false")
    return answer


def choose_thinking(page, name):
    page.locator(".choice label", has_text=name).click()


def asks_and_reads(tour):
    page = tour.open(viewport={"width": 1280, "height": 800}, color_scheme="light")
    tour.picture(page, "empty-light")
    choose_thinking(page, "On")
    page.get_by_label("Temperature").fill("0")
    question = page.get_by_label("Your question")
    question.fill("What is 37 * 46?")
    question.press("Enter")
    answer = answered(page)
    expect(answer.locator(".prose").last).to_contain_text(re.compile(r"1,?702"))
    thinking = answer.locator("details")
    assert thinking.get_attribute("open") is None, "thinking must be folded away"
    expect(thinking.locator(".thoughts")).not_to_be_visible()
    expect(thinking.locator("summary")).to_contain_text("Thought for")
    thinking.locator("summary").click()
    expect(thinking.locator(".thoughts")).to_be_visible()
    assert len(thinking.locator(".thoughts").inner_text()) > 10
    expect(answer.locator(".foot")).to_contain_text(re.compile(r"\d+ tokens .* first after"))
    tour.picture(page, "chat-light")
    page.get_by_role("button", name="Copy answer").click()
    expect(page.get_by_role("button", name="Copy answer")).to_have_text("Copied")
    page.context.close()


def calls_a_tool(tour):
    page = tour.open(viewport={"width": 1280, "height": 800}, color_scheme="dark", device_scale_factor=1)
    page.get_by_label("Temperature").fill("0")
    page.get_by_label("System prompt").fill("")
    page.get_by_role("button", name=re.compile("weather in Oslo")).click()
    call = page.get_by_role("region", name="Call of get_weather")
    expect(call).to_contain_text('"city": "Oslo"')
    answered(page)
    result = page.get_by_label("Result of get_weather")
    result.fill('{"temperature": 7, "sky": "rainy"}')
    page.get_by_role("button", name="Send result").click()
    expect(page.locator(".answer")).to_have_count(2)
    expect(answered(page).locator(".prose").last).to_contain_text("rain")
    expect(page.get_by_text("The tools are not valid JSON")).to_have_count(0)
    tour.picture(page, "chat-dark")
    page.get_by_label("Tools").fill("[{")
    expect(page.locator("#tools-note")).to_contain_text("not valid JSON")
    page.context.close()


def stops(tour):
    """Esc and the button close the connection, and the server stops computing."""
    page = tour.open(viewport={"width": 1000, "height": 700})
    # So long an answer: the model is kept from ending it.
    page.route("**/v1/chat/completions", lambda route: route.continue_(
        post_data=json.dumps({**route.request.post_data_json, "ignore_eos": True, "max_completion_tokens": 6000})))
    for stop in (lambda: page.keyboard.press("Escape"), lambda: page.get_by_role("button", name="Stop").click()):
        aborted = stats(tour.url)["totals"]["aborted"]
        page.get_by_label("Your question").fill("Who are you?")
        page.get_by_role("button", name="Send").click()
        expect(page.locator(".answer").last.locator(".prose").last).not_to_be_empty()
        assert stats(tour.url)["running"] == 1
        stop()
        expect(answered(page).locator(".foot")).to_contain_text("Stopped")
        until(lambda: stats(tour.url)["totals"]["aborted"] == aborted + 1, "the server aborts the request")
        until(lambda: stats(tour.url)["running"] == 0, "the request leaves the engine")
        expect(page.get_by_role("button", name="Send")).to_be_visible()
    page.context.close()


def works_by_keyboard(tour):
    page = tour.open(viewport={"width": 900, "height": 700})
    assert page.evaluate("document.activeElement.id") == "question"
    page.keyboard.type("Who are")
    page.keyboard.press("Shift+Enter")
    page.keyboard.type("you?")
    assert page.locator("#question").input_value() == "Who are\nyou?"
    page.keyboard.press("Enter")
    answered(page)
    expect(page.locator(".said")).to_contain_text("Who are\nyou?")
    seen = set()
    page.keyboard.press("Tab")
    for _ in range(40):
        focused = page.evaluate("""() => {
            const e = document.activeElement, style = getComputedStyle(e);
            return [e.id || e.getAttribute('aria-label') || e.textContent.trim(), style.outlineStyle, style.outlineWidth];
        }""")
        seen.add(focused[0])
        if focused[0] and not focused[0].startswith("Fathom") and page.evaluate("document.activeElement !== document.body"):
            ring = page.evaluate("""() => {
                const e = document.activeElement, shown = e.type === 'radio' ? e.nextElementSibling : e;
                return getComputedStyle(shown).outlineStyle;
            }""")
            assert ring != "none", f"no focus ring on {focused}"
        page.keyboard.press("Tab")
    wanted = {"tab-chat", "tab-live", "new-chat", "theme", "settings-toggle", "log", "question", "send"}
    assert wanted <= seen, f"the keyboard does not reach {wanted - seen}"
    page.locator("#settings-toggle").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#settings")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#settings")).to_be_hidden()
    assert page.evaluate("document.activeElement.id") == "settings-toggle"
    names = page.evaluate("""() => [...document.querySelectorAll('button, input, select, textarea, a')]
        .filter((e) => !(e.labels?.length || e.getAttribute('aria-label') || e.textContent.trim())).map((e) => e.outerHTML)""")
    assert names == [], f"without a name: {names}"
    page.context.close()


def fits_a_phone(tour):
    page = tour.open(viewport={"width": 320, "height": 640}, device_scale_factor=2, has_touch=True, color_scheme="light")
    page.get_by_role("button", name=re.compile("Extract name, city")).click()
    answered(page)
    tour.picture(page, "phone")
    check_width(page, "chat")
    page.get_by_role("button", name="Settings").click()
    check_width(page, "settings")
    tour.picture(page, "phone-settings")
    page.get_by_role("button", name="Done").click()
    page.get_by_role("link", name="Live").click()
    expect(page.locator(".value").first).not_to_have_text("–")
    check_width(page, "live")
    tour.picture(page, "phone-live")
    page.context.close()


def check_width(page, where):
    wide = page.evaluate("""() => [document.documentElement, ...document.querySelectorAll('body, main, section, aside, .log')]
        .filter((e) => e.scrollWidth > e.clientWidth + 1 && e.clientWidth > 0 && getComputedStyle(e).overflowX !== 'visible'
            || e.getBoundingClientRect().right > innerWidth + 1)
        .map((e) => [e.tagName, e.id, e.className, e.scrollWidth, e.clientWidth])""")
    assert wide == [], f"{where} is wider than the screen: {wide}"


def switches_colours(tour):
    page = tour.open(viewport={"width": 800, "height": 600}, color_scheme="dark")
    ground = lambda: page.evaluate("getComputedStyle(document.body).backgroundColor")
    dark = ground()
    page.emulate_media(color_scheme="light")
    light = ground()
    assert dark != light, "the page must follow the system"
    page.locator("#theme").click()  # light, whatever the system says
    page.emulate_media(color_scheme="dark")
    assert ground() == light
    page.locator("#theme").click()
    assert ground() == dark
    page.reload()
    assert ground() == dark, "the choice must be kept"
    page.context.close()


def shows_figures(tour):
    page = tour.open("#live", viewport={"width": 1280, "height": 800}, color_scheme="light")
    asker = tour.open(viewport={"width": 800, "height": 600})
    rates = []
    for question in ("What is 4821 + 3977?", "What is 612 * 38?", "What is 91 * 77?", "How many r's are in strawberry?"):
        choose_thinking_in_panel(asker)
        asker.get_by_label("Your question").fill(question)
        asker.keyboard.press("Enter")
        answered(asker)
        time.sleep(1.1)
        rates.append(page.get_by_role("region", name="Tokens written").locator(".value").inner_text())
    assert any(float(rate.replace(",", "")) > 0 for rate in rates if rate != "–"), f"no throughput was shown: {rates}"
    for title in ("Time to first token", "Time per token"):
        expect(page.get_by_role("region", name=title).locator(".note")).to_contain_text("95 % within")
        assert page.get_by_role("region", name=title).locator("path.line").get_attribute("d").startswith("M")
    expect(page.get_by_role("region", name="Cache in use").locator(".note")).to_contain_text("tokens")
    expect(page.locator("#totals")).to_contain_text("Requests finished")
    tour.picture(page, "live-light")
    page.emulate_media(color_scheme="dark")
    tour.picture(page, "live-dark")
    page.context.close()
    asker.context.close()


def choose_thinking_in_panel(page):
    if not page.locator("#settings").is_visible():
        page.locator("#settings-toggle").click()
    choose_thinking(page, "On")
    page.keyboard.press("Escape")


def shows_text_as_text(tour):
    """Whatever a model writes stays text: what looks like HTML is shown, not run."""
    page = tour.open(viewport={"width": 1000, "height": 800})
    text = HOSTILE + "\n\n# Head\n\n- one\n- two\n  1. deep\n\n> quote\n\n| a | b |\n|---|--:|\n| 1 | <i>2</i> |\n\n" \
        "```html\n<script>alert(1)</script>\n```\nhttps://example.org/a?b=1. End"
    pieces = [text[i:i + 7] for i in range(0, len(text), 7)]
    frames = [{"choices": [{"index": 0, "delta": {"content": piece}, "finish_reason": None}]} for piece in pieces]
    frames.append({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
    body = "".join(f"data: {json.dumps(frame)}\n\n" for frame in frames) + "data: [DONE]\n\n"
    page.route("**/v1/chat/completions", lambda route: route.fulfill(content_type="text/event-stream", body=body))
    page.get_by_label("Your question").fill(HOSTILE)
    page.keyboard.press("Enter")
    prose = answered(page).locator(".prose").last
    expect(prose).to_contain_text("<img src=x onerror=alert(1)>")
    expect(prose).to_contain_text("click bold")
    expect(prose.locator("pre code")).to_have_text("<script>alert(1)</script>")
    expect(prose.locator("strong")).to_have_text("bold")
    expect(prose.locator("td").last).to_have_text("<i>2</i>")
    expect(prose.locator("ol li")).to_have_text("deep")
    assert page.locator(".log img, .log script, .log i, .log b").count() == 0
    assert [link.get_attribute("href") for link in prose.locator("a").all()] == ["https://example.org/a?b=1"]
    tour.picture(page, "markdown")
    page.context.close()


def asks_for_a_key(tour, key):
    page = tour.page(viewport={"width": 1280, "height": 800})
    page.goto(tour.url)
    field = page.get_by_label("API key")
    expect(field).to_be_focused()
    tour.complaints.clear()  # the refusals that told the page of the key
    field.fill(key)
    field.press("Enter")
    expect(page.locator("#model-name")).not_to_be_empty()
    page.get_by_label("Your question").fill("Who are you?")
    page.get_by_label("Your question").press("Enter")
    expect(answered(page).locator(".prose").last).to_contain_text("Nano")
    page.context.close()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("--api-key")
    parser.add_argument("--pictures", type=pathlib.Path)
    options = parser.parse_args()
    if options.pictures:
        options.pictures.mkdir(parents=True, exist_ok=True)
    tours = [asks_and_reads, calls_a_tool, stops, works_by_keyboard, fits_a_phone, switches_colours, shows_figures,
             shows_text_as_text]
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as profile:
        browser = playwright.chromium.launch(executable_path=os.environ.get("CHROMIUM", "/usr/bin/chromium"),
                                             args=FLAGS, env={**os.environ, "HOME": profile})
        tour = Tour(browser, options.url.rstrip("/"), options.pictures)
        for part in [asks_for_a_key] if options.api_key else tours:
            began = time.monotonic()
            part(tour, options.api_key) if options.api_key else part(tour)
            tour.check_quiet()
            print(f"ok: {part.__name__} ({time.monotonic() - began:.1f} s)", flush=True)
        browser.close()


main()
