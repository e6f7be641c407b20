"""What people count on when they draw or upload: any size, place, pen and file ends as one of MNIST's digits."""

import io
import struct
import subprocess
import sys
import warnings
import zlib
from itertools import islice

import numpy as np
import pytest
import torch
from drawings import (
    CROPPED_KINDS,
    VARIANTS,
    cropped,
    drawings,
    photograph,
    rendered,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from denoiser.data.examples import EXAMPLES
from denoiser.errors import DenoiserError
from denoiser.image_decoder import UPLOADS
from denoiser.ink import (
    LARGEST,
    MOST_POINTS,
    NO_PICTURE,
    BlankInk,
    InkError,
    UnreadablePicture,
    digit_from_image,
    digit_from_strokes,
    framed_from_image,
)
from denoiser.ink.image_files import pixels_of
from denoiser.ink.noisiness import looks_noisy
from denoiser.metrics import psnr
from denoiser.noise import add_noise, draw_noise

DRAWINGS = list(drawings(0))
SEVEN = EXAMPLES["7"]
PICTURE = rendered(SEVEN)  # dark on light, 280 x 280


def geometry(digit):
    """The rows and columns that hold ink, and the centre of mass (row, column) from 0 at the first pixel's centre."""
    ink = digit[0, 0].double()
    index = torch.arange(28, dtype=torch.float64)
    return (
        (int((ink > 0).any(1).sum()), int((ink > 0).any(0).sum())),
        (float(ink.sum(1) @ index / ink.sum()), float(ink.sum(0) @ index / ink.sum())),
    )


def assert_digit(digit):
    """One picture of the contract's shape, type and range, its longest side 20 pixels, its centre of mass at 14."""
    assert digit.shape == (1, 1, 28, 28)
    assert digit.dtype == torch.float32
    assert digit.min() == 0
    assert 0.9 < digit.max() <= 1
    sides, centre = geometry(digit)
    assert 19 <= max(sides) <= 21
    assert centre == pytest.approx((14, 14), abs=0.5)


def likeness(a, b):
    """Correlation of two digits, whichever of two whole pixels each was moved to."""
    shifted = [torch.roll(a, (down, across), (2, 3)).flatten() for down in (-1, 0, 1) for across in (-1, 0, 1)]
    return float(torch.corrcoef(torch.stack((b.flatten(), *shifted)))[0, 1:].max())


def moved(strokes, size=1.0, dx=0.0, dy=0.0):
    return [[(0.5 + (x - 0.5) * size + dx, 0.5 + (y - 0.5) * size + dy) for x, y in stroke] for stroke in strokes]


def png(image, **options):
    file = io.BytesIO()
    image.save(file, "PNG", **options)
    return file.getvalue()


# ---- strokes ----


@pytest.mark.parametrize("name", EXAMPLES)
def test_examples_have_mnists_geometry_whatever_their_size_and_place(name):
    first = digit_from_strokes(EXAMPLES[name])
    for size in (0.08, 0.3, 1.3):
        for dx, dy in ((0, 0), (0.3, -0.2), (-0.31, 0.17)):
            digit = digit_from_strokes(moved(EXAMPLES[name], size, dx, dy))
            assert_digit(digit)
            torch.testing.assert_close(digit, first, atol=0.02, rtol=0)


def test_every_drawing_has_mnists_geometry():
    for drawing in DRAWINGS:
        assert_digit(digit_from_strokes(drawing.strokes))


def test_there_are_many_drawings_and_they_are_the_same_each_time():
    assert len(DRAWINGS) >= 200
    assert all(len(variants) >= 4 for variants in VARIANTS.values())
    assert list(islice(drawings(0), 50)) == DRAWINGS[:50] != list(islice(drawings(1), 50))
    assert photograph(SEVEN, "lamp", 3) == photograph(SEVEN, "lamp", 3)


def test_strokes_have_mnists_amount_of_ink():
    # Half of MNIST's training digits lie between 78 and 125.
    amounts = [float(digit_from_strokes(EXAMPLES[str(digit)]).sum()) for digit in range(10)]
    assert 85 < np.mean(amounts) < 115


def test_vertical_line_is_a_one_of_mnists_width():
    digit = digit_from_strokes([[(0.5, 0.2), (0.5, 0.8)]])
    assert_digit(digit)
    assert int((digit[0, 0] > 0.1).any(0).sum()) == 3
    assert float(digit[0, 0, 14].sum()) == pytest.approx(2.6, abs=0.15)


@pytest.mark.parametrize(
    "strokes",
    [
        [[(0.2, 0.7)]],
        [[(0.2, 0.7)] * 5],
        [[(0.2, 0.7), (0.201, 0.7)]],
        [[(0.9, 0.1, 0.0, 0.5)], []],
    ],
)
def test_tap_is_a_dot(strokes):
    digit = digit_from_strokes(strokes)
    sides, centre = geometry(digit)
    assert max(sides) <= 5
    assert centre == pytest.approx((14, 14), abs=0.5)
    assert digit.max() == 1


def test_corners_survive_and_sparse_bends_are_round():
    corner = digit_from_strokes([[(0.2, 0.2), (0.8, 0.2), (0.8, 0.8)]])[0, 0]
    assert corner.nonzero()[:, 0].min() == (corner.max(1).values > 0).nonzero().min()
    top, right = (corner.sum(1) > 0).nonzero().min(), (corner.sum(0) > 0).nonzero().max()
    assert corner[top + 1, right - 1] == 1
    octagon = [(0.5 + 0.4 * np.sin(a), 0.5 - 0.4 * np.cos(a)) for a in np.linspace(0, 2 * np.pi, 9)]
    circle = [(0.5 + 0.4 * np.sin(a), 0.5 - 0.4 * np.cos(a)) for a in np.linspace(0, 2 * np.pi, 200)]
    assert likeness(digit_from_strokes([octagon]), digit_from_strokes([circle])) > 0.99


def test_jitter_of_the_device_changes_little():
    rng = np.random.default_rng(0)
    path = np.column_stack((np.linspace(0.2, 0.8, 150), 0.5 + 0.3 * np.sin(np.linspace(0, 6, 150))))
    rough = path + rng.normal(0, 0.003, path.shape)
    assert likeness(digit_from_strokes([path.tolist()]), digit_from_strokes([rough.tolist()])) > 0.98


def test_only_pressure_that_varies_counts():
    plain = digit_from_strokes([[(0.3, 0.2), (0.6, 0.8)]])
    for pressure in (0.0, 0.5, 1.0):
        assert torch.equal(plain, digit_from_strokes([[(0.3, 0.2, 0.0, pressure), (0.6, 0.8, 0.1, pressure)]]))
    firm = digit_from_strokes([[(0.3, 0.2, 0.0, 0.1), (0.6, 0.8, 0.1, 0.9)]])[0, 0]
    assert firm[20:].sum() > firm[:8].sum() + 1


def test_points_may_have_unequal_lengths_and_strokes_may_be_arrays():
    expected = digit_from_strokes([[(0.3, 0.2), (0.6, 0.8)]])
    assert torch.equal(expected, digit_from_strokes([[(0.3, 0.2, 0.0), (0.6, 0.8)]]))
    assert torch.equal(expected, digit_from_strokes([np.array([(0.3, 0.2), (0.6, 0.8)])]))


@pytest.mark.parametrize("strokes", [[], [[]], [[], []], ()])
def test_no_strokes_are_blank(strokes):
    with pytest.raises(BlankInk, match=r"^Nothing is drawn yet\.$"):
        digit_from_strokes(strokes)


@pytest.mark.parametrize(
    ("strokes", "sentence"),
    [
        (None, "list of strokes"),
        ("7", "list of strokes"),
        ({"strokes": []}, "list of strokes"),
        ([7], "list of strokes"),
        (["77"], "list of strokes"),
        ([[7]], "Each point"),
        ([[(0.1,)]], "Each point"),
        ([[(0.1, 0.2, 0.3, 0.4, 0.5)]], "Each point"),
        ([[("0.1", "0.2")]], "numbers"),
        ([[(None, 0.2)]], "numbers"),
        ([[(True, False)]], "numbers"),
        ([[(0.1j, 0.2)]], "numbers"),
        ([[(0.1, 0.2), "ab"]], "Each point"),
        ([[(0.1, 0.2), None]], "Each point"),
        ([[(0.1, 0.2), {"x": 1}]], "Each point"),
        ([[[(0.1, 0.2)]]], "Each point"),
        ([[(10**400, 0.2)]], "numbers"),
        ([[(float("nan"), 0.2)]], "finite"),
        ([[(0.1, float("inf"))]], "finite"),
        ([[(0.1, 0.2, float("nan"))]], "finite"),
        ([[(0.1, 0.2), (1e30, 0.2)]], "far outside"),
        ([[(0.1, -5.0)]], "far outside"),
        ([[(0.1, 0.2)] * (MOST_POINTS + 1)], "20,000"),
        ([[(0.1, 0.2)]] * (MOST_POINTS + 1), "20,000"),
    ],
)
def test_hostile_strokes_are_refused_with_a_sentence(strokes, sentence):
    with pytest.raises(InkError, match=sentence) as caught:
        digit_from_strokes(strokes)
    assert isinstance(caught.value, DenoiserError)
    assert isinstance(caught.value, ValueError)
    assert str(caught.value).endswith(".")


def test_longest_scribble_is_drawn():
    points = np.random.default_rng(0).random((MOST_POINTS, 2))
    assert_digit(digit_from_strokes([points.tolist()]))


coordinate = st.one_of(
    st.floats(-1, 2), st.floats(0, 1), st.sampled_from([0, 1, 0.5, 1e-12]), st.floats(), st.integers(-3, 3)
)
point = st.one_of(
    st.tuples(coordinate, coordinate),
    st.tuples(coordinate, coordinate, coordinate),
    st.tuples(coordinate, coordinate, coordinate, coordinate),
)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.lists(st.lists(point, max_size=12), max_size=5))
def test_any_strokes_give_a_digit_or_a_sentence(strokes):
    assert_digit_or_sentence(digit_from_strokes, strokes)


