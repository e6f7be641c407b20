"""Files of pictures: what is read is what was written, and what is no file of pictures is one sentence."""

import gzip
import io
import pickle
import struct
import zipfile

import numpy as np
import pytest
import torch
from helpers import idx
from PIL import Image

from denoiser import images
from denoiser.errors import DenoiserError
from denoiser.images import (
    PictureError,
    flat,
    from_unit,
    full_ink,
    is_stack,
    read_picture,
    read_stack,
    shaped_like,
    to_unit,
    write_picture,
    write_stack,
)

RAMP = np.arange(2 * 3 * 4).reshape(2, 3, 4)


def saved(array, **options) -> bytes:
    """An .npy file."""
    content = io.BytesIO()
    np.save(content, array, **options)
    return content.getvalue()


def one(path, array):
    """What `read_stack` finds as the only array of a file, after writing it."""
    np.save(path, array)
    stack = read_stack(path)
    return stack.arrays[stack.pictures[0]]


class TestStacks:
    @pytest.mark.parametrize("name", ["a.npy", "a.npz", "a-idx3-ubyte", "a.idx3-ubyte.gz"])
    def test_a_stack_is_written_as_it_was_read(self, tmp_path, name):
        array, path = RAMP.astype(np.uint8), tmp_path / name
        if name.endswith(".npy"):
            np.save(path, array)
        elif name.endswith(".npz"):
            with zipfile.ZipFile(path, "w") as archive:  # np.savez cannot write an array named "file"
                for key, value in (("x_train", array), ("y_train", np.arange(2)), ("file", array[:1])):
                    archive.writestr(f"{key}.npy", saved(value))
        else:
            path.write_bytes(gzip.compress(idx(array)) if name.endswith(".gz") else idx(array))
        assert is_stack(path)
        stack = read_stack(path)
        again = tmp_path / f"again-{name}"
        write_stack(stack, again)
        assert again.read_bytes()[:4] == path.read_bytes()[:4]
        found = read_stack(again)
        assert found.arrays.keys() == stack.arrays.keys()
        assert found.pictures == stack.pictures
        for key, value in found.arrays.items():
            np.testing.assert_array_equal(value, stack.arrays[key])
            assert value.dtype == stack.arrays[key].dtype
        np.testing.assert_array_equal(found.arrays[found.pictures[0]], array)

    def test_of_an_npz_labels_are_no_pictures(self, tmp_path):
        np.savez(tmp_path / "a.npz", x=RAMP, y=np.arange(2), names=np.array(["a", "b"]))
        assert read_stack(tmp_path / "a.npz").pictures == ["x"]

    def test_torchvision_reads_the_idx_files(self, tmp_path):
        from torchvision.datasets.mnist import read_image_file

        np.save(tmp_path / "a.npy", RAMP.astype(np.uint8))
        stack = read_stack(tmp_path / "a.npy")
        write_stack(stack._replace(format=images.IDX), tmp_path / "a-idx3-ubyte")
        np.testing.assert_array_equal(read_image_file(tmp_path / "a-idx3-ubyte").numpy(), RAMP)

    @pytest.mark.parametrize("shape", [(2, 3, 4), (2, 1, 3, 4), (2, 3, 4, 1)])
    @pytest.mark.parametrize("dtype", ["uint8", "uint16", "int64", ">i4", "float16", "float32", "float64", "bool"])
    def test_pictures_come_back_from_the_unit_range(self, tmp_path, shape, dtype):
        array = (RAMP % 2 if dtype == "bool" else RAMP / 32 if "float" in dtype else RAMP * 10).astype(dtype)
        array = one(tmp_path / "a.npy", array.reshape(shape))
        full = full_ink(array)
        x = to_unit(flat(array), full)
        assert x.shape == (2, 1, 3, 4)
        assert x.dtype == torch.float32
        back = shaped_like(from_unit(x, full, array.dtype), array)
        assert back.dtype == array.dtype
        np.testing.assert_array_equal(back, array)

    @pytest.mark.parametrize(
        ("array", "full"),
        [
            (RAMP.astype(np.uint8), 255),  # dark, but of 8 bits
            (RAMP, 255),
            (RAMP * 1000, 65535),
            (RAMP > 3, 1),
            (RAMP / 24, 1),
            (RAMP / 8 - 1, 1),  # noise that was not clipped
            (RAMP * 10.0, 255),
        ],
    )
    def test_full_ink_is_told_by_type_and_values(self, array, full):
        assert full_ink(array) == full

    @pytest.mark.parametrize("array", [RAMP - 1, RAMP * 10**6, RAMP * 1e5, RAMP * np.nan, RAMP - np.inf])
    def test_values_of_no_range_are_refused(self, array):
        with pytest.raises(PictureError, match="are not within 0 to"):
            full_ink(array)

    @pytest.mark.parametrize(("source", "target"), [("a.npy", "b.npz"), ("a.npy", "b"), ("a", "b.npy"), ("a", "b.png")])
    def test_a_stack_keeps_its_format(self, tmp_path, source, target):
        path = tmp_path / source
        if source == "a":
            path.write_bytes(idx(RAMP.astype(np.uint8)))
        else:
            np.save(path, RAMP)
        with pytest.raises(PictureError, match="is written as"):
            write_stack(read_stack(path), tmp_path / target)
        assert not (tmp_path / target).exists()


