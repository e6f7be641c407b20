"""Visitors' own models: kept in memory for a while, each for its own visitor."""

import pytest
import torch
from helpers import Clock

from denoiser.web.serving.user_models import KEPT_SECONDS, LEFT_SECONDS, MAX_OF_SESSION, UserModelStore


def test_the_models_asked_for_least_go_first():
    store = UserModelStore(max_models=2, clock=Clock())
    first, second = store.add(torch.nn.Identity(), {}), store.add(torch.nn.Identity(), {})
    assert store.get(first)
    third = store.add(torch.nn.Identity(), {})
    assert store.get(second) is None
    assert store.get(first)
    assert store.get(third)
    assert len(store) == 2


def test_a_model_is_kept_for_an_hour_after_it_was_last_asked_for():
    clock = Clock()
    store = UserModelStore(clock=clock)
    key = store.add(torch.nn.Identity(), {})
    clock.now += KEPT_SECONDS - 1
    assert store.get(key)
    clock.now += KEPT_SECONDS - 1
    assert store.get(key)
    clock.now += KEPT_SECONDS
    assert store.get(key) is None
    assert len(store) == 0


def test_when_a_page_is_gone_its_models_follow_and_the_others_stay():
    clock = Clock()
    store = UserModelStore(clock=clock)
    mine, yours = store.add(torch.nn.Identity(), {}, "me"), store.add(torch.nn.Identity(), {}, "you")
    store.leave("me")
    clock.now += LEFT_SECONDS - 1
    store.add(torch.nn.Identity(), {})
    clock.now += 1
    assert store.get(mine) is None
    assert store.get(yours)


def test_one_visitor_does_not_push_the_others_out():
    store = UserModelStore(clock=Clock())
    other = store.add(torch.nn.Identity(), {}, "you")
    mine = [store.add(torch.nn.Identity(), {}, "me") for _ in range(MAX_OF_SESSION + 3)]
    assert store.get(other)
    assert [store.get(key) is not None for key in mine] == [False] * 3 + [True] * MAX_OF_SESSION


@pytest.mark.parametrize("key", [None, 1, "", "yours-1", ["a"], {}])
def test_there_is_nothing_under_an_id_that_was_never_given(key):
    store = UserModelStore()
    store.add(torch.nn.Identity(), {})
    assert store.get(key) is None


def test_one_address_does_not_push_the_others_out():
    store = UserModelStore(max_models=10, clock=Clock())
    victims = [store.add(torch.nn.Identity(), {}, f"visitor {i}", f"address {i}") for i in range(5)]
    flood = [store.add(torch.nn.Identity(), {}, f"flood {i}", "flooder") for i in range(40)]
    assert len(store) == 10
    assert all(map(store.get, victims))
    assert [store.get(key) is not None for key in flood] == [False] * 35 + [True] * 5