tame = st.tuples(*[st.floats(-1, 2, allow_subnormal=False)] * 2)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.lists(st.lists(tame, min_size=1, max_size=12), min_size=1, max_size=5))
def test_strokes_within_reach_always_give_a_digit(strokes):
    assert_contract(digit_from_strokes(strokes))


def assert_contract(digit):
    assert digit.shape == (1, 1, 28, 28)
    assert digit.dtype == torch.float32
    assert torch.isfinite(digit).all()
    assert digit.min() >= 0
    assert 0.5 < digit.max() <= 1


def assert_digit_or_sentence(read, source):
    try:
        digit, sentence = read(source), ""
    except InkError as error:
        digit, sentence = None, str(error)
    assert sentence.endswith(".") if digit is None else not sentence
    if digit is not None:
        assert_contract(digit)


# ---- pictures ----


@pytest.mark.parametrize("name", EXAMPLES)
def test_pictures_give_the_digit_that_strokes_give(name):
    expected = digit_from_strokes(EXAMPLES[name])
    for side, width in ((60, 0.05), (280, 0.05), (280, 0.02), (700, 0.008), (280, 0.1)):
        digit = digit_from_image(rendered(EXAMPLES[name], side, width))
        assert_digit(digit)
        assert likeness(digit, expected) > (0.93 if width == 0.1 else 0.96)


