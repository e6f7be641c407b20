"""Where on the plane each class of digits lies, as a density."""

from dataclasses import dataclass

import numpy as np

from .codes import CLASSES, Codes
from .plane import REACH

BANDWIDTH = 0.16  # standard deviation of the Gaussian kernel, in units of z
CONTOUR_SHARES = (0.5, 0.9)  # of a class's digits that lie within its inner and its outer contour


@dataclass(frozen=True)
class ClassDensity:
    """The density of each class on an even lattice over the map.

    `density` float32 (10, n, n), the largest value 1, rows are z2; `levels` float32 (10, 2) are the densities whose
    contours enclose CONTOUR_SHARES of each class; `centres` float32 (10, 2) is the point of each class where it is
    dense and hardly any other class is.
    """

    density: np.ndarray
    levels: np.ndarray
    centres: np.ndarray


def class_density(codes: Codes, n: int = 121, bandwidth: float = BANDWIDTH) -> ClassDensity:
    """Gaussian kernel density estimates of the codes, one for each class, on `n` x `n` points."""
    step = 2 * REACH / (n - 1)
    cell = np.clip(np.rint((codes.mu + REACH) / step).astype(int), 0, n - 1)
    counts = np.zeros((CLASSES, n, n), np.float32)
    np.add.at(counts, (codes.labels, cell[:, 1], cell[:, 0]), 1)
    offsets = np.arange(n)[:, None] - np.arange(n)[None, :]
    kernel = np.exp(-0.5 * (offsets * step / bandwidth) ** 2).astype(np.float32)
    density = kernel @ counts @ kernel
    density /= density.max() or 1
    alone = density * (density / (density.sum(axis=0) + 1e-4)) ** 2  # dense, and without the other classes
    levels, centres = np.zeros((CLASSES, len(CONTOUR_SHARES)), np.float32), np.zeros((CLASSES, 2), np.float32)
    for label in range(CLASSES):
        cells = cell[codes.labels == label]
        if len(cells):
            found = density[label, cells[:, 1], cells[:, 0]]
            levels[label] = np.quantile(found, [1 - share for share in CONTOUR_SHARES])
        row, column = np.unravel_index(alone[label].argmax(), (n, n))
        centres[label] = (column * step - REACH, row * step - REACH)
    return ClassDensity(density, levels, centres)
