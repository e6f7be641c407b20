"""Visitors' own models: kept in memory for a while, each for its own visitor."""

import pytest
import torch
from helpers import Clock

from denoiser.web.serving.user_models import HOUR, LINGER, OWN, UserModelStore


def test_the_models_asked_for_least_go_first():
    kept = UserModelStore(most=2, clock=Clock())
    first, second = kept.add(torch.nn.Identity(), {}), kept.add(torch.nn.Identity(), {})
    assert kept.get(first)
    third = kept.add(torch.nn.Identity(), {})
    assert kept.get(second) is None
    assert kept.get(first)
    assert kept.get(third)
    assert len(kept) == 2


def test_a_model_is_kept_for_an_hour_after_it_was_last_asked_for():
    clock = Clock()
    kept = UserModelStore(clock=clock)
    key = kept.add(torch.nn.Identity(), {})
    clock.now += HOUR - 1
    assert kept.get(key)
    clock.now += HOUR - 1
    assert kept.get(key)
    clock.now += HOUR
    assert kept.get(key) is None
    assert len(kept) == 0


def test_when_a_page_is_gone_its_models_follow_and_the_others_stay():
    clock = Clock()
    kept = UserModelStore(clock=clock)
    mine, yours = kept.add(torch.nn.Identity(), {}, "me"), kept.add(torch.nn.Identity(), {}, "you")
    kept.leave("me")
    clock.now += LINGER - 1
    kept.add(torch.nn.Identity(), {})
    clock.now += 1
    assert kept.get(mine) is None
    assert kept.get(yours)


def test_one_visitor_does_not_push_the_others_out():
    kept = UserModelStore(clock=Clock())
    other = kept.add(torch.nn.Identity(), {}, "you")
    mine = [kept.add(torch.nn.Identity(), {}, "me") for _ in range(OWN + 3)]
    assert kept.get(other)
    assert [kept.get(key) is not None for key in mine] == [False] * 3 + [True] * OWN


@pytest.mark.parametrize("key", [None, 1, "", "yours-1", ["a"], {}])
def test_there_is_nothing_under_an_id_that_was_never_given(key):
    kept = UserModelStore()
    kept.add(torch.nn.Identity(), {})
    assert kept.get(key) is None


def test_one_address_does_not_push_the_others_out():
    kept = UserModelStore(most=10, clock=Clock())
    victims = [kept.add(torch.nn.Identity(), {}, f"visitor {i}", f"address {i}") for i in range(5)]
    flood = [kept.add(torch.nn.Identity(), {}, f"flood {i}", "flooder") for i in range(40)]
    assert len(kept) == 10
    assert all(map(kept.get, victims))
    assert [kept.get(key) is not None for key in flood] == [False] * 35 + [True] * 5