def test_stroke_width_does_not_depend_on_the_pen_or_the_size_drawn():
    line = [[(0.5, 0.1), (0.5, 0.9)]]
    for strokes, width in (
        (line, 0.006),
        (line, 0.02),
        (line, 0.12),
        (moved(line, 0.3), 0.01),
        (moved(line, 0.3), 0.05),
    ):
        row = digit_from_image(rendered(strokes, 500, width))[0, 0, 14].sum()
        assert 2.1 < float(row) < 3.6


def test_polarity_does_not_matter():
    for name in ("0", "1", "4", "8"):
        dark = rendered(EXAMPLES[name], 200)
        assert likeness(digit_from_image(dark), digit_from_image(ImageOps.invert(dark))) > 0.999


def mnist_like():
    return digit_from_strokes(SEVEN)[0, 0].numpy()


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32, np.float64])
@pytest.mark.parametrize("inverted", [False, True])
def test_digit_of_mnists_geometry_passes_unchanged(dtype, inverted):
    ink = 1 - mnist_like() if inverted else mnist_like()
    full = np.iinfo(dtype).max if np.issubdtype(dtype, np.integer) else 1
    digit = digit_from_image((ink * full).round(6).astype(dtype))
    torch.testing.assert_close(digit, digit_from_strokes(SEVEN), atol=0.005, rtol=0)