HUGE = np.lib.format.magic(1, 0) + struct.pack("<H", 70)
HUGE += b"{'descr': '|u1', 'fortran_order': False, 'shape': (99999999, 9999, 999)}"[:69].ljust(69) + b"\n"
GOOD = idx(RAMP.astype(np.uint8))


class TestHostileStacks:
    @pytest.mark.parametrize(
        ("name", "content"),
        [
            ("text.npy", b"hello"),
            ("empty.npy", b""),
            ("pickle.npy", pickle.dumps([1, 2])),
            ("objects.npy", saved(np.array([[[{}]]]), allow_pickle=True)),
            ("cut.npy", saved(RAMP)[:-1]),
            ("huge.npy", HUGE),
            ("cut.npz", b"PK\3\4"),
            ("cut-idx3-ubyte", GOOD[:-1]),
            ("long-idx3-ubyte", GOOD + b"\0"),
            ("header-idx3-ubyte", GOOD[:6]),
            ("huge-idx3-ubyte", struct.pack(">4B3I", 0, 0, 8, 3, *[2**32 - 1] * 3)),
            ("cut.gz", gzip.compress(GOOD, mtime=0)[:-9]),
            ("labels-idx1-ubyte", idx(np.arange(3, dtype=np.uint8))),
            ("colour.npy", saved(np.zeros((2, 3, 4, 3)))),
            ("flat.npy", saved(np.zeros((5, 784)))),
            ("none.npy", saved(np.zeros((0, 28, 28)))),
            ("records.npy", saved(np.zeros((2, 2, 2), dtype=[("a", "u1")]))),
            ("complex.npy", saved(np.zeros((2, 2, 2), dtype=complex))),
        ],
    )
    def test_what_is_no_stack_is_a_sentence(self, tmp_path, name, content):
        path = tmp_path / name
        path.write_bytes(content)
        assert is_stack(path)
        with pytest.raises(PictureError) as caught:
            read_stack(path)
        assert str(path) in str(caught.value)
        assert "\n" not in str(caught.value)

    def test_an_npz_whose_parts_lie(self, tmp_path):
        for name, content in (("lies", HUGE), ("objects", saved(np.array([[[{}]]]), allow_pickle=True))):
            with zipfile.ZipFile(tmp_path / f"{name}.npz", "w") as archive:
                archive.writestr("x.npy", content)
            with pytest.raises(PictureError):
                read_stack(tmp_path / f"{name}.npz")

    def test_what_unpacks_to_too_much_is_refused_before_it_is_unpacked(self, tmp_path, monkeypatch):
        array = np.zeros((100, 28, 28), np.uint8)
        np.savez_compressed(tmp_path / "a.npz", array)
        (tmp_path / "a.gz").write_bytes(gzip.compress(idx(array)))
        np.save(tmp_path / "a.npy", array)
        monkeypatch.setattr(images, "MOST_BYTES", 70_000)
        monkeypatch.setattr(zipfile.ZipFile, "read", None)
        for name in ("a.npz", "a.gz", "a.npy"):
            with pytest.raises(PictureError, match="70,000 are the most"):
                read_stack(tmp_path / name)

    def test_absurdly_large_pictures_are_refused(self, tmp_path):
        np.save(tmp_path / "a.npy", np.broadcast_to(np.uint8(0), (1, 6000, 6000)))
        with pytest.raises(PictureError, match="6000 x 6000 pixels"):
            read_stack(tmp_path / "a.npy")


class TestPictures:
    def test_a_picture_is_read_in_grey_and_upright(self, tmp_path):
        grey = Image.fromarray(RAMP[0].astype(np.uint8) * 20)
        grey.convert("RGB").save(tmp_path / "a.png")
        torch.testing.assert_close(read_picture(tmp_path / "a.png")[0, 0], torch.tensor(RAMP[0] * 20 / 255).float())
        exif = Image.Exif()
        exif[0x0112] = 6  # turned by a quarter
        grey.save(tmp_path / "turned.png", exif=exif)
        assert read_picture(tmp_path / "turned.png").shape == (1, 1, 4, 3)

    def test_sixteen_bits_are_read_in_full(self, tmp_path):
        Image.fromarray(np.full((3, 4), 32768, np.uint16)).save(tmp_path / "a.png")
        assert read_picture(tmp_path / "a.png").mean().item() == pytest.approx(0.5, abs=1e-4)

    @pytest.mark.parametrize("name", ["a.png", "a.tiff", "a.bmp"])
    def test_what_is_written_is_read(self, tmp_path, name):
        x = torch.rand(1, 1, 5, 7).mul(255).round().div(255)
        write_picture(x, tmp_path / "new" / name)
        torch.testing.assert_close(read_picture(tmp_path / "new" / name), x)

    @pytest.mark.parametrize("name", ["a", "a.txt", "a.pdf", "a.npy"])
    def test_other_endings_name_no_format(self, tmp_path, name):
        with pytest.raises(PictureError, match="names no picture format"):
            write_picture(torch.zeros(1, 1, 4, 4), tmp_path / name)

    def test_programs_in_disguise_are_not_run(self, tmp_path):
        (tmp_path / "a.png").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n")
        with pytest.raises(DenoiserError, match="cannot be read as a picture"):
            read_picture(tmp_path / "a.png")

    def test_no_picture_is_no_stack(self, tmp_path):
        for name in ("a.png", "a.tga", "a.gif"):
            Image.new("L", (28, 28)).save(tmp_path / name)
            assert not is_stack(tmp_path / name)
