"""The queue of the Train page: who may train, who waits, and that no client keeps the others from it."""

import pytest
from helpers import Clock

from denoiser.web.component import BadRequest
from denoiser.web.line import DITHERING, MOST, MOST_HANGING, PATIENCE, Line
from denoiser.web.server import logging as log

LIMIT = 100.0


def test_who_comes_first_is_first_and_who_leaves_lets_the_others_up():
    clock = Clock()
    line = Line(LIMIT, clock)
    (first, before), (second, after) = line.wait(), line.wait()
    assert (before, after) == (0, 1)
    assert line.wait(first) == (first, 0)
    line.stop(first)
    assert line.wait(second) == (second, 0)
    assert line.wait(first) == (None, 0)


def test_who_is_not_heard_of_loses_the_place():
    clock = Clock()
    line = Line(LIMIT, clock)
    first, second = line.wait()[0], line.wait()[0]
    for _ in range(3):
        clock.now += PATIENCE / 2
        assert line.wait(second)[0] == second
    assert line.wait(second) == (second, 0)
    assert line.wait(first) == (None, 0)


def test_who_could_begin_and_does_not_loses_the_place_too():
    clock = Clock()
    line = Line(LIMIT, clock)
    first = line.wait()[0]
    second = line.wait()[0]
    for _ in range(int(DITHERING) + 2):
        clock.now += 1
        line.wait(first)
        line.wait(second)
    assert line.wait(second) == (second, 0)


def test_only_the_first_may_train_and_only_once():
    line = Line(LIMIT, Clock())
    first, second = line.wait()[0], line.wait()[0]
    for ticket in (second, "made up", None, 7, []):
        with pytest.raises(BadRequest), line.turn(ticket):
            pytest.fail("it may train")
    with line.turn(first) as wanted:
        assert wanted()
        with pytest.raises(BadRequest), line.turn(first):
            pytest.fail("it trains twice")
    assert line.wait(second) == (second, 0)


def test_a_training_goes_on_while_its_visitor_is_heard_of():
    clock = Clock()
    line = Line(LIMIT, clock)
    ticket = line.wait()[0]
    with line.turn(ticket) as wanted:
        clock.now += 2 * PATIENCE  # a device may take its time to start
        assert wanted()
        clock.now += PATIENCE - 1
        line.wait(ticket)
        clock.now += PATIENCE - 1
        assert wanted()
        clock.now += 2
        assert not wanted()
        line.wait(ticket)
        assert wanted()
        line.stop(ticket)
        assert not wanted()
    assert line.wait(ticket) == (None, 0)


def test_the_line_is_not_endless():
    line = Line(LIMIT, Clock())
    tickets = {line.wait()[0] for _ in range(MOST)}
    assert len(tickets) == MOST
    with pytest.raises(BadRequest):
        line.wait()


def test_a_client_with_many_tickets_lets_the_others_through():
    line = Line(LIMIT, Clock())
    flood = [line.wait(address="flooder")[0] for _ in range(MOST)]
    first, before = line.wait(address="first")
    assert before == 1  # the flooder's first ticket alone
    second, before = line.wait(address="second")
    assert before == 2
    assert len(line.places) == MOST
    with pytest.raises(BadRequest):
        line.wait(address="flooder")
    order = []
    for _ in range(6):  # trainings, one after the other
        ticket = next(iter(line.places))
        with line.turn(ticket):
            order.append(ticket)
    assert order == [flood[0], first, second, *flood[1:4]]


def test_nobody_waits_for_ever_behind_a_client_that_comes_again_and_again():
    line = Line(LIMIT, Clock())
    for _ in range(10):
        line.wait(address="flooder")
    for _ in range(3):
        with line.turn(next(iter(line.places))):
            line.wait(address="flooder")
    visitor = line.wait(address="visitor")[0]
    trained = 0
    while (ticket := next(iter(line.places))) != visitor:
        with line.turn(ticket):
            line.wait(address="flooder")
        trained += 1
    assert trained == 1


def test_where_all_share_an_address_who_comes_first_is_first():
    line = Line(LIMIT, Clock())
    tickets = [line.wait(address="proxy")[0] for _ in range(5)]
    assert [line.wait(ticket)[1] for ticket in tickets] == [0, 1, 2, 3, 4]


def test_whose_turn_it_is_keeps_it_when_another_comes():
    line = Line(LIMIT, Clock())
    for _ in range(3):
        with line.turn(line.wait(address="flooder")[0]):
            pass
    ticket = line.wait(address="flooder")[0]
    line.wait(ticket)
    line.wait(address="visitor")
    assert line.wait(ticket) == (ticket, 0)


def test_a_ticket_joins_once_and_in_its_turn_only():
    line = Line(LIMIT, Clock())
    first, second = line.wait()[0], line.wait()[0]
    for ticket in (second, "made up", None, 7, []):
        with pytest.raises(BadRequest):
            line.join(ticket)
    line.join(first)
    with pytest.raises(BadRequest):
        line.join(first)
    with line.turn(first):
        pass


def test_a_training_that_hangs_is_given_up_and_the_next_visitor_trains(monkeypatch):
    logged = []
    monkeypatch.setattr(log, "error", lambda event, **facts: logged.append(event))
    clock = Clock()
    line = Line(LIMIT, clock)
    hanging = line.wait()[0]
    with line.turn(hanging) as wanted:
        clock.now += LIMIT
        next_one = line.wait()[0]
        assert line.wait(next_one) == (next_one, 1)
        assert not logged
        clock.now += 1
        assert line.wait(next_one) == (next_one, 0)
        assert logged == ["a training hangs"]
        assert line.wait(hanging) == (None, 0)
        assert not wanted()
        with line.turn(next_one) as wanted_next:
            assert wanted_next()
    assert line.hanging == 0


def test_where_trainings_hang_again_and_again_no_more_begin():
    clock = Clock()
    line = Line(LIMIT, clock)
    hanging = []
    for _ in range(MOST_HANGING):
        turn = line.turn(line.wait()[0])
        turn.__enter__()
        hanging.append(turn)
        clock.now += LIMIT + 1
        line.wait("nobody")
    with pytest.raises(BadRequest, match="ended on the server"):
        line.wait()
    hanging[0].__exit__(None, None, None)
    assert line.wait()[0]
