"""Settings from the environment, read once: where files are, how many threads, what is logged."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent
MAX_TRAININGS = 8  # at the same time, where no other number is set


@dataclass(frozen=True)
class Settings:
    """What a user can set by environment variables.

    `checkpoints` has the trained models ($DENOISER_CHECKPOINTS), `data` torchvision's data sets ($DENOISER_DATA),
    `runs` the states of unfinished trainings and evaluations. `threads` compute ($OMP_NUM_THREADS). The page logs
    from `log_level` on ($DENOISER_LOG), may be framed by `frame_ancestors` ($DENOISER_FRAMES), leads to the repository
    `source` ($DENOISER_SOURCE, on a Space the Space's own), computes in `precision` ($DENOISER_PRECISION: float32 or
    bfloat16; empty for the faster one), trains at most `trainings` networks of visitors at the same time on the CPU
    ($DENOISER_TRAININGS; by default half of the cores, at most MAX_TRAININGS), and writes where the time of each
    request goes to `timing_file` ($DENOISER_STAGES), if there is one.
    """

    checkpoints: Path
    data: Path
    runs: Path
    threads: int
    log_level: str
    frame_ancestors: str
    source: str
    precision: str
    trainings: int
    timing_file: Path | None

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "Settings":
        """The settings of these variables; a variable that is missing or empty has its default."""
        installed = PACKAGE / "checkpoints"  # in a checkout they are beside the package
        cache = Path(environment.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        timing_file, threads = environment.get("DENOISER_STAGES"), environment.get("OMP_NUM_THREADS", "")
        trainings, cores = environment.get("DENOISER_TRAININGS", ""), os.cpu_count() or 1
        precision = environment.get("DENOISER_PRECISION", "").lower()
        return cls(
            checkpoints=Path(
                environment.get("DENOISER_CHECKPOINTS")
                or (installed if installed.is_dir() else PACKAGE.parent / "checkpoints")
            ),
            data=Path(environment.get("DENOISER_DATA") or cache / "denoiser"),
            runs=Path("runs"),
            threads=int(threads) if threads.isdecimal() and int(threads) else cores,
            log_level=(environment.get("DENOISER_LOG") or "warning").lower(),
            frame_ancestors=environment.get("DENOISER_FRAMES", ""),
            source=environment.get("DENOISER_SOURCE") or space_address(environment.get("SPACE_ID", "")),
            precision=precision if precision in ("float32", "bfloat16") else "",
            trainings=(
                int(trainings) if trainings.isdecimal() and int(trainings) else min(MAX_TRAININGS, max(1, cores // 2))
            ),
            timing_file=Path(timing_file) if timing_file else None,
        )


def space_address(space: str) -> str:
    """The address of a Space on the Hub from its id; empty for none."""
    return f"https://huggingface.co/spaces/{space}" if space else ""


current = Settings.from_environment(os.environ)
