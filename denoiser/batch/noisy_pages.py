"""Digits on a noisy page: finds them, positions their frames, and denoises each of them.

Blobs of smoothed ink show about where digits are. Each is denoised in several frames, since networks that learned from
centred digits do best in the right frame, and the noise hides which one that is. The best of nine frames, four pixels
apart, is moved to the centre of the ink. Frames a pixel around it are averaged, each weighted by how probable it is.
Digits in a regular grid share one shift.
"""

from collections.abc import Callable

import numpy as np

from ..data import SIDE

Denoise = Callable[[np.ndarray], np.ndarray]  # frames (n, 28, 28) to denoised digits of the same shape

CENTRE = SIDE // 2  # of a framed digit's mass
BLUR = 1.4  # pixels: standard deviation of the smoothing that tells ink from noise
CLEAR = 5.0  # standard deviations of smoothed noise that full ink departs from paper at least
FAINT = 0.35  # of full ink: what is weaker is paper
BLOB = 5.0  # pixels: standard deviation of the smoothing that makes one blob of a digit
BLOB_SIZE = 15  # pixels in which there is one blob
FAINTEST_BLOB = 0.03  # of full ink
MOST_BLOBS = 5_000  # a photograph has more
REACH = 13  # pixels around a blob's centre that belong to it
STEPS = 4  # of a blob's centre towards its centre of mass
APART = 9  # pixels between the centres of different digits
FARTHEST = 4  # pixels that a centre is moved at once
AROUND = 2  # pixels around a digit's ink that are looked at for its centre
INK = 0.4  # of an estimate: pixels that belong to a digit

ONE = ((0, 0),)  # shifts of a frame, in pixels down and right
CROSS = ((0, 0), (-1, 0), (1, 0), (0, -1), (0, 1))
SQUARE = tuple((down, right) for down in (-1, 0, 1) for right in (-1, 0, 1))
WIDE = tuple((4 * down, 4 * right) for down, right in SQUARE)
EVIDENCE = 14.0  # nats by which noisy pixels must speak for a digit rather than for blank paper
TRUST = 0.35  # in that evidence when frames are compared: a network is not perfect, and noise is clipped
CENTRED = 5.0  # nats per square pixel that a digit's mass is off its frame's centre; in MNIST half a pixel at most

PITCHES = np.arange(20, 64, 0.05)  # pixels between the rows or columns of a grid
MANY = 20  # digits from which on a grid is looked for
REGULAR = 1.5  # pixels that half of the digits may be off their grid
LEFT = 1.5  # times the variance of smoothed noise that may be left when the digits are taken off a page


def find_noisy_digits(pixels: np.ndarray) -> np.ndarray:
    """The centres (n, 2), row and column, of blobs on a noisy page (h, w) that may be digits.

    There are none if the page has too many blobs.
    """
    from scipy import ndimage

    ink = smoothed(pixels, BLUR)
    ink[ink < FAINT] = 0
    blobs = ndimage.gaussian_filter(ink, BLOB, mode="constant")
    centres = np.argwhere((ndimage.maximum_filter(blobs, BLOB_SIZE) == blobs) & (blobs > FAINTEST_BLOB))
    if len(centres) > MOST_BLOBS:
        return centres[:0]
    strength = blobs[tuple(centres.T)]
    offsets = np.mgrid[-REACH : REACH + 1, -REACH : REACH + 1]
    disc = np.square(offsets).sum(axis=0) <= REACH**2
    padded = np.pad(ink, REACH)
    for _ in range(STEPS):
        for number, (row, column) in enumerate(centres):
            mass = padded[row : row + 2 * REACH + 1, column : column + 2 * REACH + 1] * disc
            step = (mass * offsets).sum(axis=(1, 2)) / max(1e-3, mass.sum())
            centres[number] += step.clip(-FARTHEST, FARTHEST).round().astype(int)
        centres = centres.clip(0, np.array(pixels.shape) - 1)
    centres = centres[np.argsort(-strength)]
    kept = np.ones(len(centres), bool)
    for number, centre in enumerate(centres):
        if kept[number]:
            kept[number + 1 :] &= np.abs(centres[number + 1 :] - centre).max(axis=1) >= APART
    return centres[kept]


