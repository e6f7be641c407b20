"""The queue of the Train page: who may train, who waits, and that no client keeps the others from it."""

import pytest
from helpers import Clock

from denoiser.web.parsing import BadRequest
from denoiser.web.server import logging as log
from denoiser.web.serving.training_queue import (
    BEGIN_WITHIN,
    MAX_HANGING,
    MAX_TICKETS,
    SILENCE,
    TRAINING_SILENCE,
    TrainingQueue,
)

LIMIT = 100.0


def test_who_comes_first_is_first_and_who_leaves_lets_the_others_up():
    clock = Clock()
    queue = TrainingQueue(LIMIT, clock)
    (first, before), (second, after) = queue.wait(), queue.wait()
    assert (before, after) == (0, 1)
    assert queue.wait(first) == (first, 0)
    queue.stop(first)
    assert queue.wait(second) == (second, 0)
    assert queue.wait(first) == (None, 0)


def test_who_is_not_heard_of_loses_the_place():
    clock = Clock()
    queue = TrainingQueue(LIMIT, clock)
    first, second = queue.wait()[0], queue.wait()[0]
    for _ in range(3):
        clock.now += SILENCE / 2
        assert queue.wait(second)[0] == second
    assert queue.wait(second) == (second, 0)
    assert queue.wait(first) == (None, 0)


def test_who_could_begin_and_does_not_loses_the_place_too():
    clock = Clock()
    queue = TrainingQueue(LIMIT, clock)
    first = queue.wait()[0]
    second = queue.wait()[0]
    for _ in range(int(BEGIN_WITHIN) + 2):
        clock.now += 1
        queue.wait(first)
        queue.wait(second)
    assert queue.wait(second) == (second, 0)


def test_only_the_first_may_train_and_only_once():
    queue = TrainingQueue(LIMIT, Clock())
    first, second = queue.wait()[0], queue.wait()[0]
    for ticket in (second, "made up", None, 7, []):
        with pytest.raises(BadRequest), queue.session(ticket):
            pytest.fail("it may train")
    with queue.session(first) as may_go_on:
        assert may_go_on()
        with pytest.raises(BadRequest), queue.session(first):
            pytest.fail("it trains twice")
    assert queue.wait(second) == (second, 0)


def test_as_many_train_at_the_same_time_as_there_are_slots():
    queue = TrainingQueue(LIMIT, Clock(), slots=2)
    first, second, third, fourth = (queue.wait()[0] for _ in range(4))
    assert [queue.wait(ticket)[1] for ticket in (first, second, third, fourth)] == [0, 0, 2, 3]
    queue.join(second)  # the order among those who may train does not matter
    with queue.session(second) as second_may_go_on, queue.session(first) as first_may_go_on:
        assert first_may_go_on()
        assert second_may_go_on()
        for ticket in (third, first, second):
            with pytest.raises(BadRequest), queue.session(ticket):
                pytest.fail("it may train")
    assert [queue.wait(ticket)[1] for ticket in (third, fourth)] == [0, 0]


def test_with_several_slots_whose_turn_it_is_keeps_it_when_another_comes():
    queue = TrainingQueue(LIMIT, Clock(), slots=2)
    for _ in range(3):
        with queue.session(queue.wait(address="flooder")[0]):
            pass
    told = [queue.wait(address="flooder")[0] for _ in range(2)]
    for address in ("visitor", "another"):
        assert queue.wait(address=address)[1] == 2 + (address == "another")
    assert [queue.wait(ticket)[1] for ticket in told] == [0, 0]


def test_a_training_goes_on_while_its_visitor_is_heard_of():
    clock = Clock()
    queue = TrainingQueue(LIMIT, clock)
    ticket = queue.wait()[0]
    with queue.session(ticket) as may_go_on:
        clock.now += TRAINING_SILENCE + 1  # a device may take its time to start
        assert may_go_on()
        clock.now += TRAINING_SILENCE - 1
        queue.wait(ticket)
        clock.now += TRAINING_SILENCE - 1
        assert may_go_on()
        queue.stop(ticket)
        assert not may_go_on()
    assert queue.wait(ticket) == (None, 0)
    assert not queue.ended_for_silence(ticket)


def test_a_silent_page_ends_its_training_and_can_learn_why():
    clock = Clock()
    queue = TrainingQueue(LIMIT, clock)
    ticket = queue.wait()[0]
    with queue.session(ticket) as may_go_on:
        assert may_go_on()
        clock.now += TRAINING_SILENCE
        assert not may_go_on()
    assert queue.ended_for_silence(ticket)
    assert not any(queue.ended_for_silence(other) for other in (queue.wait()[0], None, 7, []))


