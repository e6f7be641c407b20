"""Rows read as a whole: probabilities of texts, and how they weigh the readings of the lattice."""

from itertools import product

import numpy as np
import pytest
import torch

from denoiser.data.paper import Style, compose_row, make_hand
from denoiser.reading import read_digits
from denoiser.reading.calibration import Weights
from denoiser.reading.ctc import network, training
from denoiser.reading.ctc.decoding import likely_texts, middles, text_log_probabilities
from denoiser.reading.ctc.examples import Strip, strips_of
from denoiser.reading.ctc.network import BLANK, CLASSES, frame_log_probabilities, load_row_reader
from denoiser.reading.ctc.rescoring import Candidates, candidates, fit_weights, weighed
from denoiser.reading.ctc.strips import SIDE, column_of, frame_of, strip_of
from denoiser.reading.ctc.training import batches_of, loss_of, stacked, varied
from denoiser.reading.lattice import Hypothesis, Lattice
from denoiser.reading.network import CLASSES as SEGMENT_CLASSES
from denoiser.reading.network import FRAGMENT, ReadingError
from denoiser.reading.rows import Row
from denoiser.reading.rules import Rules


def frames_of(*likely):
    """Log-probabilities (T, CLASSES): in each frame the probabilities that are given, and the rest BLANK's."""
    table = torch.full((len(likely), CLASSES), 1e-6)
    for frame, chances in enumerate(likely):
        for name, chance in chances.items():
            table[frame, name] = chance
        table[frame, BLANK] = 1 - sum(chances.values())
    return (table / table.sum(1, keepdim=True)).log()


def every_alignment(frames):
    """The probability of each text, summed over all ways to name the frames."""
    found = {}
    for names in product(range(CLASSES), repeat=len(frames)):
        chance = sum(frames[frame, name].item() for frame, name in enumerate(names))
        runs = [name for number, name in enumerate(names) if number == 0 or names[number - 1] != name]
        text = tuple(name for name in runs if name != BLANK)
        found[text] = found.get(text, 0.0) + np.exp(chance)
    return found


@pytest.fixture(scope="module")
def frames():
    return frames_of({1: 0.6, 7: 0.3}, {1: 0.2, 2: 0.1}, {1: 0.5, 2: 0.4})


def test_texts_are_as_probable_as_all_their_alignments(frames):
    expected = every_alignment(frames)
    texts = [(1,), (1, 1), (7, 2), (), (7, 2, 1)]
    assert np.exp(text_log_probabilities(frames, texts)) == pytest.approx([expected[text] for text in texts], rel=1e-3)


def test_a_text_that_has_more_marks_than_frames_is_next_to_impossible(frames):
    assert text_log_probabilities(frames, [(1, 1, 1)])[0] < -500


def test_the_likeliest_texts_are_found_in_order(frames):
    expected = every_alignment(frames)
    ranked = sorted(expected, key=lambda text: -expected[text])
    assert likely_texts(frames)[:6] == ranked[:6]


def test_marks_have_their_middles_where_frames_say_so():
    found = middles(frames_of({}, {3: 0.6}, {3: 0.9}, {}, {3: 0.8}, {4: 0.7}))
    assert found == pytest.approx([column_of(2), column_of(4), column_of(5)])
    assert len(middles(frames_of({}, {}))) == 0
    assert frame_of(column_of(7)) == pytest.approx(7)


def test_a_sloping_row_becomes_a_straight_strip():
    y = np.arange(90)[:, None]
    middle = 20 + 0.3 * np.arange(160)
    ink = (np.abs(y - middle) < 3).astype(np.float32)
    strip = strip_of(Row(ink, (ink > 0).astype(np.int32), 0, 0, 1, middle, middle + 16)).numpy()
    assert strip.shape == (SIDE, 120)
    rows = (strip * np.arange(SIDE)[:, None]).sum(0) / strip.sum(0)
    assert rows[5:-5] == pytest.approx(np.full(110, (SIDE - 1) / 2), abs=0.8)


def lattice(*scores):
    """One piece for each dictionary, with the probabilities of its classes."""
    table = np.full((len(scores), SEGMENT_CLASSES), 1e-9)
    for segment, classes in enumerate(scores):
        for name, probability in classes.items():
            table[segment, name] = probability
    number = np.arange(len(scores))
    return Lattice(number, number, np.zeros(len(scores), bool), np.log(table), len(scores))


def test_the_whole_row_can_overrule_its_segments():
    segments, row = lattice({4: 0.6, 9: 0.4}, {7: 1.0}), frames_of({9: 0.9, 4: 0.05}, {}, {7: 0.9})
    found = weighed(candidates(segments, row, Rules()), Weights(1, 1))
    assert [hypothesis.text for hypothesis in found.hypotheses[:2]] == ["97", "47"]
    assert sum(found.shares) == pytest.approx(1, abs=0.01)
    assert weighed(candidates(segments, row, Rules()), Weights(1, 0)).hypotheses[0].text == "47"


def test_the_whole_row_suggests_what_no_segment_was_read_as():
    segments, row = lattice({FRAGMENT: 1.0}, {7: 1.0}), frames_of({9: 0.9}, {}, {7: 0.9})
    found = weighed(candidates(segments, row, Rules()), Weights(0.5, 1))
    assert found.hypotheses[0].text == "97"
    assert found.hypotheses[0].marks == ((0, 9), (1, 7))
    assert candidates(segments, row, Rules(length=3)).hypotheses == []


