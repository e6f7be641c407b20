"""The benchmark of pages: the same digits on a page and alone, under the same noise."""

import torch

from denoiser.bench import pages


def test_digits_keep_their_frames_on_a_page(tiny_digits):
    page, frames = pages.compose_page(tiny_digits, 40, 6, seed=1)
    assert len(frames) == min(len(tiny_digits), pages.ACROSS**2)
    sums = sorted(page[0, 0][frame].sum().item() for frame in frames)
    given = {round(digit.sum().item(), 2) for digit in tiny_digits.floats()}
    assert all(round(total, 2) in given for total in sums)  # no digit lies in another's frame


def test_the_benchmark_of_pages(tiny_digits, monkeypatch, capsys):
    monkeypatch.setattr(pages, "FACTORS", (0.5,))
    monkeypatch.setattr(pages, "LAYOUTS", {"edge to edge": (28, 0)})
    monkeypatch.setattr(pages, "ACROSS", 3)
    monkeypatch.setattr(pages, "MODEL", "conv-32")
    layouts = pages.measure(tiny_digits, pages=1)["layouts"]
    assert layouts.keys() == {"edge to edge, gaussian", "edge to edge, salt-and-pepper"}
    for factors in layouts.values():
        row = factors["0.5"]
        assert row["whole"] <= row["page"]
        assert row["alone"] <= row["digits"]  # a mean of logarithms
    pages.show({"model": "conv-32", "pages": 1, "digits": 9, "goal": 0.3, "layouts": {"edge to edge": {"0.5": row}}})
    assert "goal: at most 0.3 dB lost" in capsys.readouterr().out


def test_a_page_is_the_same_for_the_same_seed(tiny_digits):
    one, other = (pages.compose_page(tiny_digits, 28, 0, seed)[0] for seed in (1, 1))
    assert torch.equal(one, other)
    assert not torch.equal(one, pages.compose_page(tiny_digits, 28, 0, 2)[0])
