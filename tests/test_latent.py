"""The plane of the 2-D VAE: atlas, codes, densities, paths. The model is the trained vae-2d."""

import numpy as np
import pytest
import torch

from denoiser import latent
from denoiser.checkpoint import load_checkpoint
from denoiser.comparison import breaking_point, sweep
from denoiser.errors import DenoiserError
from denoiser.evaluation import variational
from denoiser.models import build

NAME = "vae-2d"


@pytest.fixture(scope="module")
def trained():
    return load_checkpoint(NAME)


@pytest.fixture(scope="module")
def model(trained):
    return trained[0]


@pytest.fixture(scope="module")
def codes(trained):
    return latent.load_codes(latent.codes_path(NAME), trained[1]["sha256"])


@pytest.fixture(scope="module")
def land(codes):
    return latent.countries(codes)


def test_only_a_gaussian_code_of_two_dimensions_is_a_plane(model):
    assert latent.has_plane(model)
    assert not latent.has_plane(build("vae_dense", {"latent_dim": 3, "hidden": 4}))
    assert not latent.has_plane(build("dense", {"widths": [8, 2]}))


# ---------- codes ----------


def test_codes_agree_with_the_encoder(model, codes, mnist_test):
    assert codes.mu.shape == (10_000, 2)
    assert codes.mu.dtype == np.float32
    some = torch.arange(0, 10_000, 97)
    mu, _ = latent.posterior(model, mnist_test[some].floats())
    torch.testing.assert_close(torch.from_numpy(codes.mu)[some], mu, atol=1e-4, rtol=1e-4)
    assert (codes.labels == mnist_test.labels.numpy()).all()


def test_the_stored_accuracy_is_that_of_the_codes(codes):
    accuracy = latent.neighbour_accuracy(torch.from_numpy(codes.mu), torch.from_numpy(codes.labels))
    assert accuracy == pytest.approx(codes.accuracy, abs=2e-4)
    assert 0.6 < accuracy < 0.9


def test_neighbours_vote_without_the_digit_itself():
    two_crowds = torch.cat([torch.zeros(20, 2), torch.ones(20, 2)]) + torch.rand(40, 2) * 0.1
    labels = torch.arange(40) // 20
    assert latent.neighbour_accuracy(two_crowds, labels) == 1
    odd = labels.clone()
    odd[0] = 1
    assert latent.neighbour_accuracy(two_crowds, odd) == pytest.approx(39 / 40)


def test_codes_are_written_and_read_back(model, tiny_digits, tmp_path):
    path = tmp_path / "x.codes.npz"
    written = latent.save_codes(model, tiny_digits, path, "a" * 64)
    found = latent.load_codes(path, "a" * 64)
    np.testing.assert_array_equal(found.mu, written.mu)
    np.testing.assert_array_equal(found.labels, tiny_digits.labels.numpy())
    with np.load(path) as file:  # codes only, no pictures
        assert sum(file[key].size for key in file.files) == 3 * len(tiny_digits) + 2