def test_weights_favour_what_is_right():
    hypotheses = [Hypothesis(-1.0, ()), Hypothesis(-1.0, ((0, 3),))]
    rows = [(Candidates(hypotheses, np.array([-9.0, right]), 1.0), "3") for right in (-2.0, -4.0, -10.0)]
    weights = fit_weights(rows)
    assert weights.whole > 0.1


def test_touching_digits_are_read_right():
    """A thick pen that touches along a whole stroke leaves no cut that is cheap."""
    hand, right, count = make_hand(8, seed=9), 0, 0
    for seed in range(40):
        rng = np.random.default_rng((5, seed))
        photo = compose_row(
            hand, Style(touching=1.0, pen="marker", size=45), rng, "".join(rng.choice(list("0235689"), 3))
        )
        right, count = right + (read_digits(photo.picture).text == photo.text), count + 1
    assert right / count > 0.9


def test_the_network_says_where_marks_are():
    photo = compose_row(make_hand(4, seed=9), Style(), np.random.default_rng(3), "40517")
    (strip,) = strips_of(photo)
    assert strip.text.tolist() == [4, 0, 5, 1, 7]
    frames = frame_log_probabilities(load_row_reader(), strip.picture.float() / 255)
    assert likely_texts(frames)[0] == (4, 0, 5, 1, 7)
    assert frame_of(middles(frames)) == pytest.approx(strip.frames.numpy(), abs=3)


def test_varied_strips_keep_their_marks_in_place():
    picture = torch.zeros(SIDE, 100, dtype=torch.uint8)
    picture[:, 40:42] = 255
    for seed in range(5):
        strip = varied(Strip(picture, torch.tensor([1]), torch.tensor([20.0])), torch.Generator().manual_seed(seed))
        column = strip.picture[SIDE // 2].argmax().item()
        assert 2 * (strip.frames.item() + 0.5) == pytest.approx(column, abs=2)


def test_batches_have_every_strip_once_among_others_of_its_width():
    strips = [Strip(torch.zeros(SIDE, 2 * width), torch.tensor([1]), torch.zeros(1)) for width in range(10, 110)]
    batches = batches_of(strips, seed=1)
    assert sorted(id(strip) for batch in batches for strip in batch) == sorted(map(id, strips))
    spans = [batch[-1].picture.shape[1] - batch[0].picture.shape[1] for batch in batches]
    assert 0 < max(spans) < 60


def test_the_loss_is_least_where_the_frames_name_the_marks():
    strips = [
        Strip(torch.full((SIDE, 12), 255, dtype=torch.uint8), torch.tensor([4, 4]), torch.tensor([1.0, 4.0])),
        Strip(torch.full((SIDE, 8), 255, dtype=torch.uint8), torch.tensor([7]), torch.tensor([2.0])),
    ]
    pictures, *targets = stacked(strips)
    assert pictures.shape == (2, 1, SIDE, 12)
    assert pictures[1].sum() == 8 * SIDE
    right = torch.stack((frames_of({}, {4: 0.9}, {}, {}, {4: 0.9}, {}), frames_of({}, {}, {7: 0.9}, {}, {}, {})))
    wrong = torch.stack((frames_of({}, {4: 0.9}, {}, {}, {9: 0.9}, {}), frames_of({}, {}, {7: 0.9}, {}, {}, {})))
    elsewhere = torch.stack((frames_of({4: 0.9}, {}, {4: 0.9}, {}, {}, {}), frames_of({7: 0.9}, {}, {}, {}, {}, {})))
    losses = [loss_of(logits, *targets).item() for logits in (right, elsewhere, wrong)]
    assert losses[0] < 0.6 < min(losses[1:])


def test_a_training_that_was_stopped_goes_on_as_if_it_had_not_been(tmp_path, monkeypatch):
    hand = make_hand(1, seed=9)
    photos = [compose_row(hand, Style(), np.random.default_rng(seed), "40517") for seed in range(2)]
    strips = [strip for photo in photos for strip in strips_of(photo)]
    whole, _, _ = training.fit(strips, strips, tmp_path / "whole", epochs=2)
    with monkeypatch.context() as patched:
        patched.setattr(training, "right_rows", lambda *_: 1 / (not (tmp_path / "stopped").exists()))
        with pytest.raises(ZeroDivisionError):
            training.fit(strips, strips, tmp_path / "stopped", epochs=2)
    again, seconds, _ = training.fit(strips, strips, tmp_path / "stopped", epochs=2)
    assert seconds > 0
    for name, value in whole.state_dict().items():
        assert torch.allclose(value.float(), again.state_dict()[name].float(), atol=1e-6), name


def test_damaged_weights_are_named(tmp_path, monkeypatch):
    damaged = tmp_path / "ctc.safetensors"
    damaged.write_bytes(network.WEIGHTS.read_bytes()[:-1] + b"\0\1")
    monkeypatch.setattr(network, "WEIGHTS", damaged)
    load_row_reader.cache_clear()
    try:
        with pytest.raises(ReadingError, match=r"ctc\.safetensors is damaged"):
            load_row_reader()
    finally:
        load_row_reader.cache_clear()
