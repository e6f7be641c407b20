"""Decoding in processes of their own: the same pixels as ever, and nothing that a file can do to the caller."""

import ast
import io
import os
import select
import signal
import struct
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import bombs
import numpy as np
import pytest
from helpers import digit_file
from PIL import Image
from weighing import peak, resident

from denoiser import image_decoder
from denoiser.image_decoder import (
    FILES,
    FORMATS,
    UPLOADS,
    WEB_FORMATS,
    DamagedImage,
    RefusedImage,
    decode,
    decode_all,
    pool,
    worker,
)

LINUX = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc, which only Linux has")
GOOD = digit_file()
Image.init()  # else Image.SAVE has only the formats that were used before
NOT_WRITTEN = "this build of Pillow cannot write {} files, so there is none to read"
# Formats, and the modes in which Pillow writes them.
MODES = dict.fromkeys(("PNG", "WEBP", "GIF", "AVIF", "TIFF", "BMP"), ("L", "RGB", "RGBA", "P", "1"))
MODES |= {"JPEG": ("L", "RGB", "1"), "PPM": ("L", "RGB", "RGBA", "1")}
WRITTEN = [(kind, mode) for kind, modes in MODES.items() for mode in modes]


def saved(image: Image.Image, kind: str, **options) -> bytes:
    content = io.BytesIO()
    image.save(content, kind, **options)
    return content.getvalue()


def slow_file(size: int = 20_000_000) -> bytes:
    """A QOI file of noise, which Pillow takes seconds to decode, in Python."""
    pixels = np.random.default_rng(0).integers(0, 256, size, np.uint8).tobytes()
    side = int((size / 4) ** 0.5)
    operations = b"".join(b"\xfe" + pixels[i : i + 3] for i in range(0, 4 * side * side, 4))
    return b"qoif" + struct.pack(">II", side, side) + b"\x03\x00" + operations + bytes(7) + b"\x01"


SLOW = slow_file()
BRIEFLY = FILES._replace(cpu=1)


@pytest.fixture
def fresh(monkeypatch):
    """A pool of two workers for this test alone."""
    found = pool.Pool(2)
    monkeypatch.setattr(image_decoder, "_pool", found)
    yield found
    found.close()


def workers(found: pool.Pool) -> list[int]:
    return [one.process.pid for one in found.idle]