def test_28_pixels_of_another_geometry_are_fitted():
    small = rendered(moved(SEVEN, 0.4, 0.2, 0.2), 28, 0.06)
    assert_digit(digit_from_image(small))


def save(image, name, folder, **options):
    path = folder / name
    image.save(path, **options)
    return path


FILES = {
    "grey.png": {"mode": "L"},
    "colour.png": {"mode": "RGB"},
    "alpha.png": {"mode": "RGBA"},
    "grey-alpha.png": {"mode": "LA"},
    "palette.png": {"mode": "P"},
    "bilevel.png": {"mode": "1"},
    "palette.gif": {"mode": "P"},
    "colour.jpg": {"mode": "RGB"},
    "cmyk.jpg": {"mode": "CMYK"},
    "cmyk.tif": {"mode": "CMYK"},
    "lab.tif": {"mode": "LAB"},
    "float.tif": {"mode": "F"},
    "whole.tif": {"mode": "I"},
    "colour.webp": {"mode": "RGB"},
    "colour.bmp": {"mode": "RGB"},
    "colour.ppm": {"mode": "RGB"},
    "colour.tga": {"mode": "RGB"},
}


@pytest.mark.parametrize("name", FILES)
def test_every_mode_and_format_is_read(name, tmp_path):
    mode = FILES[name]["mode"]
    if mode == "LAB":
        white = Image.new("L", PICTURE.size, 128)
        image = Image.merge("LAB", (PICTURE, white, white))
    else:
        image = PICTURE.convert(mode)
    path = save(image, name, tmp_path)
    expected = digit_from_strokes(SEVEN)
    for source in (path, str(path), path.read_bytes(), io.BytesIO(path.read_bytes())):
        digit = digit_from_image(source)
        assert_digit(digit)
        assert likeness(digit, expected) > 0.95


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "CMYK", "P", "1", "YCbCr", "HSV", "I", "F", "I;16"])
def test_every_mode_of_pil_is_read(mode):
    if mode == "I;16":
        image = Image.fromarray(np.asarray(PICTURE).astype(np.uint16) * 257)
    else:
        image = PICTURE.convert("RGB").convert(mode) if mode == "HSV" else PICTURE.convert(mode)
    assert likeness(digit_from_image(image), digit_from_strokes(SEVEN)) > 0.95


def test_sixteen_bits_are_read():
    deep = np.asarray(PICTURE).astype(np.uint16) * 257
    for source in (deep, png(Image.fromarray(deep))):
        assert likeness(digit_from_image(source), digit_from_strokes(SEVEN)) > 0.95


@pytest.mark.parametrize(
    "convert",
    [
        lambda a: a,
        lambda a: a > 127,
        lambda a: a / 255,
        lambda a: (a / 255).astype(np.float16),
        lambda a: a.astype(np.int64),
        lambda a: a.astype(np.float64) - 128,
        lambda a: np.repeat(a[:, :, None], 3, axis=2),
        lambda a: np.dstack((a, a, a, np.full_like(a, 255))),
        lambda a: a[:, :, None],
        lambda a: torch.from_numpy(a.copy()),
    ],
)
def test_arrays_of_every_kind_are_read(convert):
    assert likeness(digit_from_image(convert(np.asarray(PICTURE))), digit_from_strokes(SEVEN)) > 0.95


@pytest.mark.parametrize("colour", [(0, 0, 0), (255, 255, 255), (200, 30, 30), (120, 120, 120)])
def test_ink_that_is_only_in_the_transparency_is_seen(colour):
    cover = ImageOps.invert(PICTURE)
    image = Image.new("RGBA", PICTURE.size, (*colour, 0))
    image.putalpha(cover)
    assert likeness(digit_from_image(image), digit_from_strokes(SEVEN)) > 0.95


def test_sheet_with_a_transparent_margin_is_a_sheet():
    image = Image.new("RGBA", (400, 360), (0, 0, 0, 0))
    image.paste(PICTURE.convert("RGBA"), (60, 40))
    assert likeness(digit_from_image(image), digit_from_strokes(SEVEN)) > 0.95


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_followed(orientation, tmp_path):
    undo = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    stored = PICTURE.transpose(undo[orientation]) if orientation in undo else PICTURE
    exif = Image.Exif()
    exif[0x0112] = orientation
    for name in ("turned.jpg", "turned.png", "turned.tif", "turned.webp"):
        path = save(stored, name, tmp_path, exif=exif)
        assert likeness(digit_from_image(path), digit_from_strokes(SEVEN)) > 0.95


