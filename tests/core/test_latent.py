"""The plane of the 2-D VAE: atlas, codes, densities, paths. The model is the trained vae-2d."""

from functools import partial

import numpy as np
import pytest
import torch
from helpers import reply_to
from skimage.filters import laplace

from denoiser import latent
from denoiser.checkpoint import load_checkpoint, load_record
from denoiser.checkpoint import trained as trained_names
from denoiser.errors import DenoiserError
from denoiser.models import build
from denoiser.sweeps import breaking_point, sweep
from denoiser.web.i18n import english

NAME = "vae-2d"


@pytest.fixture(scope="module")
def trained():
    return load_checkpoint(NAME)


@pytest.fixture(scope="module")
def model(trained):
    return trained[0]


@pytest.fixture(scope="module")
def codes(trained):
    return latent.load_codes(latent.codes_path(NAME), trained[1].sha256)


@pytest.fixture(scope="module")
def land(codes):
    return latent.class_density(codes)


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
    accuracy = latent.knn_accuracy(torch.from_numpy(codes.mu), torch.from_numpy(codes.labels))
    assert accuracy == pytest.approx(codes.accuracy, abs=2e-4)
    assert 0.6 < accuracy < 0.9


def test_neighbours_vote_without_the_digit_itself():
    two_crowds = torch.cat([torch.zeros(20, 2), torch.ones(20, 2)]) + torch.rand(40, 2) * 0.1
    labels = torch.arange(40) // 20
    assert latent.knn_accuracy(two_crowds, labels) == 1
    odd = labels.clone()
    odd[0] = 1
    assert latent.knn_accuracy(two_crowds, odd) == pytest.approx(39 / 40)


def test_codes_are_written_and_read_back(model, tiny_digits, tmp_path):
    path = tmp_path / "x.codes.npz"
    written = latent.save_codes(model, tiny_digits, path, "a" * 64)
    found = latent.load_codes(path, "a" * 64)
    np.testing.assert_array_equal(found.mu, written.mu)
    np.testing.assert_array_equal(found.labels, tiny_digits.labels.numpy())
    assert found.sharpness == written.sharpness == latent.sharpness(tiny_digits.floats()).mean().item()
    with np.load(path) as file:  # codes only, no pictures
        assert sum(file[key].size for key in file.files) == 3 * len(tiny_digits) + 3


def test_codes_written_before_there_was_a_sharpness_are_read(model, tiny_digits, tmp_path):
    path = tmp_path / "x.codes.npz"
    codes = latent.save_codes(model, tiny_digits, path, "a")
    np.savez(path, mu=codes.mu, labels=codes.labels, accuracy=codes.accuracy, sha256="a")
    assert latent.load_codes(path, "a").sharpness is None


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
    with pytest.raises(latent.LatentPointError) as error:
        latent.latent_points(bad)
    assert isinstance(error.value, DenoiserError)
    assert str(error.value).endswith(".")


def test_atlas_tiles_are_exact_decodings(model):
    n = 13
    tiles = latent.atlas(model, n)
    assert tiles.shape == (n, n, 28, 28)
    places = latent.atlas_lattice(n)
    assert places[0, 0].tolist() == pytest.approx([-6, -6])
    assert places[6, 12].tolist() == pytest.approx([6, 0], abs=1e-6)
    steps = places[0, :, 0].diff()
    assert (steps > 0).all()
    assert steps[5] < steps[0] / 2  # closer to each other in the middle
    for row, column in ((0, 0), (0, 12), (7, 3), (12, 5)):
        torch.testing.assert_close(tiles[row, column], model.decode(places[row, column][None])[0, 0], atol=1e-5, rtol=0)


def test_the_quantile_grid_is_the_priors(model):
    places = latent.quantile_lattice(15, tail=0.05)
    shares = torch.special.ndtr(places)
    torch.testing.assert_close(shares[0, :, 0], torch.linspace(0.05, 0.95, 15), atol=1e-5, rtol=0)
    torch.testing.assert_close(places[:, 4, 1], places[4, :, 0])
    assert latent.lattice(3, 2.0)[0, 2].tolist() == [2, -2]


def test_a_contact_sheet_shows_high_z2_on_top(model):
    pictures = latent.decode(model, latent.lattice(4, 2.0))
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
        for level, share in zip(land.levels[c], latent.CONTOUR_SHARES, strict=True):
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
def referee():
    return load_checkpoint("referee")[0]


@pytest.fixture(scope="module")
def charts(trained):
    """Two maps of the same model, one with another name, and no referee."""
    from types import SimpleNamespace

    from denoiser.web.serving.latent_map import LatentMap

    pool = SimpleNamespace(models={NAME: trained[0]}, records={NAME: trained[1]}, referee=None)
    return {NAME: LatentMap(pool, NAME), TWIN: twin(pool)}