def is_alive(pid: int) -> bool:
    """Whether a process is there and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


class TestPixels:
    """What comes back."""

    @pytest.mark.parametrize(("kind", "mode"), WRITTEN)
    @pytest.mark.parametrize("size", [(28, 28), (1800, 1300)])
    def test_they_are_those_of_this_process(self, kind, mode, size):
        if kind not in Image.SAVE:
            pytest.skip(NOT_WRITTEN.format(kind))
        noise = np.random.default_rng(0).integers(0, 256, (size[1] // 8, size[0] // 8, 4), np.uint8)
        content = saved(Image.fromarray(noise).resize(size).convert(mode), kind)
        expected = worker.working_pixels(Image.open(io.BytesIO(content)))
        np.testing.assert_array_equal(decode(content), expected)
        np.testing.assert_array_equal(decode(content, "grey"), worker.grey_pixels(Image.open(io.BytesIO(content))))

    @pytest.mark.parametrize("dtype", [np.uint16, np.int32, np.float32])
    def test_more_than_eight_bits(self, dtype):
        values = np.arange(40 * 50).reshape(40, 50).astype(dtype)
        kind = "PNG" if dtype == np.uint16 else "TIFF"
        found = decode(saved(Image.fromarray(values), kind))
        assert found.dtype == np.float32
        assert found.shape == (40, 50, 1)

    @pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
    def test_transparent_ones_are_reduced_as_pillow_reduces_them(self, mode):
        noise = np.random.default_rng(0).integers(0, 256, (1501, 1907, 4), np.uint8)
        image = Image.fromarray(noise).convert(mode)
        content = saved(image, "PNG", **({"transparency": bytes(range(256))} if mode == "P" else {}))
        whole = Image.open(io.BytesIO(content)).convert("RGBA").resize((800, 630), Image.Resampling.BOX)
        np.testing.assert_array_equal(decode(content), np.asarray(whole))

    def test_many_files_in_one_exchange(self):
        others = [saved(Image.new("L", (9, 5), shade), "PNG") for shade in (1, 2)]
        found = decode_all([others[0], b"nothing", GOOD, others[1]], "grey")
        assert isinstance(found[1], DamagedImage)
        assert [image.shape for image in found if isinstance(image, np.ndarray)] == [(5, 9), (84, 84), (5, 9)]
        assert (found[0][0, 0], found[3][0, 0]) == (1, 2)
        assert decode_all([]) == []


class TestOrientation:
    """Read from the bytes of EXIF, of which Pillow would read much more."""

    @pytest.mark.parametrize("order", ["<", ">"])
    @pytest.mark.parametrize("orientation", range(1, 9))
    def test_is_found(self, order, orientation):
        head = b"II*\x00" if order == "<" else b"MM\x00*"
        entries = struct.pack(f"{order}HHII", 0x10F, 2, 4, 0) + struct.pack(
            f"{order}HHIHH", 0x112, 3, 1, orientation, 0
        )
        block = head + struct.pack(f"{order}IH", 8, 2) + entries
        assert worker.exif_orientation(block) == worker.exif_orientation(b"Exif\x00\x00" + block) == orientation

    @pytest.mark.parametrize(
        "block",
        [
            b"",
            b"II*\x00",
            b"II*\x00\xff\xff\xff\xff",
            b"II*\x00\x08\x00\x00\x00\xff\xff",
            b"II*\x00" + struct.pack("<IHHHII", 8, 1, 0x112, 3, 1, 9),
            b"II*\x00" + struct.pack("<IHHHII", 8, 1, 0x112, 4, 1, 6),
            b"XX*\x00" + struct.pack("<IHHHII", 8, 1, 0x112, 3, 1, 6),
        ],
    )
    def test_a_directory_that_lies_has_none(self, block):
        assert worker.exif_orientation(block) == 1

    @pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF", "TIFF"])
    @pytest.mark.parametrize("side", [40, 4200])
    def test_pictures_stand_upright(self, kind, side):
        image = Image.new("L", (side, side * 3 // 4))
        image.paste(255, (0, 0, side // 2, side // 4))
        exif = Image.Exif()
        exif[0x112] = 6  # a quarter to the right
        if kind == "AVIF" and "AVIF" not in Image.SAVE:
            pytest.skip(NOT_WRITTEN.format("AVIF"))
        found = decode(saved(image, kind, exif=exif))[:, :, 0]
        height, width = found.shape
        assert height > width
        assert found[height // 4, 3 * width // 4 + 2] > 200
        assert found[height // 4, width // 4] < 60

    def test_of_xmp_too(self):
        from PIL.PngImagePlugin import PngInfo

        text = PngInfo()
        text.add_itxt("XML:com.adobe.xmp", '<x tiff:Orientation="8"/>')
        assert decode(saved(Image.new("L", (30, 20)), "PNG", pnginfo=text)).shape == (30, 20, 1)


BOMBS = {
    "a JPEG with a directory": (lambda: bombs.jpeg_with_exif(bombs.directory(12_000, 150_000)), None),
    "a PNG with a directory": (lambda: bombs.png_with_exif(bombs.directory(8_000, 100_000)), None),
    "a WebP with a directory": (lambda: bombs.webp_with_exif(bombs.directory(8_000, 100_000)), None),
    "a TIFF's directory": (lambda: bombs.tiff_with_directory(20_000, 250_000), "no format"),
    "a progressive JPEG": (lambda: bombs.progressive_jpeg(13_200), "large"),
    "a progressive JPEG of 39 megapixels": (lambda: bombs.progressive_jpeg(6_300), "memory"),
    "a JPEG of 150,000 scans": (lambda: bombs.jpeg_of_many_scans(2_000, 150_000), "long"),
    "a JPEG of fill bytes": (bombs.jpeg_of_fill_bytes, "long"),
    "a JPEG of segments": (bombs.jpeg_of_many_segments, "long"),
    "a PNG of chunks": (bombs.png_of_many_chunks, "long"),
    "a BMP of runs": (bombs.bmp_of_runs, "long"),
    "a PNG of 64 megapixels": (lambda: bombs.png_of_one_shade(8_000, 8_000, 6), "large"),
    "a PNG of 40 megapixels": (lambda: bombs.png_of_one_shade(6_300, 6_300, 6, 16), None),
    "a PNG of 24 MB besides": (lambda: bombs.png_of_one_shade(6_300, 6_300, 6, 8, bombs.BIG), "memory"),
    "a PNG of many transparent colours": (lambda: bombs.png_of_one_shade(6_300, 6_300, 3), None),
    "a WebP of 40 megapixels": (lambda: bombs.flat("WEBP", "RGB", 6_300, 6_300, method=0), "large"),
    "a WebP of 13 megapixels": (lambda: bombs.flat("WEBP", "RGBA", 3_600, 3_600, lossless=True, method=0), None),
    "a QOI": (lambda: SLOW, "no format"),
    "noise": (lambda: np.random.default_rng(0).bytes(bombs.BIG), "no format"),
}


@LINUX
class TestBombs:
    """Small files that ask for a lot."""

    @pytest.mark.parametrize("name", BOMBS)
    def test_takes_little_memory_and_harms_no_other(self, name):
        build, word = BOMBS[name]
        content = build()
        decode(GOOD, limits=UPLOADS)
        before = resident(os.getpid())
        with peak(os.getpid()) as weight:
            if word is None:
                decode(content, limits=UPLOADS)
            else:
                with pytest.raises((RefusedImage, DamagedImage), match=word):
                    decode(content, limits=UPLOADS)
        assert weight.most < before + 300
        np.testing.assert_array_equal(decode(GOOD, limits=UPLOADS), decode(GOOD))
        assert resident(os.getpid()) < before + 100

    def test_own_tiffs_too(self):
        """On the command line, where TIFF is read."""
        content, before = bombs.tiff_with_directory(20_000, 250_000), resident(os.getpid())
        with peak(os.getpid()) as weight, pytest.raises((RefusedImage, DamagedImage)):
            decode(content)
        assert weight.most < before + FILES.memory / 2**20 + 100

    def test_all_at_once(self, fresh):
        """None takes down a worker for good, and honest pictures come through meanwhile."""
        files = [build() for build, _ in BOMBS.values()]
        before = resident(os.getpid())
        with peak(os.getpid()) as weight, ThreadPoolExecutor(20) as threads:
            patient = UPLOADS._replace(wait=300)
            asked = [threads.submit(decode, content, limits=patient) for content in files]
            honest = [threads.submit(decode, GOOD, limits=patient) for _ in range(20)]
        assert all(task.exception() is None for task in honest)
        assert all(isinstance(task.exception(), RefusedImage | DamagedImage | None) for task in asked)
        assert weight.most < before + 2 * 300
        assert len(workers(fresh)) == 2


class TestLimits:
    def test_time_of_the_processor(self, fresh):
        decode(GOOD)
        before = workers(fresh)
        with pytest.raises(RefusedImage, match="too long"):
            decode(SLOW, limits=BRIEFLY)
        assert decode(GOOD).shape == (84, 84, 1)
        assert workers(fresh) != before

    @LINUX
    def test_it_does_not_add_up_over_pictures(self, fresh):
        part = saved(Image.new("RGB", (2_500, 2_500)), "PNG")
        for _ in range(3):
            decode(part, limits=BRIEFLY)
        (pid,) = workers(fresh)
        spent = 0.0
        while spent < 2.5:
            decode(part, limits=BRIEFLY)
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            spent = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        assert workers(fresh) == [pid]

    @pytest.mark.parametrize("polls", [True, False])
    def test_time_by_the_clock(self, fresh, monkeypatch, polls):
        if not polls:  # as on Windows
            monkeypatch.delattr(select, "poll")
        decode(GOOD)
        with pytest.raises(RefusedImage, match="too long"):
            decode(SLOW, limits=FILES._replace(wall=0.5))
        assert decode(GOOD).shape == (84, 84, 1)

    def test_memory(self, fresh):
        content = bombs.png_of_one_shade(6_000, 6_000, 2)
        with pytest.raises(RefusedImage, match="too much memory"):
            decode(content, limits=UPLOADS._replace(memory=2**26))
        assert decode(content, limits=UPLOADS).shape == (800, 800, 3)

    def test_a_refused_file_is_freed_at_once(self):
        """Not when Python next collects reference cycles: forty uploads would be held until then."""
        content = b"A" * 1_000_000
        before = sys.getrefcount(content)
        for limits in (UPLOADS, UPLOADS._replace(file=999_999)):
            with suppress(RefusedImage, DamagedImage):
                decode(content, limits=limits)
        assert sys.getrefcount(content) == before

    def test_size_of_the_file(self):
        for limits in (UPLOADS, FILES):
            with pytest.raises(RefusedImage, match=f"larger than {limits.file // 1_000_000} MB"):
                decode(bytes(limits.file + 1), limits=limits)

    def test_size_of_the_picture_in_every_format(self):
        for kind in WEB_FORMATS:
            if kind not in Image.SAVE:
                continue
            content = saved(Image.new("RGB", (90, 70)).convert("P" if kind == "GIF" else "RGB"), kind)
            with pytest.raises(RefusedImage, match="too large"):
                decode(content, limits=UPLOADS._replace(pixels=90 * 70 - 1))
            assert decode(content, limits=UPLOADS._replace(pixels=90 * 70)).shape[:2] == (70, 90)

    @pytest.mark.parametrize("kind", ["TIFF", "PPM", "TGA", "PCX", "SGI", "JPEG2000", "QOI"])
    def test_few_formats_for_uploads_more_for_files(self, kind):
        if kind not in Image.SAVE:
            pytest.skip(NOT_WRITTEN.format(kind))
        content = saved(Image.new("RGB", (20, 20)), kind)
        assert decode(content).shape == (20, 20, 3)
        with pytest.raises(DamagedImage):
            decode(content, limits=UPLOADS)

    def test_icons_which_may_hold_a_picture_of_another_size_are_not_read(self):
        assert "ICO" not in FORMATS
        with pytest.raises(DamagedImage):
            decode(saved(Image.new("RGBA", (64, 64)), "ICO"))

    @pytest.mark.parametrize(("kind", "count"), [("GIF", 4), ("WEBP", 1), ("TIFF", 2), ("PNG", 4)])
    def test_of_many_frames_only_the_first_is_decoded(self, kind, count, monkeypatch):
        first = Image.open(io.BytesIO(GOOD))
        blanks = [Image.new("L", first.size, shade) for shade in range(200, 256)] * count
        content = saved(first, kind, save_all=True, append_images=blanks)
        image = worker.opened(content, list(FORMATS), FILES.pixels, FILES.memory)
        assert image.n_frames > 10 * count
        monkeypatch.setattr(type(image), "seek", lambda self, frame: pytest.fail(f"frame {frame}"))
        assert worker.working_pixels(image).shape[:2] == (84, 84)


@LINUX
class TestProcesses:
    """They come, go, and leave nothing behind."""

    def test_they_import_nothing_but_numpy_and_pillow(self):
        tree = ast.parse(Path(worker.__file__).read_text())
        names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
        names |= {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        assert {name.split(".")[0] for name in names} <= {*sys.stdlib_module_names, "numpy", "PIL"}

    def test_an_idle_one_weighs_little(self, fresh):
        decode(GOOD)
        (pid,) = workers(fresh)
        assert resident(pid) < 70
        assert "torch" not in Path(f"/proc/{pid}/maps").read_text()

    def test_they_know_no_secrets(self, fresh, monkeypatch):
        monkeypatch.setenv("HF_TOKEN", "hf_secret")
        decode(GOOD)
        (pid,) = workers(fresh)
        assert b"secret" not in Path(f"/proc/{pid}/environ").read_bytes()

    def test_one_that_ends_is_replaced(self, fresh):
        decode(GOOD)
        (pid,) = workers(fresh)
        os.kill(pid, signal.SIGKILL)
        while is_alive(pid):
            time.sleep(0.01)
        assert decode(GOOD).shape == (84, 84, 1)
        assert workers(fresh) != [pid]

    def test_one_that_ends_while_it_decodes_is_replaced(self, fresh):
        with ThreadPoolExecutor(1) as threads:
            asked = threads.submit(decode, SLOW)
            while not any(process.ready for process in [*fresh.working]):
                time.sleep(0.01)
            time.sleep(0.5)
            os.kill(next(iter(fresh.working)).process.pid, signal.SIGKILL)
            assert isinstance(asked.exception(), DamagedImage)
        assert decode(GOOD).shape == (84, 84, 1)

    def test_of_many_files_only_that_one_fails(self, fresh):
        first, bad, last = decode_all([GOOD, SLOW, GOOD], limits=BRIEFLY)
        assert isinstance(bad, RefusedImage)
        np.testing.assert_array_equal(first, last)

    def test_nothing_stays_open(self, fresh):
        def open_files():
            return len(os.listdir("/proc/self/fd"))

        decode(GOOD)
        before = open_files()
        for _ in range(5):
            with pytest.raises(RefusedImage):
                decode(SLOW, limits=FILES._replace(wall=0.1))
            decode(GOOD)
        assert open_files() <= before + 2
        fresh.close()
        assert open_files() <= before

    def test_a_terminals_interrupt_does_not_reach_them(self, fresh):
        decode(GOOD)
        (pid,) = workers(fresh)
        os.kill(pid, signal.SIGINT)
        decode(GOOD)
        assert workers(fresh) == [pid]

    def test_an_interrupt_of_the_caller_ends_the_exchange(self, fresh):
        decode(GOOD)
        (pid,) = workers(fresh)

        def stop(*_):
            raise KeyboardInterrupt

        before = signal.signal(signal.SIGALRM, stop)
        signal.setitimer(signal.ITIMER_REAL, 0.5)
        try:
            with pytest.raises(KeyboardInterrupt):
                decode(SLOW)
        finally:
            signal.signal(signal.SIGALRM, before)
        assert decode(GOOD).shape == (84, 84, 1)  # and not the reply to the other
        assert workers(fresh) != [pid]

    @pytest.mark.parametrize(
        "end", ["pass", "os.kill(os.getpid(), signal.SIGKILL)", "os.kill(os.getpid(), signal.SIGTERM)"]
    )
    def test_none_outlives_the_caller(self, tmp_path, end):
        (tmp_path / "a.png").write_bytes(GOOD)
        code = (
            "import os, signal, sys; from denoiser import image_decoder as d\n"
            f"d.start_workers(); d.decode(open({str(tmp_path / 'a.png')!r}, 'rb').read())\n"
            f"print(*[w.process.pid for w in d._pool.idle], flush=True); {end}"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
        found = [int(pid) for pid in done.stdout.split()]
        assert len(found) == pool.WORKERS
        deadline = time.monotonic() + 60
        while any(map(is_alive, found)):
            assert time.monotonic() < deadline
            time.sleep(0.05)

    def test_a_forked_process_has_its_own(self, fresh):
        decode(GOOD)
        (pid,) = workers(fresh)
        child = os.fork()
        if not child:
            os._exit(0 if decode(GOOD).shape == (84, 84, 1) and workers(fresh) != [pid] else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        decode(GOOD)
        assert workers(fresh) == [pid]

    @pytest.mark.parametrize(
        "reply",
        ["print('hello', flush=True)", "os.write(1, struct.pack('>I', 2**31))", "send({'dtype': 'O', 'size': 8})",
         "send({'dtype': 'uint8', 'size': 2**40})", "send({'dtype': 'uint8', 'size': 4, 'shape': [9]}, b'abcd')"],
    )  # fmt: skip
    def test_one_that_talks_nonsense_is_not_believed(self, fresh, tmp_path, monkeypatch, reply):
        script = tmp_path / "worker.py"
        script.write_text(
            "import json, os, struct, sys\n"
            "def send(header, pixels=b''):\n"
            "    text = json.dumps(header).encode(); os.write(1, struct.pack('>I', len(text)) + text + pixels)\n"
            f"send({{'ready': True}}); sys.stdin.buffer.read(4); {reply}\n"
        )
        monkeypatch.setattr(pool, "SCRIPT", script)
        with pytest.raises(DamagedImage):
            decode(GOOD)

    def test_one_that_does_not_start_is_a_fault_of_ours(self, fresh, tmp_path, monkeypatch):
        script = tmp_path / "worker.py"
        script.write_text("raise SystemExit(1)")
        monkeypatch.setattr(pool, "SCRIPT", script)
        with pytest.raises(OSError, match="does not start"):
            decode(GOOD)


class TestQueue:
    """Who is served when."""

    def test_first_come_first_served(self, fresh):
        turns = [pool.Turn(heavy=False) for _ in range(5)]
        order = []

        def take(turn):
            fresh._wait(turn, None)
            order.append(turns.index(turn))

        threads = []
        for turn in turns:
            threads.append(threading.Thread(target=take, args=[turn]))
            threads[-1].start()
            while not (turn.granted.is_set() or turn in fresh.waiting):
                time.sleep(0.001)
        for thread in threads[:2]:
            thread.join()
        assert sorted(order) == [0, 1]
        for later in (2, 3, 4):
            fresh._give_back(turns[0], None, usable=False)
            threads[later].join()
            assert order[-1] == later

    def test_heavy_files_leave_one_worker_to_the_others(self, fresh):
        first, second, light = pool.Turn(heavy=True), pool.Turn(heavy=True), pool.Turn(heavy=False)
        fresh._wait(first, 0)
        with pytest.raises(TimeoutError):
            fresh._wait(second, 0.01)
        fresh._wait(light, 0)
        fresh._give_back(light, None, usable=False)
        fresh._give_back(first, None, usable=False)
        fresh._wait(second, 0)
        assert (fresh.busy, fresh.heavy, list(fresh.waiting)) == (1, 1, [])

    def test_who_waits_too_long_is_told_so(self, fresh, monkeypatch):
        held = [pool.Turn(heavy=False) for _ in range(2)]
        for turn in held:
            fresh._wait(turn, 0)
        with pytest.raises(RefusedImage, match="Too many large pictures"):
            decode(GOOD, limits=UPLOADS._replace(wait=0.05))
        monkeypatch.setattr(pool, "MOST_WAITING", 0)
        started = time.monotonic()
        with pytest.raises(RefusedImage, match="Too many large pictures"):
            decode(GOOD, limits=UPLOADS._replace(wait=60))
        assert time.monotonic() - started < 30
        for turn in held:
            fresh._give_back(turn, None, usable=False)
        assert decode(GOOD, limits=UPLOADS).shape == (84, 84, 1)