def test_a_silent_page_does_not_keep_another_visitor_waiting():
    clock = Clock()
    queue = TrainingQueue(LIMIT, clock, slots=2)
    first, second = queue.wait()[0], queue.wait()[0]
    with queue.session(first) as first_may_go_on, queue.session(second) as second_may_go_on:
        assert first_may_go_on()
        assert second_may_go_on()
        clock.now += SILENCE - 1
        queue.wait(second)
        third = queue.wait()[0]
        assert first_may_go_on()
        clock.now += 1
        assert not first_may_go_on()
        assert second_may_go_on()
    assert queue.wait(third) == (third, 0)


def test_the_line_is_not_endless():
    queue = TrainingQueue(LIMIT, Clock())
    tickets = {queue.wait()[0] for _ in range(MAX_TICKETS)}
    assert len(tickets) == MAX_TICKETS
    with pytest.raises(BadRequest):
        queue.wait()


def test_a_client_with_many_tickets_lets_the_others_through():
    queue = TrainingQueue(LIMIT, Clock())
    flood = [queue.wait(address="flooder")[0] for _ in range(MAX_TICKETS)]
    first, before = queue.wait(address="first")
    assert before == 1  # the flooder's first ticket alone
    second, before = queue.wait(address="second")
    assert before == 2
    assert len(queue.tickets) == MAX_TICKETS
    with pytest.raises(BadRequest):
        queue.wait(address="flooder")
    order = []
    for _ in range(6):  # trainings, one after the other
        ticket = next(iter(queue.tickets))
        with queue.session(ticket):
            order.append(ticket)
    assert order == [flood[0], first, second, *flood[1:4]]


def test_nobody_waits_for_ever_behind_a_client_that_comes_again_and_again():
    queue = TrainingQueue(LIMIT, Clock())
    for _ in range(10):
        queue.wait(address="flooder")
    for _ in range(3):
        with queue.session(next(iter(queue.tickets))):
            queue.wait(address="flooder")
    visitor = queue.wait(address="visitor")[0]
    trained = 0
    while (ticket := next(iter(queue.tickets))) != visitor:
        with queue.session(ticket):
            queue.wait(address="flooder")
        trained += 1
    assert trained == 1


def test_where_all_share_an_address_who_comes_first_is_first():
    queue = TrainingQueue(LIMIT, Clock())
    tickets = [queue.wait(address="proxy")[0] for _ in range(5)]
    assert [queue.wait(ticket)[1] for ticket in tickets] == [0, 1, 2, 3, 4]


def test_whose_turn_it_is_keeps_it_when_another_comes():
    queue = TrainingQueue(LIMIT, Clock())
    for _ in range(3):
        with queue.session(queue.wait(address="flooder")[0]):
            pass
    ticket = queue.wait(address="flooder")[0]
    queue.wait(ticket)
    queue.wait(address="visitor")
    assert queue.wait(ticket) == (ticket, 0)


def test_a_ticket_joins_once_and_in_its_turn_only():
    queue = TrainingQueue(LIMIT, Clock())
    first, second = queue.wait()[0], queue.wait()[0]
    for ticket in (second, "made up", None, 7, []):
        with pytest.raises(BadRequest):
            queue.join(ticket)
    queue.join(first)
    with pytest.raises(BadRequest):
        queue.join(first)
    with queue.session(first):
        pass


def test_a_training_that_hangs_is_given_up_and_the_next_visitor_trains(monkeypatch):
    logged = []
    monkeypatch.setattr(log, "error", lambda event, **facts: logged.append(event))
    clock = Clock()
    queue = TrainingQueue(LIMIT, clock)
    hanging = queue.wait()[0]
    with queue.session(hanging) as may_go_on:
        clock.now += LIMIT
        next_one = queue.wait()[0]
        assert queue.wait(next_one) == (next_one, 1)
        assert not logged
        clock.now += 1
        assert queue.wait(next_one) == (next_one, 0)
        assert logged == ["a training hangs"]
        assert queue.wait(hanging) == (None, 0)
        assert not may_go_on()
        with queue.session(next_one) as next_may_go_on:
            assert next_may_go_on()
    assert queue.hanging == 0


def test_where_trainings_hang_again_and_again_no_more_begin():
    clock = Clock()
    queue = TrainingQueue(LIMIT, clock)
    hanging = []
    for _ in range(MAX_HANGING):
        session = queue.session(queue.wait()[0])
        session.__enter__()
        hanging.append(session)
        clock.now += LIMIT + 1
        queue.wait("nobody")
    with pytest.raises(BadRequest, match="ended on the server"):
        queue.wait()
    hanging[0].__exit__(None, None, None)
    assert queue.wait()[0]