TWIN = "another"


def twin(pool):
    from denoiser.web.serving.latent_map import LatentMap

    found = LatentMap(pool, NAME)
    found.name = TWIN
    return found


def one(reply):
    """What the reply says of the one map asked for."""
    (found,) = reply["maps"].values()
    return found


def unpack(reply):
    """What the browser makes of the atlas."""
    import base64
    import zlib

    n = reply["side"]
    planes = np.frombuffer(zlib.decompress(base64.b64decode(reply["tiles"])), np.uint8).reshape(784, n, n)
    planes = planes.cumsum(axis=1, dtype=np.uint8).cumsum(axis=2, dtype=np.uint8)
    return planes.transpose(1, 2, 0).reshape(n, n, 28, 28) / reply["top"]


PLANES = [name for name in trained_names() if load_record(name).recipe.settings.get("latent_dim") == 2]


@pytest.mark.parametrize("name", PLANES)
def test_the_atlas_that_is_sent_is_the_plane_and_small(name, referee):
    import json
    from types import SimpleNamespace

    from denoiser.web.serving.latent_map import LatentMap

    model, record = load_checkpoint(name)
    reply = LatentMap(SimpleNamespace(models={name: model}, records={name: record}, referee=referee), name).reply()
    assert len(json.dumps(json.dumps(reply))) <= 600_000  # all of it, as it goes over the wire
    exact = latent.atlas(model, reply["side"]).numpy()
    assert np.abs(unpack(reply) - exact).max() <= 0.5 / reply["top"] + 1e-6
    assert reply["problem"] == ""
    assert len(reply["codes"]["centres"]) == len(reply["examples"]) == 10
    assert {"neighbour_accuracy", "coverage"} <= set(reply["figures"])


@pytest.mark.parametrize("name", PLANES)
def test_interpolated_tiles_are_close_to_exact_ones(name):
    from denoiser.web.serving.latent_map import ATLAS_SIDE

    model = load_checkpoint(name)[0]
    tiles, places = latent.atlas(model, ATLAS_SIDE), latent.atlas_lattice(ATLAS_SIDE)
    between = (tiles[:-1, :-1] + tiles[1:, :-1] + tiles[:-1, 1:] + tiles[1:, 1:]) / 4
    t = (torch.arange(ATLAS_SIDE - 1) + 0.5) / (ATLAS_SIDE - 1) * 2 - 1  # halfway as the browser counts
    axis = latent.REACH * torch.sinh(latent.CROWDING * t) / np.sinh(latent.CROWDING)
    middles = torch.stack(torch.meshgrid(axis, axis, indexing="xy"), dim=-1)
    assert (middles > places[:-1, :-1]).all()
    assert (middles < places[1:, 1:]).all()
    error = (between - latent.decode(model, middles)).square().flatten(2).mean(dim=2).sqrt()
    likely = middles.norm(dim=-1) < 3  # where the prior is
    assert error.mean() < 0.02
    assert error[likely].max() < 0.12  # where one digit goes over into another


def test_without_codes_the_map_says_so_and_still_decodes(trained, monkeypatch, tmp_path):
    from types import SimpleNamespace

    from denoiser.web.latent import handlers as web
    from denoiser.web.serving.latent_map import LatentMap

    monkeypatch.setattr(latent, "codes_path", lambda name, folder=None: tmp_path / f"{name}.codes.npz")
    pool = SimpleNamespace(models={NAME: trained[0]}, records={NAME: trained[1]}, referee=None)
    charts = {NAME: LatentMap(pool, NAME)}
    reply = charts[NAME].reply()
    assert reply["codes"] is None
    assert "missing" in english(reply["problem"])
    assert one(reply_to(partial(web.point, charts), {"places": {NAME: [0, 0]}}))["nearest"] is None
    assert one(reply_to(partial(web.grid, charts), {"names": [NAME], "n": 10, "area": "2"}))["sharpness"] is None
    refused = reply_to(partial(web.morph, charts), {"ends": {NAME: [[0, 0], [1, 1]]}, "along": True})
    assert "Without the test digits" in english(refused["error"])


def test_figures_come_from_the_evaluation_of_these_very_weights(trained, monkeypatch, tmp_path):
    import json
    from types import SimpleNamespace

    from denoiser.web.serving import latent_map
    from denoiser.web.serving.latent_map import LatentMap

    monkeypatch.setattr(latent_map, "FOLDER", tmp_path)
    pool = SimpleNamespace(models={NAME: trained[0]}, records={NAME: trained[1]}, referee=None)
    known = LatentMap(pool, NAME).figures
    assert set(known) == {"neighbour_accuracy"}  # what the codes file says; nothing is made up
    report = {"sha256": trained[1].sha256, "negative_elbo": 150.5, "nll": 140.25, "coverage": None}
    for sha256, expected in ((report["sha256"], {"negative_elbo": 150.5, "nll": 140.25} | known), ("other", known)):
        models = {NAME: report | {"sha256": sha256}}
        (tmp_path / "evaluation.json").write_text(json.dumps({"models": models}), encoding="utf-8")
        assert LatentMap(pool, NAME).figures == expected