def smoothed(pixels: np.ndarray, blur: float, is_noisy: bool = True) -> np.ndarray:
    """A page (h, w) with paper about 0 and ink about 1, blurred by a Gaussian of `blur` pixels to average noise out."""
    from scipy import ndimage

    smooth = ndimage.gaussian_filter(pixels, blur)
    noise = float((pixels - smooth).std()) / (2 * np.sqrt(np.pi) * blur) if is_noisy else 0.0  # that is left
    smooth = smooth - np.median(smooth)
    return (smooth / max(1e-6, CLEAR * noise, float(np.percentile(smooth, 97)))).clip(0, 1)


def regular_grid(centres: np.ndarray, shape: tuple[int, int]) -> np.ndarray | None:
    """All cells (m, 2) of the grid that most of these centres (n, 2) lie on, within a page of this shape; else None."""
    if len(centres) < MANY:
        return None
    lines = []
    for positions, length in zip(centres.T, shape, strict=True):
        phases = np.exp(2j * np.pi * positions / PITCHES[:, None]).mean(axis=1)
        best = np.abs(phases).argmax()
        pitch = PITCHES[best]
        offset = np.angle(phases[best]) * pitch / (2 * np.pi)
        numbers = ((positions - offset) / pitch).round()
        if np.median(np.abs(positions - offset - numbers * pitch)) > REGULAR:
            return None
        line = (offset + pitch * np.arange(numbers.min(), numbers.max() + 1)).round().astype(int)
        lines.append(line[(line >= 0) & (line < length)])
    return np.stack(np.meshgrid(*lines, indexing="ij"), axis=-1).reshape(-1, 2)


def denoise_digits(denoise: Denoise, pixels: np.ndarray, centres: np.ndarray, others: np.ndarray) -> np.ndarray:
    """A noisy page (h, w) with what is at these centres denoised digit by digit, and `others` (h, w) elsewhere.

    Centres where blank paper explains the noisy pixels better than a digit does are left out.
    """
    grid = regular_grid(centres, pixels.shape)
    regular = grid is not None
    centres = centres if grid is None else grid
    page, noise = np.zeros_like(pixels), 0.0
    for shifts in (ONE, SQUARE) if regular else (WIDE, CROSS, SQUARE):
        owners = nearest(centres, pixels.shape)
        frames = np.array([frames_of(pixels, page, owners, centres + shift) for shift in shifts])
        digits = denoise(frames.reshape(-1, SIDE, SIDE)).reshape(frames.shape)
        if not noise:
            first = compose(owners, centres, digits[shifts.index((0, 0))], others)
            noise = max(1e-3, float(np.square(pixels - first).mean()))
        # If every pixel were ink or paper, ink with the probability of its grey, this would be the expected logarithm
        # of the likelihood, less that of blank paper. So a frame that the network is less sure of weighs less.
        evidence = (digits * (frames - 0.5)).sum(axis=(2, 3)) / noise
        off = np.square(_off_centre(digits)).sum(axis=-1)
        weights = _weights(TRUST * evidence - CENTRED * off, shared=regular)
        if shifts is WIDE:
            best = weights.argmax(axis=0)
            digits = digits[best, np.arange(len(best))]
            centres = (centres + np.array(shifts)[best]).clip(0, np.array(pixels.shape) - 1)
        else:
            moved = [_moved(one, shift) for one, shift in zip(digits, shifts, strict=True)]
            digits = np.einsum("sn,snij->nij", weights, moved)
        found = evidence.max(axis=0) > EVIDENCE
        if not found.any():
            return others
        centres, digits, weights = centres[found], digits[found], weights[:, found]
        owners = nearest(centres, pixels.shape)
        page = compose(owners, centres, digits, others)
        if shifts is WIDE:
            centres = recentred(pixels, np.where(page > INK, owners, 0), centres)
        elif shifts is CROSS:
            centres = centres + np.einsum("sn,sk->nk", weights, shifts).round().astype(int)
        centres = centres.clip(0, np.array(pixels.shape) - 1)
    return page


def _weights(score: np.ndarray, shared: bool) -> np.ndarray:
    """The weights (s, n) of s shifts of n digits with these scores, in nats.

    Where they are shared, all digits are equally likely to be shifted in each way; how likely is estimated too.
    """
    likelihood = np.exp(score - score.max(axis=0))
    weights = likelihood / likelihood.sum(axis=0)
    for _ in range(10 if shared else 0):  # expectation maximisation
        weights = likelihood * (weights.sum(axis=1, keepdims=True) + 1)
        weights /= weights.sum(axis=0)
    return weights