@pytest.mark.parametrize("name", ["film.gif", "film.png", "film.webp", "film.tif"])
def test_first_frame_of_an_animation_counts(name, tmp_path):
    other = rendered(EXAMPLES["0"])
    path = save(PICTURE.convert("RGB"), name, tmp_path, save_all=True, append_images=[other.convert("RGB")])
    assert likeness(digit_from_image(path), digit_from_strokes(SEVEN)) > 0.95


@pytest.mark.parametrize(
    ("ink", "paper"),
    [
        ((200, 20, 20), (255, 255, 255)),
        ((255, 230, 0), (255, 255, 255)),
        ((220, 40, 40), (60, 130, 60)),
        ((0, 0, 90), (0, 0, 0)),
    ],
)
def test_ink_of_any_colour_on_any_paper(ink, paper):
    image = rendered(SEVEN, ink=ink, paper=paper, mode="RGB")
    assert likeness(digit_from_image(image), digit_from_strokes(SEVEN)) > 0.95


@pytest.mark.parametrize(
    "kind", ["even", "lamp", "pencil", "marker", "blackboard", "specks", "desk", "blurred", "coloured"]
)
def test_photographs_show_what_was_drawn(kind):
    for number, name in enumerate(("2", "5")):
        digit = digit_from_image(photograph(EXAMPLES[name], kind, 100 + number))
        assert_digit(digit)
        assert likeness(digit, digit_from_strokes(EXAMPLES[name])) > 0.8


@pytest.mark.parametrize("kind", CROPPED_KINDS)
def test_a_digit_that_fills_its_picture_is_the_digit_that_was_drawn(kind):
    drawing = next(drawing for drawing in drawings() if (drawing.digit, drawing.kind) == (8, "plain"))
    expected = digit_from_strokes(drawing.strokes)
    found = digit_from_image(cropped(drawing.strokes, kind, 3))
    assert (found - expected).abs().mean() < 0.03


def test_detached_parts_stay_and_specks_go():
    bar = [[(0.3, 0.3), (0.3, 0.8)], [(0.42, 0.25), (0.75, 0.25)]]
    assert likeness(digit_from_image(rendered(bar, 300, 0.04)), digit_from_strokes(bar)) > 0.95
    dirty = np.array(rendered(SEVEN, 300))
    dirty[5:9, 5:9] = dirty[280:285, 20:24] = dirty[150:153, 290:293] = 0
    assert likeness(digit_from_image(dirty), digit_from_strokes(SEVEN)) > 0.95


def test_dot_in_a_picture_stays_a_dot():
    image = np.full((200, 200), 255, np.uint8)
    y, x = np.mgrid[:200, :200]
    image[np.hypot(x - 90, y - 110) < 12] = 0
    sides, centre = geometry(digit_from_image(image))
    assert max(sides) <= 6
    assert centre == pytest.approx((14, 14), abs=0.5)


def test_50_megapixels_are_read():
    large = np.full((7100, 7100), 235, np.uint8)
    large[1000:6000, 3000:3400] = 20
    assert_digit(digit_from_image(png(Image.fromarray(large), compress_level=1)))


def announced(width, height):
    """A PNG that says it is of that size, and holds nothing."""

    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


@pytest.mark.parametrize("size", [(15_000, 15_000), (100_000, 100_000), (LARGEST + 1, 1)])
def test_far_too_large_is_refused_before_it_is_decoded(size):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(UnreadablePicture, match="too large"):
            digit_from_image(announced(*size))


@pytest.mark.parametrize("size", [(1, 1), (3, 300), (1, 5000)])
def test_too_small_is_refused(size):
    image = Image.new("L", size, 0)
    for source in (image, png(image), np.asarray(image)):
        with pytest.raises(UnreadablePicture, match=f"{size[0]} x {size[1]} pixels"):
            digit_from_image(source)


@pytest.mark.parametrize("size", [(4, 4), (5, 5), (8, 3000), (3000, 8), (28, 28), (29, 28)])
@pytest.mark.parametrize("value", [0, 127, 255])
def test_uniform_pictures_are_blank_or_too_narrow(size, value):
    with pytest.raises((BlankInk, UnreadablePicture), match=r"\.$"):
        digit_from_image(Image.new("L", size, value))