def test_a_point_is_decoded_exactly_beside_its_nearest_test_digit(model, codes, charts):
    import base64

    from denoiser.web.latent import handlers as web

    z = codes.mu[17].tolist()
    reply = reply_to(partial(web.point, charts), {"places": {NAME: z, TWIN: [0, 0]}})["maps"]
    exact = (model.decode(torch.tensor([z])) * 255).round().byte().flatten().numpy()
    np.testing.assert_array_equal(np.frombuffer(base64.b64decode(reply[NAME]["picture"]), np.uint8), exact)
    assert reply[NAME]["nearest"] == {"digit": int(codes.labels[17]), "distance": pytest.approx(0, abs=1e-6)}
    assert reply[NAME]["reading"] is None
    assert reply[TWIN]["picture"] != reply[NAME]["picture"]


NAMES = {"names": [NAME]}


@pytest.mark.parametrize(
    ("call", "request_"),
    [
        ("point", {"places": {NAME: [float("nan"), 0]}}),
        ("point", {"places": {NAME: [float("inf"), 0]}}),
        ("point", {"places": {NAME: [1e9, 0]}}),
        ("point", {"places": {NAME: ["0", "0"]}}),
        ("point", {"places": {NAME: [True, False]}}),
        ("point", {"places": {}}),
        ("point", {"places": [[0, 0]]}),
        ("point", {"places": {"conv-64": [0, 0]}}),
        ("point", {}),
        ("dozen", {"names": NAME, "seed": 1}),
        ("dozen", {"names": [], "seed": 1}),
        ("dozen", {"names": [[NAME]], "seed": 1}),
        ("dozen", {"names": [NAME, "conv-64"], "seed": 1}),
        ("morph", {"ends": {NAME: [[0, 0], None]}}),
        ("morph", {"ends": {NAME: [0, 0]}}),
        ("morph", {"ends": {NAME: [[0, 0]]}}),
        ("morph", {"ends": [[0, 0], [1, 1]]}),
        ("film", {"ends": {NAME: [[0, 0], [1, 1]]}, "kind": "exe"}),
        ("film", {"ends": {NAME: [[0, 0], [1, 1]]}, "kind": ["gif"]}),
        ("grid", NAMES | {"n": 10_000, "area": "2"}),
        ("grid", NAMES | {"n": [10], "area": "2"}),
        ("grid", NAMES | {"n": 10, "area": {"2": 2}}),
        ("grid", {"n": 10, "area": "2"}),
        ("dozen", NAMES | {"seed": -1}),
        ("dozen", NAMES | {"seed": 1.5}),
        ("own", NAMES | {"picture": "!!", "kind": "gaussian", "seed": 1}),
        ("own", NAMES | {"picture": None, "kind": "gaussian", "seed": 1}),
        ("own", NAMES | {"picture": "AAAA", "kind": "gaussian", "seed": 1}),
        ("own", NAMES | {"picture": "AAAA", "kind": "rain", "seed": 1}),
    ],
)
def test_bad_requests_are_answered_with_a_sentence(charts, call, request_):
    from denoiser.web.latent import handlers as web

    reply = reply_to(partial(getattr(web, call), charts), request_)
    assert list(reply) == ["error"]
    assert english(reply["error"]).endswith(".")


def test_a_blank_drawing_lands_somewhere(charts):
    import base64

    from denoiser.web.latent import handlers as web

    blank = base64.b64encode(bytes(784)).decode()
    reply = one(reply_to(partial(web.own, charts), NAMES | {"picture": blank, "kind": "gaussian", "seed": 1}))
    assert np.isfinite(reply["mu"]).all()
    assert reply["crossing"] is None


