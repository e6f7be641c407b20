"""How a request arrives: pictures cut out of its JSON, room for large ones, their pace, and who sent them."""

import asyncio
import base64
import json
import random

import pytest
from helpers import run_async
from hypothesis import given, settings
from hypothesis import strategies as st

from denoiser.web.server import budget as budgets
from denoiser.web.server.attachments import Attachments, new_token
from denoiser.web.server.bodies import LONG, BadBody, Body
from denoiser.web.server.budget import LARGE, Budget, Full, Pace
from denoiser.web.server.clients import client_address, network_of, trusted_proxies

CONTENT = random.Random(0).randbytes(3 * LONG)


def fed(text, cuts=(), most_text=300_000, most_picture=1_000_000):
    """The Body of a text that arrives in parts, cut at these places."""
    body = Body(most_text, most_picture, "token")
    for start, end in zip((0, *cuts), (*cuts, len(text)), strict=True):
        body.feed(text[start:end])
    body.end()
    return body


class TestBody:
    """Pictures are cut out of JSON."""

    @settings(max_examples=30, deadline=None)
    @given(st.lists(st.integers(0, 4 * LONG), max_size=8).map(sorted), st.integers(0, 3))
    def test_a_picture_is_the_same_wherever_its_parts_are_cut(self, cuts, shorter):
        picture = CONTENT[: len(CONTENT) - shorter]
        text = json.dumps({"a": 1, "image": base64.b64encode(picture).decode(), "b": [2]}).encode()
        body = fed(text, cuts)
        assert body.picture == picture
        assert json.loads(bytes(body.text)) == {"a": 1, "image": "token", "b": [2]}
        assert body.size == len(text)

    def test_a_data_url_and_json_in_json_keep_what_is_around_the_picture(self):
        url = f"data:image/png;base64,{base64.b64encode(CONTENT).decode()}"
        text = json.dumps([json.dumps({"content": url, "is_noisy_input": False})]).encode()
        body = fed(text, range(0, len(text), 1000))
        assert json.loads(json.loads(bytes(body.text))[0]) == {
            "content": "data:image/png;base64,token",
            "is_noisy_input": False,
        }

    def test_short_runs_stay_where_they_are(self):
        text = json.dumps({"a": "A" * (LONG - 10), "b": "B" * (LONG - 10)}).encode()
        body = fed(text)
        assert body.text == text
        assert not body.picture

    def test_where_no_picture_travels_none_is_cut_out(self):
        text = b'"' + b"A" * 2 * LONG + b'"'
        assert fed(text, most_picture=0).text == text

    @pytest.mark.parametrize(
        ("text", "error"),
        [
            (b"-" * 300_001, "text"),
            (b'"' + b"A" * 1_400_000 + b'"', "picture"),
            (b'["' + b"A" * 2 * LONG + b'", "' + b"A" * 2 * LONG + b'"]', "two"),
            (b'"' + b"A" * (2 * LONG + 1) + b'"', "base64"),
            (b'"' + b"A" * LONG + b"=" + b"A" * LONG + b'"', "base64"),
            (b'"' + b"A" * (2 * LONG - 4) + b"AA==" + b"AAAA" * 9 + b'"', "base64"),
        ],
    )
    def test_what_breaks_a_limit_is_refused(self, text, error):
        for cuts in ((), range(1000, len(text), 1000), range(LONG // 2, len(text), LONG)):
            with pytest.raises(BadBody, match=error):
                fed(text, cuts)

    def test_a_refusal_comes_before_the_end(self):
        body = Body(300_000, 1_000_000, "token")
        for _ in range(1_300):
            body.feed(b"A" * 1000)
        with pytest.raises(BadBody, match="picture"):
            body.feed(b"A" * 100_000)


class TestBudget:
    """Room for large requests."""

    def test_small_requests_need_no_room(self):
        async def scene():
            full = Budget(most=10, per_address=1)
            async with full.reserve("a", 10**6), full.reserve("a", LARGE), full.reserve("a", 1):
                return full.held

        assert run_async(scene()) == 10**6

    def test_an_address_has_room_for_two_and_the_next_waits(self):
        async def scene():
            order, room = [], Budget(most=10**9)

            async def visit(name, address):
                async with room.reserve(address, 10**6):
                    order.append(name)
                    await asyncio.sleep(0.05)
                order.append(f"{name} left")

            await asyncio.gather(*(visit(name, name[0]) for name in ("a1", "a2", "a3", "b1")))
            return order, room.held, dict(room.requests)

        order, held, requests = run_async(scene())
        assert order[:3] == ["a1", "a2", "b1"]
        assert order.index("a3") > order.index("a1 left")
        assert (held, requests) == (0, {})

    def test_who_cannot_be_told_apart_shares_the_whole_room(self):
        async def scene():
            room = Budget(most=4 * 10**6)
            async with room.reserve(None, 10**6), room.reserve(None, 10**6), room.reserve(None, 10**6):
                return room.held

        assert run_async(scene()) == 3 * 10**6

    def test_who_waits_too_long_or_behind_too_many_is_refused(self, monkeypatch):
        monkeypatch.setattr(budgets, "PATIENCE", 0.05)
        monkeypatch.setattr(budgets, "MOST_WAITING", 1)

        async def scene():
            room = Budget(most=10**6)

            async def visit():
                async with room.reserve(None, 10**6):
                    await asyncio.sleep(0.2)

            first, *others = [asyncio.create_task(visit()) for _ in range(3)]
            found = await asyncio.gather(*others, return_exceptions=True)
            await first
            await visit()  # there is room again
            return found, room.held, room.waiting

        found, held, waiting = run_async(scene())
        assert [type(error) for error in found] == [Full, Full]
        assert (held, waiting) == (0, [])

    def test_one_larger_than_all_room_is_let_in_alone(self):
        async def scene():
            room = Budget(most=10**6)
            async with room.reserve("a", 10**7):
                return room.held

        assert run_async(scene()) == 10**7

    def test_memory_is_given_back_once_after_many(self, monkeypatch):
        monkeypatch.setattr(budgets, "SOON", 0.05)
        times = []
        monkeypatch.setattr(budgets, "release_freed_memory", lambda: times.append(1))

        async def scene():
            room = Budget()
            for size in (10**7, 10**7, 10**6):
                async with room.reserve("a", size):
                    pass
            await asyncio.sleep(0.2)
            async with room.reserve("a", 10**6):
                pass
            await asyncio.sleep(0.2)

        run_async(scene())
        assert len(times) == 1


def test_a_pace_lets_a_burst_pass_and_then_so_many_bytes_a_second():
    pace = Pace(rate=100, burst=1000)
    assert [pace.delay("a", 250, 0.0) for _ in range(6)] == [0, 0, 0, 0, 2.5, 5.0]
    assert pace.delay("b", 250, 0.0) == 0
    assert pace.delay("a", 100, 100.0) == 0  # long afterwards
    for i in range(5_000):
        pace.delay(f"c{i}", 1, 200.0 + i)
    assert len(pace.due) < 2_000


class TestAttachments:
    """Pictures on their way."""

    def test_a_picture_is_taken_once_and_its_room_released_when_it_is_dropped(self):
        async def scene():
            room, held, token = Budget(), Attachments(), new_token()
            async with room.reserve("a", 10**6) as reservation:
                held.put(token, b"picture", reservation)
            during = room.held
            taken = [held.take(token), held.take(token), held.take(new_token()), held.take("base64==")]
            with held.used_in(["x", None, f"data:image/png;base64,{token}"]):
                pass
            return during, taken, room.held, held.held

        assert run_async(scene()) == (10**6, [b"picture", b"", b"", None], 0, {})

    def test_what_nobody_asks_for_is_dropped(self, monkeypatch):
        monkeypatch.setattr("denoiser.web.server.attachments.MAX_AGE", 0.05)

        async def scene():
            room, held = Budget(), Attachments()
            async with room.reserve("a", 10**6) as reservation:
                held.put(new_token(), b"picture", reservation)
            await asyncio.sleep(0.2)
            return room.held, held.held

        assert run_async(scene()) == (0, {})

    def test_the_room_for_a_picture_stays_reserved_until_its_last_user_drops_it(self):
        async def scene():
            room, held = Budget(), Attachments()
            first, second, other = tokens = [new_token() for _ in range(3)]
            for token, address in zip(tokens, "aab", strict=True):
                async with room.reserve(address, 10**6) as reservation:
                    held.put(token, b"picture", reservation)
            drop = held.share(first)
            refused = held.share(second), held.share(new_token())  # one of each address, and none that is not there
            drops = [drop, held.share(other)]
            for token in tokens:
                held.drop(token)
            during = room.held
            for each in drops:
                each()
            return refused, during, room.held, held.held

        assert run_async(scene()) == ((None, None), 2 * 10**6, 0, {})


def scope(client, peer=None, forwarded=False):
    """What a server says of a request."""
    headers = [(b"x-forwarded-for", b"203.0.113.9")] if forwarded else []
    return {"client": (client, 5), "headers": headers, "state": {"peer": peer and (peer, 5)}}


@pytest.mark.parametrize(
    ("asked", "address"),
    [
        (scope("198.51.100.1", "198.51.100.1"), "198.51.100.1"),
        (scope("203.0.113.9", "172.18.0.2", forwarded=True), "203.0.113.9"),  # uvicorn believed the proxy
        (scope("172.18.0.2", "172.18.0.2", forwarded=True), None),  # nobody told it to
        (scope("8.8.8.8", "8.8.8.8", forwarded=True), "8.8.8.8"),  # anybody can send that header
        (scope("192.168.1.5", "192.168.1.5"), "192.168.1.5"),
        ({"client": None, "headers": []}, None),
    ],
)
def test_a_client_is_known_by_its_address_unless_a_proxy_hides_it(asked, address):
    assert client_address(asked) == address


def test_an_ipv6_visitor_is_a_network():
    assert network_of("2001:db8:1:2:3:4:5:6") == network_of("2001:db8:1:2::9") == "2001:db8:1:2::/64"
    assert network_of("::ffff:198.51.100.1") == "198.51.100.1"
    assert network_of("unix") == "unix"


def test_nobody_is_trusted_unless_it_is_said(monkeypatch):
    monkeypatch.delenv("FORWARDED_ALLOW_IPS", raising=False)
    monkeypatch.delenv("SPACE_ID", raising=False)
    assert trusted_proxies() == ""
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "192.0.2.7")
    assert trusted_proxies() == "192.0.2.7"