def test_faint_paper_texture_is_blank():
    rng = np.random.default_rng(0)
    paper = 200 + rng.normal(0, 4, (300, 300)) + np.linspace(-20, 20, 300)
    with pytest.raises(BlankInk, match=r"^There is no ink to be seen in that picture\.$"):
        digit_from_image(paper.clip(0, 255).astype(np.uint8))
    with pytest.raises(BlankInk):
        digit_from_image(Image.new("RGBA", (50, 50), (0, 0, 0, 0)))


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("shape", [(4, 4), (28, 28), (7, 90), (120, 80, 3), (60, 60, 4)])
def test_noise_gives_a_digit_or_a_sentence(seed, shape):
    noise = np.random.default_rng(seed).integers(0, 256, shape).astype(np.uint8)
    assert_digit_or_sentence(digit_from_image, noise)


def damaged():
    whole, jpeg = png(PICTURE), photograph(SEVEN, "even", 1)
    yield from (b"", b"not a picture", b"\x89PNG\r\n\x1a\n", whole[:60], whole[: len(whole) // 2], jpeg[:300])
    yield b"GIF89a" + bytes(20)
    yield b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 100 100\n"
    yield b'<svg xmlns="http://www.w3.org/2000/svg"/>'
    yield b"BM" + bytes(60)
    yield b"II*\x00" + b"\xff" * 60


def test_files_that_are_no_pictures_give_one_sentence():
    for content in damaged():
        with pytest.raises(UnreadablePicture) as caught:
            digit_from_image(content)
        assert str(caught.value) == NO_PICTURE == "That file is not a picture we can read. Try a PNG or JPEG."


@pytest.mark.parametrize("name", ["PNG", "JPEG", "GIF", "TIFF", "BMP", "WEBP"])
def test_files_with_wrong_bytes_in_them_give_a_digit_or_a_sentence(name):
    file, rng = io.BytesIO(), np.random.default_rng(0)
    rendered(SEVEN, 60).save(file, name)
    for _ in range(12):
        broken = bytearray(file.getvalue())
        for place in rng.integers(4, len(broken), 6):
            broken[place] = rng.integers(256)
        assert_digit_or_sentence(digit_from_image, bytes(broken))


def test_paths_that_lead_nowhere(tmp_path):
    with pytest.raises(UnreadablePicture, match=r"missing\.png"):
        digit_from_image(tmp_path / "missing.png")
    for path in (tmp_path, "a\0b.png"):
        with pytest.raises(UnreadablePicture, match="not a picture"):
            digit_from_image(path)


@pytest.mark.parametrize(
    "thing",
    [
        None,
        7,
        [[1, 2], [3, 4]],
        np.zeros((2, 2, 2, 2)),
        np.zeros((40, 40, 2)),
        np.zeros(40),
        np.zeros((40, 40), complex),
        np.full((40, 40), "a"),
        np.full((40, 40), None),
        np.full((40, 40), np.nan),
        np.full((40, 40), np.inf),
    ],
)
def test_other_things_are_no_pictures(thing):
    with pytest.raises(InkError, match=r"\.$"):
        digit_from_image(thing)


def test_the_callers_image_is_left_alone():
    image, array = PICTURE.copy(), np.array(PICTURE)
    before = image.tobytes(), array.copy()
    digit_from_image(image)
    digit_from_image(array)
    assert image.tobytes() == before[0]
    assert np.array_equal(array, before[1])


def test_importing_ink_imports_nothing_heavy():
    heavy = "scipy", "skimage", "torchvision", "plotly", "gradio"
    code = f"import sys, denoiser.ink; sys.exit(any(name in sys.modules for name in {heavy!r}))"
    subprocess.run([sys.executable, "-c", code], check=True)


class TestAlreadyNoisy:
    """A picture that is noisy already is framed, and its noise left to those whose work it is."""

    @pytest.fixture
    def noisy(self):
        x = digit_from_strokes(SEVEN)
        y = add_noise(x, draw_noise("gaussian", x.shape, 3), 0.4)
        return (y[0, 0] * 255).round().to(torch.uint8).numpy()

    @pytest.mark.parametrize("factor", [1, 4, 10])
    @pytest.mark.parametrize("dark_ink", [False, True])
    def test_its_pixels_stay_as_they_are(self, noisy, factor, dark_ink):
        picture = np.kron(255 - noisy if dark_ink else noisy, np.ones((factor, factor), np.uint8))
        framed = framed_from_image(picture)
        assert framed.dtype == torch.float32
        torch.testing.assert_close(framed[0, 0], torch.from_numpy(noisy) / 255, rtol=0, atol=0.01)

    def test_a_digit_somewhere_is_brought_to_the_middle(self, noisy):
        field = np.full((600, 900), 60, np.uint8)
        clean = (digit_from_strokes(SEVEN)[0, 0] * 195 + 60).to(torch.uint8).numpy()
        field[40:320, 560:840] = np.kron(clean, np.ones((10, 10), np.uint8))
        generator = np.random.default_rng(0)
        grainy = np.clip(field + generator.normal(0, 40, field.shape), 0, 255).astype(np.uint8)
        framed = framed_from_image(grainy)
        ink = (framed - framed.median()).clamp_min(0.2) - 0.2
        rows, columns = torch.arange(28.0).view(-1, 1), torch.arange(28.0)
        centre = [float((ink[0, 0] * axis).sum() / ink.sum()) for axis in (rows, columns)]
        assert centre == pytest.approx([13.5, 13.5], abs=1.5)
        assert 14 <= max(np.ptp(np.flatnonzero((ink[0, 0] > 0.2).any(axis).numpy())) for axis in (0, 1)) <= 22

    def test_it_eats_less_noise_than_the_ink_does(self, noisy):
        big = Image.fromarray(np.kron(noisy, np.ones((10, 10), np.uint8)))
        y = torch.from_numpy(noisy).view(1, 1, 28, 28) / 255
        assert psnr(framed_from_image(big), y) > 40 > psnr(digit_from_image(big), y)

    def test_uneven_paper_is_levelled(self):
        drawing = next(drawings())
        ink, paper = (framed_from_image(photograph(drawing.strokes, kind, 3)) for kind in ("lamp", "even"))
        for digit in (ink, paper):
            border = torch.cat((digit[0, 0, :2].flatten(), digit[0, 0, -2:].flatten()))
            assert border.quantile(0.9) < 0.15  # of a lamp's paper 0.4 was left
            assert digit.max() > 0.7

    @staticmethod
    def looks_noisy(picture):
        pixels = pixels_of(picture, UPLOADS)
        return looks_noisy(framed_from_image(pixels), pixels)

    def test_no_fitted_drawing_looks_noisy(self):
        for drawing in DRAWINGS:
            digit = digit_from_strokes(drawing.strokes)[0, 0].mul(255).round().byte().numpy()
            assert not self.looks_noisy(digit), drawing

    def test_hardly_a_digit_of_mnist_looks_noisy(self, mnist_test):
        digits = mnist_test.images[:2000, 0].numpy()
        assert sum(self.looks_noisy(digit) for digit in digits) <= 6

    @pytest.mark.parametrize(
        ("kind", "factor"), [("gaussian", 0.15), ("salt-and-pepper", 0.1), ("speckle", 0.7), ("poisson", 0.7)]
    )
    @pytest.mark.parametrize("scale", [1, 10])
    def test_noise_is_noticed(self, kind, factor, scale):
        noticed = []
        for seed, drawing in enumerate(DRAWINGS[::15]):
            digit = digit_from_strokes(drawing.strokes)
            noisy = add_noise(digit, draw_noise(kind, digit.shape, seed), factor)[0, 0].mul(255).round().byte().numpy()
            noticed.append(self.looks_noisy(np.kron(noisy, np.ones((scale, scale), np.uint8))))
        assert len(noticed) == 30
        assert sum(noticed) >= 28

    def test_one_shade_is_blank(self):
        with pytest.raises(BlankInk):
            framed_from_image(np.full((50, 50), 130, np.uint8))

    @pytest.mark.parametrize("shape", [(4, 4), (5, 400), (400, 5), (29, 27), (1000, 31)])
    def test_any_size_is_framed(self, shape):
        framed = framed_from_image(np.random.default_rng(1).integers(0, 256, shape, np.uint8))
        assert framed.shape == (1, 1, 28, 28)
        assert 0 <= framed.min() <= framed.max() <= 1