@pytest.mark.parametrize("name", PLANES)
@pytest.mark.parametrize("example", ["3", "4", "7", "8"])
def test_the_drift_crosses_where_the_comparison_page_says_it_breaks(name, example, referee):
    """Both pages asked as the browser asks them."""
    from types import SimpleNamespace

    from denoiser.data.examples import EXAMPLES
    from denoiser.ink import digit_from_strokes
    from denoiser.web.denoise import handlers as denoise
    from denoiser.web.latent import handlers as latent
    from denoiser.web.serving.latent_map import LatentMap
    from denoiser.web.serving.model_pool import ModelPool
    from denoiser.web.serving.user_models import UserModelStore
    from denoiser.web.wire import encode_pixels

    model, record = load_checkpoint(name)
    pool = SimpleNamespace(models={name: model}, records={name: record}, referee=referee, user_models=UserModelStore())
    pool.fast, pool.fast_referee = {}, None
    pool.sweep = partial(ModelPool.sweep, pool)
    drawing = {"picture": encode_pixels(digit_from_strokes(EXAMPLES[example])), "kind": "gaussian", "seed": 11}
    board = reply_to(partial(denoise.compare, pool), drawing | {"models": [name], "factors": None})
    path = one(reply_to(partial(latent.own, {name: LatentMap(pool, name)}), drawing | {"names": [name]}))
    read = board["reading"][0]
    breaks = [f for f, (digit, _) in zip(board["factors"], board["reads"][1], strict=True) if digit != read]
    assert path["drawn"] == read
    assert path["crossing"] == (breaks[0] if breaks else None)
    stable = board["factors"].index(breaks[0]) if breaks else len(board["factors"])
    assert path["reads"][:stable] == [read] * stable


def test_films_are_pictures_one_map_above_the_other(charts):
    import base64
    import io

    from PIL import Image

    from denoiser.web.latent import handlers as web

    def picture(reply):
        return Image.open(io.BytesIO(base64.b64decode(reply["content"])))

    ends = {NAME: [[-2, 0], [2, 0]]}
    gif = picture(reply_to(partial(web.film, charts), {"ends": ends, "kind": "gif"}))
    assert gif.n_frames == 2 * latent.STEPS - 2
    assert picture(reply_to(partial(web.film, charts), {"ends": ends, "kind": "png"})).size == (latent.STEPS * 84, 84)
    both = ends | {TWIN: [[0, 2], [0, -2]]}
    assert picture(reply_to(partial(web.film, charts), {"ends": both, "kind": "png"})).size == (latent.STEPS * 84, 168)
    assert picture(reply_to(partial(web.film, charts), {"ends": both, "kind": "gif"})).size == (224, 448)


def test_a_grid_says_how_sharp_and_readable_it_is(charts, trained, referee):
    import base64
    import io
    from types import SimpleNamespace

    from PIL import Image

    from denoiser.web.latent import handlers as web
    from denoiser.web.serving.latent_map import LatentMap

    reply = one(reply_to(partial(web.grid, charts), NAMES | {"n": 10, "area": "3"}))
    assert Image.open(io.BytesIO(base64.b64decode(reply["content"]))).size == (280, 280)
    assert 0 < reply["sharpness"] < 1  # blurred, as a VAE's pictures are
    assert reply["readable"] is None  # without a referee
    pool = SimpleNamespace(models={NAME: trained[0]}, records={NAME: trained[1]}, referee=referee)
    reply = one(reply_to(partial(web.grid, {NAME: LatentMap(pool, NAME)}), NAMES | {"n": 20, "area": "2"}))
    assert 0.5 < reply["readable"] <= 1


def test_a_dozen_lies_at_the_same_places_on_every_map(charts):
    from denoiser.web.latent import handlers as web

    reply = reply_to(partial(web.dozen, charts), {"names": [NAME, TWIN], "seed": 5})
    assert np.array(reply["places"]).shape == (12, 2)
    assert reply["maps"][NAME] == reply["maps"][TWIN]  # the same model twice
    assert reply["places"] != reply_to(partial(web.dozen, charts), {"names": [NAME], "seed": 6})["places"]


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
        assert nll < latent.elbo_terms(model, digits)["negative_elbo"] < nll + 10
        assert latent.exact_nll(model, digits, step=2 * latent.likelihood.NLL_STEP) == pytest.approx(nll, abs=0.05)

    def test_coverage_counts_the_tiles_that_are_read_surely(self, untrained):
        class Referee(torch.nn.Module):
            def forward(self, x):  # sure of the left half of what it is shown
                logits = torch.zeros(len(x), 10)
                logits[: len(x) // 2, 3] = 10
                return logits

        assert latent.coverage(untrained, Referee(), n=10) == pytest.approx(0.5, abs=0.01)


class TestSharpness:
    def test_blur_lowers_it_and_a_constant_has_none(self, tiny_digits):
        x = tiny_digits.floats()[:, 0]
        blurred = torch.nn.functional.avg_pool2d(x.unsqueeze(1), 3, stride=1, padding=1)[:, 0]
        assert latent.sharpness(x).shape == (len(x),)
        assert (latent.sharpness(blurred) < latent.sharpness(x)).all()
        assert latent.sharpness(torch.full((2, 3, 28, 28), 0.5)).abs().max() < 1e-12

    def test_it_is_the_variance_of_the_laplacian(self):
        x = torch.rand(28, 28, generator=torch.Generator().manual_seed(0))
        expected = laplace(x.double().numpy())[1:-1, 1:-1].var()
        assert latent.sharpness(x.double()).item() == pytest.approx(expected)
