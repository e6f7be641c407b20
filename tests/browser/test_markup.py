"""Names and titles are text: whatever stands in a checkpoint, none of it runs in a visitor's browser."""

import copy

import pytest
from playwright.sync_api import expect
from web_fixtures import served, settle

from denoiser.web.serving.model_pool import ModelPool

pytestmark = pytest.mark.slow

HOSTILE = "<img src=x onerror=window.hostile=1>\"'><script>window.hostile=1</script>"


def changed(value, **fields):
    """A copy of a frozen dataclass with other values, whatever it checks."""
    found = copy.copy(value)
    for name, field in fields.items():
        object.__setattr__(found, name, field)
    return found


@pytest.fixture(scope="module")
def hostile_page():
    """The page with a model, and a missing one, whose every text is markup."""
    pool = ModelPool()
    record = pool.records["conv-64"]
    source = changed(record.recipe.source, title=HOSTILE, year=HOSTILE, address=f"https://example.org/{HOSTILE}")
    recipe = changed(record.recipe, title=HOSTILE, headline=HOSTILE, note=HOSTILE, source=source)
    record = changed(record, recipe=recipe, device=HOSTILE, data=HOSTILE, command=HOSTILE)
    pool.models[HOSTILE], pool.records[HOSTILE] = pool.models["conv-64"], record
    pool.missing.append(f"missing {HOSTILE}")
    with served(pool) as url:
        yield url


def test_nothing_that_a_checkpoint_says_runs(browser, hostile_page):
    page = browser.new_page()
    page.set_default_timeout(60_000)
    page.goto(hostile_page)
    page.locator("#board .card").first.wait_for()
    page.locator("#board .choose summary").click()
    choice = page.locator("#board .choose label", has_text=HOSTILE)
    expect(choice).to_have_count(2)  # the model, and the missing one
    choice.first.locator("input").check()
    page.get_by_role("button", name="Example 4").click()
    settle(page)
    card = page.get_by_test_id("card").last
    expect(card).to_have_attribute("data-model", HOSTILE)
    expect(card).to_contain_text(HOSTILE)
    assert ran(page) == (None, 0)
    card.locator(".about").click()
    expect(page.locator("#models .about .source")).to_contain_text(HOSTILE)
    assert ran(page) == (None, 0)
    page.close()


def ran(page):
    """What a script would have left, and the pictures that the markup would have made."""
    return page.evaluate("() => window.hostile ?? null"), page.locator("img[src=x]").count()