def _off_centre(digits: np.ndarray) -> np.ndarray:
    """How far (..., 2) the mass of each digit (..., 28, 28) is off the centre of its frame, in pixels."""
    position = np.arange(SIDE) - CENTRE
    mass = digits.sum(axis=(-2, -1)) + 1e-3
    return np.stack([digits.sum(axis=-1) @ position / mass, digits.sum(axis=-2) @ position / mass], axis=-1)


def _moved(digits: np.ndarray, shift: tuple[int, int]) -> np.ndarray:
    """Digits (n, 28, 28) from frames that are shifted by up to a pixel, in the frame that is not."""
    wide = np.pad(digits, ((0, 0), (1, 1), (1, 1)))
    return wide[:, 1 - shift[0] :, 1 - shift[1] :][:, :SIDE, :SIDE]


def explained(pixels: np.ndarray, page: np.ndarray) -> bool:
    """Whether a noisy page (h, w) is a denoised one and noise, and nothing else."""
    from scipy import ndimage

    if not page.any():
        return False
    noisy, clean = (ndimage.gaussian_filter(array, BLOB).ravel() for array in (pixels, page))
    left = noisy.var() * (1 - np.corrcoef(noisy, clean)[0, 1] ** 2)
    noise = (pixels - ndimage.gaussian_filter(pixels, BLUR)).var() / (4 * np.pi * BLOB**2)
    return bool(left < LEFT * noise)


def nearest(centres: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """The number, from 1, of the centre that is nearest to each pixel of a page; 0 where there are none."""
    seeds = np.zeros(shape, int)
    seeds[tuple(centres.T)] = np.arange(1, len(centres) + 1)
    return spread(seeds)


def spread(owners: np.ndarray) -> np.ndarray:
    """Owners (h, w), 0 for none, with each pixel belonging to the nearest owner."""
    from scipy import ndimage

    return owners[tuple(ndimage.distance_transform_edt(owners == 0, return_distances=False, return_indices=True))]


def recentred(pixels: np.ndarray, owners: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """The centres of mass (n, 2), rounded, of the noisy ink of a page (h, w), by owner, near `centres`.

    What a network makes of a frame has its centre in the middle, wherever the digit in it is; the noisy ink has not.
    """
    from scipy import ndimage

    distance, index = ndimage.distance_transform_edt(owners == 0, return_indices=True)
    around = np.where(distance <= AROUND, owners[tuple(index)], 0)
    paper = float(pixels[around == 0].mean()) if (around == 0).any() else 0.0
    with np.errstate(invalid="ignore", divide="ignore"):
        exact = np.array(ndimage.center_of_mass(pixels - paper, around, np.arange(1, len(centres) + 1)))
    off = np.where(np.isfinite(exact), exact - centres, 0).clip(-FARTHEST, FARTHEST)
    return (centres + off).round().astype(int)


def frames_of(pixels: np.ndarray, page: np.ndarray, owners: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """The frames (n, 28, 28) of a noisy page around these centres, freed of what `page` shows of other owners."""
    noisy, clean, owned = (np.pad(array, SIDE) for array in (pixels, page, owners))
    areas = [_area(centre) for centre in centres]
    frames = [noisy[area] - np.where(owned[area] != number, clean[area], 0) for number, area in enumerate(areas, 1)]
    return np.array(frames, np.float32).clip(0, 1)


def compose(owners: np.ndarray, centres: np.ndarray, digits: np.ndarray, others: np.ndarray) -> np.ndarray:
    """A page (h, w) of digits (n, 28, 28) at these centres, each pixel from its owner; `others` where no frame is."""
    owned, page = np.pad(owners, SIDE), np.pad(others, SIDE)
    for number, (centre, digit) in enumerate(zip(centres, digits, strict=True), 1):
        area = _area(centre)
        own = owned[area] == number
        page[area][own] = digit[own]
    return page[SIDE:-SIDE, SIDE:-SIDE]


def _area(centre: np.ndarray) -> tuple[slice, slice]:
    """The frame around a centre, on a page with SIDE pixels of padding."""
    row, column = (int(position) + SIDE - CENTRE for position in centre)
    return slice(row, row + SIDE), slice(column, column + SIDE)
