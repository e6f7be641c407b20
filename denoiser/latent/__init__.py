"""The latent plane of a variational autoencoder with two latent dimensions, and what can be asked of it.

Knows nothing of pages.
"""

from .codes import (
    Codes,
    CodesError,
    codes_path,
    encode_digits,
    has_plane,
    knn_accuracy,
    load_codes,
    save_codes,
    write_codes,
)
from .density import CONTOUR_SHARES, ClassDensity, class_density
from .likelihood import elbo_terms, exact_nll
from .paths import STEPS, Drift, along_data, drift, morph, straight
from .plane import (
    CROWDING,
    REACH,
    LatentPointError,
    atlas,
    atlas_lattice,
    contact_sheet,
    coverage,
    decode,
    latent_points,
    lattice,
    posterior,
    quantile_lattice,
    sample,
    sharpness,
)

__all__ = [
    "CONTOUR_SHARES",
    "CROWDING",
    "REACH",
    "STEPS",
    "ClassDensity",
    "Codes",
    "CodesError",
    "Drift",
    "LatentPointError",
    "along_data",
    "atlas",
    "atlas_lattice",
    "class_density",
    "codes_path",
    "contact_sheet",
    "coverage",
    "decode",
    "drift",
    "elbo_terms",
    "encode_digits",
    "exact_nll",
    "has_plane",
    "knn_accuracy",
    "latent_points",
    "lattice",
    "load_codes",
    "morph",
    "posterior",
    "quantile_lattice",
    "sample",
    "save_codes",
    "sharpness",
    "straight",
    "write_codes",
]