def test_missing_foreign_and_damaged_codes_are_told_apart(model, tiny_digits, tmp_path):
    path = tmp_path / "x.codes.npz"
    with pytest.raises(latent.CodesError, match="missing"):
        latent.load_codes(path, "a")
    latent.save_codes(model, tiny_digits, path, "a")
    with pytest.raises(latent.CodesError, match="other weights"):
        latent.load_codes(path, "b")
    content = path.read_bytes()
    for damaged in (content[: len(content) // 2], b"", b"no archive"):
        path.write_bytes(damaged)
        with pytest.raises(latent.CodesError, match="damaged"):
            latent.load_codes(path, "a")
    mu = np.array([[np.nan, 0]], np.float32)
    np.savez(path, mu=mu, labels=np.zeros(1, np.uint8), accuracy=0.5, sha256="a")
    with pytest.raises(latent.CodesError, match="damaged"):
        latent.load_codes(path, "a")


# ---------- places and pictures ----------


@pytest.mark.parametrize(
    "bad", [[[float("nan"), 0]], [[float("inf"), 0]], [[0, 7]], [[-1e30, 0]], [["a", 0]], [[1, 2, 3]]]
)
def test_places_off_the_map_are_refused_with_a_sentence(bad):
    with pytest.raises(latent.PlaceError) as error:
        latent.as_places(bad)
    assert isinstance(error.value, DenoiserError)
    assert str(error.value).endswith(".")


def test_atlas_tiles_are_exact_decodings(model):
    n = 13
    tiles = latent.atlas(model, n)
    assert tiles.shape == (n, n, 28, 28)
    for row, column in ((0, 0), (0, 12), (7, 3), (12, 5)):
        z = torch.tensor([[column - 6.0, row - 6.0]])
        torch.testing.assert_close(tiles[row, column], model.decode(z)[0, 0], atol=1e-5, rtol=0)


def test_the_quantile_grid_is_the_priors(model):
    places = latent.quantile_lattice(15, tail=0.05)
    shares = torch.special.ndtr(places)
    torch.testing.assert_close(shares[0, :, 0], torch.linspace(0.05, 0.95, 15), atol=1e-5, rtol=0)
    torch.testing.assert_close(places[:, 4, 1], places[4, :, 0])
    assert latent.lattice(3, 2.0)[0, 2].tolist() == [2, -2]


def test_a_contact_sheet_shows_high_z2_on_top(model):
    pictures = latent.atlas(model, 4, 2.0)
    sheet = latent.contact_sheet(pictures)
    assert sheet.shape == (4 * 28, 4 * 28)
    top_right = (pictures[3, 3] * 255).round().byte().numpy()
    np.testing.assert_array_equal(sheet[:28, -28:], top_right)


def test_samples_repeat_with_their_seed(model):
    places, pictures = latent.sample(model, 12, seed=3)
    again, _ = latent.sample(model, 12, seed=3)
    other, _ = latent.sample(model, 12, seed=4)
    assert torch.equal(places, again)
    assert not torch.equal(places, other)
    assert pictures.shape == (12, 28, 28)


# ---------- countries and paths ----------


def test_contours_hold_their_share_of_each_class(codes, land):
    n = land.density.shape[1]
    cell = np.rint((codes.mu + latent.REACH) / (2 * latent.REACH) * (n - 1)).astype(int)
    for c in range(10):
        mine = cell[codes.labels == c]
        density = land.density[c, mine[:, 1], mine[:, 0]]
        for level, share in zip(land.levels[c], latent.SHARES, strict=True):
            assert (density >= level).mean() == pytest.approx(share, abs=0.03)


def test_a_class_lives_at_its_centre(model, codes, land):
    distance = np.hypot(*(codes.mu[:, None] - land.centres).transpose(2, 0, 1))
    for c in range(10):
        around = codes.labels[distance[:, c].argsort()[:100]]
        assert (around == c).mean() > 0.5


def test_a_straight_morph_goes_evenly_from_end_to_end(model):
    a, b = torch.tensor([-2.0, 1.0]), torch.tensor([2.0, 0.0])
    places, pictures = latent.morph(model, a, b, steps=9)
    assert torch.equal(places[0], a)
    assert torch.equal(places[-1], b)
    steps = places.diff(dim=0)
    torch.testing.assert_close(steps, steps[:1].expand_as(steps), atol=1e-6, rtol=0)
    torch.testing.assert_close(pictures[4], model.decode((a + b)[None] / 2)[0, 0], atol=1e-5, rtol=0)


def test_along_the_data_keeps_both_ends_and_stays_in_denser_land(land):
    a, b = torch.tensor(land.centres[1]), torch.tensor(land.centres[0])
    straight, along = latent.straight(a, b, 60), latent.along_data(a, b, land, 60)
    assert torch.equal(along[0], a)
    torch.testing.assert_close(along[-1], b)

    def emptiest(places):
        cell = ((places + latent.REACH) / (2 * latent.REACH) * (land.density.shape[1] - 1)).round().int().numpy()
        return land.density.sum(axis=0)[cell[:, 1], cell[:, 0]].min()

    assert emptiest(along) >= emptiest(straight)
    lengths = along.diff(dim=0).norm(dim=1)
    assert lengths.max() < 2 * lengths.mean()


def test_a_path_to_where_it_starts_is_one_place(land):
    a = torch.tensor([0.5, 0.5])
    assert torch.isfinite(latent.along_data(a, a, land)).all()


def test_drift_starts_at_the_posterior_and_breaks_where_the_comparison_does(model, tiny_digits):
    x = tiny_digits[:1].floats()
    referee = build("classifier", {"width": 4}).eval()
    path = latent.drift(model, x, "gaussian", 5, referee=referee)
    mu, sigma = latent.posterior(model, x)
    torch.testing.assert_close(path.mu[:1], mu)
    torch.testing.assert_close(path.sigma[:1], sigma)
    assert path.crossing == breaking_point(sweep(x, {NAME: model}, "gaussian", 5, referee=referee), 1)
    assert latent.drift(model, x, "gaussian", 5).crossing is None
    with pytest.raises(ValueError, match="unknown noise"):
        latent.drift(model, x, "rain", 5)


# ---------- what the page sends and answers ----------


@pytest.fixture(scope="module")
def charts(trained):
    from types import SimpleNamespace

    from denoiser.web import latent as web

    zoo = SimpleNamespace(models={NAME: trained[0]}, records={NAME: trained[1]}, referee=None)
    return {NAME: web.Chart(zoo, NAME)}


def unpack(reply):
    """What the browser makes of the atlas."""
    import base64
    import zlib

    n = reply["side"]
    planes = np.frombuffer(zlib.decompress(base64.b64decode(reply["tiles"])), np.uint8).reshape(784, n, n)
    return planes.cumsum(axis=2, dtype=np.uint8).transpose(1, 2, 0).reshape(n, n, 28, 28) / reply["top"]


def test_the_atlas_that_is_sent_is_the_plane_and_small(model, charts):
    from denoiser.web import latent as web

    reply = web.chart(charts, {"name": NAME})
    assert len(reply["tiles"]) <= 600_000
    tiles = unpack(reply)
    exact = latent.atlas(model, reply["side"]).numpy()
    assert np.abs(tiles - exact).max() <= 0.5 / reply["top"] + 1e-6
    assert reply["problem"] == ""
    assert len(reply["codes"]["centres"]) == 10


def test_interpolated_tiles_are_close_to_exact_ones(model):
    from denoiser.web.latent import ATLAS_SIDE

    tiles = latent.atlas(model, ATLAS_SIDE)
    between = (tiles[:-1, :-1] + tiles[1:, :-1] + tiles[:-1, 1:] + tiles[1:, 1:]) / 4
    exact = latent.decode(model, latent.lattice(ATLAS_SIDE)[:-1, :-1] + latent.REACH / (ATLAS_SIDE - 1))
    assert (between - exact).abs().mean() < 0.003
    assert (between - exact).square().flatten(2).mean(dim=2).sqrt().max() < 0.03


def test_without_codes_the_map_says_so_and_still_decodes(trained, monkeypatch, tmp_path):
    from types import SimpleNamespace

    from denoiser.web import latent as web

    monkeypatch.setattr(latent, "codes_path", lambda name, folder=None: tmp_path / f"{name}.codes.npz")
    zoo = SimpleNamespace(models={NAME: trained[0]}, records={NAME: trained[1]}, referee=None)
    charts = {NAME: web.Chart(zoo, NAME)}
    reply = web.chart(charts, {"name": NAME})
    assert reply["codes"] is None
    assert "missing" in reply["problem"]
    assert web.point(charts, {"name": NAME, "z": [0, 0]})["nearest"] is None
    with pytest.raises(DenoiserError):
        web.morph(charts, {"name": NAME, "a": [0, 0], "b": [1, 1], "along": True})


def test_a_point_is_decoded_exactly_beside_its_nearest_test_digit(model, codes, charts):
    import base64

    from denoiser.web import latent as web

    z = codes.mu[17].tolist()
    reply = web.point(charts, {"name": NAME, "z": z})
    exact = (model.decode(torch.tensor([z])) * 255).round().byte().flatten().numpy()
    np.testing.assert_array_equal(np.frombuffer(base64.b64decode(reply["picture"]), np.uint8), exact)
    assert reply["nearest"] == {"digit": int(codes.labels[17]), "distance": pytest.approx(0, abs=1e-6)}
    assert reply["reading"] is None


@pytest.mark.parametrize(
    ("call", "request_"),
    [
        ("point", {"z": [float("nan"), 0]}),
        ("point", {"z": [float("inf"), 0]}),
        ("point", {"z": [1e9, 0]}),
        ("point", {"z": ["0", "0"]}),
        ("point", {"z": [True, False]}),
        ("point", {}),
        ("point", {"name": "conv-64", "z": [0, 0]}),
        ("point", {"name": ["vae-2d"], "z": [0, 0]}),
        ("morph", {"a": [0, 0], "b": None}),
        ("film", {"a": [0, 0], "b": [1, 1], "kind": "exe"}),
        ("grid", {"n": 10_000, "area": "2"}),
        ("grid", {"n": [10], "area": "2"}),
        ("grid", {"n": 10, "area": {"2": 2}}),
        ("dozen", {"seed": -1}),
        ("dozen", {"seed": 1.5}),
        ("own", {"picture": "!!", "kind": "gaussian", "seed": 1}),
        ("own", {"picture": None, "kind": "gaussian", "seed": 1}),
        ("own", {"picture": "AAAA", "kind": "gaussian", "seed": 1}),
        ("own", {"picture": "AAAA", "kind": "rain", "seed": 1}),
    ],
)
def test_bad_requests_are_answered_with_a_sentence(charts, call, request_):
    import json
    from functools import partial

    from denoiser.web import latent as web
    from denoiser.web.component import answering

    answer = answering(partial(getattr(web, call), charts))
    reply = json.loads(answer([json.dumps({"name": NAME} | request_)]))
    assert list(reply) == ["error"]
    assert reply["error"].endswith(".")


def test_a_blank_drawing_lands_somewhere(charts):
    import base64

    from denoiser.web import latent as web

    blank = base64.b64encode(bytes(784)).decode()
    reply = web.own(charts, {"name": NAME, "picture": blank, "kind": "gaussian", "seed": 1})
    assert np.isfinite(reply["mu"]).all()
    assert reply["crossing"] is None


def test_films_are_pictures(charts):
    import base64
    import io

    from PIL import Image

    from denoiser.web import latent as web

    ends = {"name": NAME, "a": [-2, 0], "b": [2, 0]}
    gif = Image.open(io.BytesIO(base64.b64decode(web.film(charts, ends | {"kind": "gif"})["content"])))
    assert gif.n_frames == 2 * latent.STEPS - 2
    strip = Image.open(io.BytesIO(base64.b64decode(web.film(charts, ends | {"kind": "png"})["content"])))
    assert strip.size == (latent.STEPS * 84, 84)
    sheet = Image.open(io.BytesIO(base64.b64decode(web.grid(charts, {"name": NAME, "n": 10, "area": "3"})["content"])))
    assert sheet.size == (280, 280)


class TestFiguresOfAPlane:
    """The exact likelihood by a sum over the plane, and how much of the plane holds digits."""

    @pytest.fixture
    def untrained(self):
        torch.manual_seed(0)
        return build("vae_dense", {"latent_dim": 2, "hidden": 16}).eval()

    def test_of_a_decoder_that_ignores_its_code_it_is_the_cross_entropy(self, untrained, tiny_digits):
        model = untrained
        torch.nn.init.zeros_(model.decoder[0].weight)
        x = tiny_digits.floats()
        expected = torch.nn.functional.binary_cross_entropy(model.decode(torch.zeros(1, 2)).expand_as(x), x) * 784
        assert latent.exact_nll(model, tiny_digits) == pytest.approx(expected.item(), rel=1e-4)

    def test_it_is_below_the_negative_elbo_and_does_not_depend_on_the_lattice(self, trained, mnist_test):
        model, digits = trained[0], mnist_test[:200]
        nll = latent.exact_nll(model, digits)
        assert nll < variational(model, digits)["negative_elbo"] < nll + 10
        assert latent.exact_nll(model, digits, step=2 * latent.NLL_STEP) == pytest.approx(nll, abs=0.05)

    def test_coverage_counts_the_tiles_that_are_read_surely(self, untrained):
        class Referee(torch.nn.Module):
            def forward(self, x):  # sure of the left half of what it is shown
                logits = torch.zeros(len(x), 10)
                logits[: len(x) // 2, 3] = 10
                return logits

        assert latent.coverage(untrained, Referee(), n=10) == pytest.approx(0.5, abs=0.01)
