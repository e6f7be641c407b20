"""MNIST as it is, batches that miss nothing, and augmentation that leaves a digit the digit it is."""

import gzip
import math
import os
import struct
import subprocess
import sys
from itertools import pairwise
from urllib.error import URLError

import pytest
import torch
from PIL import Image
from torchvision.datasets import mnist as torchvision_mnist

from denoiser.data import (
    DATASETS,
    Augmentation,
    DataError,
    Digits,
    augment,
    batches,
    data_root,
    data_title,
    has_mnist,
    load_dataset,
    load_folder,
    load_mnist,
    split_validation,
    to_float,
    training_words,
)
from denoiser.errors import DenoiserError

FILES = [f"{part}-{what}" for part in ("train", "t10k") for what in ("images-idx3-ubyte", "labels-idx1-ubyte")]


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def numbered(count: int) -> Digits:
    """Digits that can be told apart by their labels."""
    return Digits(torch.zeros(count, 1, 28, 28, dtype=torch.uint8), torch.arange(count))


class TestMNIST:
    """The real files, by the figures measured from them."""

    def test_the_training_set_has_60_000_digits(self, mnist_train):
        assert mnist_train.images.shape == (60_000, 1, 28, 28)
        assert mnist_train.images.dtype == torch.uint8
        assert mnist_train.labels.shape == (60_000,)
        assert mnist_train.labels.dtype == torch.int64
        assert mnist_train.labels[:5].tolist() == [5, 0, 4, 1, 9]

    def test_the_test_set_has_10_000_digits_of_each_kind(self, mnist_test):
        assert mnist_test.images.shape == (10_000, 1, 28, 28)
        assert mnist_test.labels[:5].tolist() == [7, 2, 1, 0, 4]
        assert mnist_test.labels.unique().tolist() == list(range(10))

    def test_ink_is_light_and_fills_the_range(self, mnist_test):
        x = mnist_test.floats()
        assert x.dtype == torch.float32
        assert x.aminmax() == (0, 1)
        assert x.mean() < 0.2
        assert x.std().item() == pytest.approx(0.31, abs=0.005)

    def test_digits_lie_where_mnist_puts_them(self, mnist_test):
        x = mnist_test.floats()[:, 0]
        ink = x > 0
        sides = extent(ink)
        assert int((sides.max(dim=0).values == 20).sum()) == 9_997
        place = torch.arange(28.0)
        for axis in (1, 2):
            centre = (x.sum(dim=axis) * place).sum(dim=1) / x.sum(dim=(1, 2))
            assert centre.mean().item() == pytest.approx(14, abs=0.1)
            assert centre.min() >= 13.4
            assert centre.max() <= 14.6

    def test_exactly_the_last_5_000_digits_validate(self, mnist_train):
        training, validation = split_validation(mnist_train)
        assert (len(training), len(validation)) == (55_000, 5_000)
        assert torch.equal(training.images, mnist_train.images[:55_000])
        assert torch.equal(validation.images, mnist_train.images[55_000:])
        assert torch.equal(validation.labels, mnist_train.labels[55_000:])


def extent(ink: torch.Tensor) -> torch.Tensor:
    """Height and width of the ink of each picture (2, N)."""
    sides = []
    for axis in (2, 1):
        line = ink.any(dim=axis).int()
        first, last = line.argmax(dim=1), 27 - line.flip(1).argmax(dim=1)
        sides.append(last - first + 1)
    return torch.stack(sides)


@pytest.fixture
def no_network(tmp_path, monkeypatch, configure):
    """An empty folder of data, and nothing to be had elsewhere."""

    def fail(*args, **kwargs):
        raise URLError("the network is off")

    configure(data=tmp_path)
    monkeypatch.setattr(torchvision_mnist, "download_and_extract_archive", fail)


@pytest.mark.usefixtures("no_network")
class TestWithoutMNIST:
    """What is said where the files are missing or damaged; nothing here goes to the network."""

    @pytest.mark.parametrize("split", ["train", "test"])
    def test_the_error_names_the_files_and_where_to_put_them(self, tmp_path, split):
        assert not has_mnist()
        with pytest.raises(DataError) as caught:
            load_mnist(split)
        sentence = str(caught.value)
        assert all(name in sentence for name in FILES)
        assert str(tmp_path / "MNIST" / "raw") in sentence
        assert "the network is off" in sentence
        assert "\n" not in sentence

    @pytest.mark.parametrize(
        "content",
        [b"", b"\0\0\x08\x03", b"this is no idx file", b"\0\0\x08\x01" + (3).to_bytes(4, "big") + bytes(3)],
        ids=["empty", "cut off in the header", "something else", "labels instead of images"],
    )
    def test_damaged_images_are_one_sentence(self, tmp_path, content):
        self.write(tmp_path, images=content)
        assert has_mnist()
        with pytest.raises(DataError, match="damaged"):
            load_mnist("test")

    def test_truncated_images_are_one_sentence(self, tmp_path):
        self.write(tmp_path, images=self.images(4)[:-1])
        with pytest.raises(DataError, match="damaged"):
            load_mnist("test")

    def test_labels_of_another_part_are_refused(self, tmp_path):
        self.write(tmp_path, images=self.images(4))
        with pytest.raises(DataError, match="3 labels for images"):
            load_mnist("test")

    def test_good_files_are_read(self, tmp_path):
        self.write(tmp_path, images=self.images(3))
        digits = load_mnist("test")
        assert digits.labels.tolist() == [5, 0, 4]
        assert digits.images.flatten(1).amax(dim=1).tolist() == [0, 1, 2]

    @staticmethod
    def images(count: int) -> bytes:
        header = b"\0\0\x08\x03" + b"".join(n.to_bytes(4, "big") for n in (count, 28, 28))
        return header + b"".join(bytes([i]) * 784 for i in range(count))

    @staticmethod
    def write(root, images: bytes) -> None:
        raw = root / "MNIST" / "raw"
        raw.mkdir(parents=True)
        labels = b"\0\0\x08\x01" + (3).to_bytes(4, "big") + bytes([5, 0, 4])
        for name in FILES:
            (raw / name).write_bytes(images if "images" in name else labels)


def write_set(name: str, count: int = 5, packed: bool = False) -> None:
    """A set of DATASETS under `data_root()`: picture i has one pixel of ink, in row 3 and column 7, of value i + 1."""
    dataset = DATASETS[name]
    dataset.raw().mkdir(parents=True)
    for file in dataset.names():
        if "images" in file:
            images = torch.zeros(count, 28, 28, dtype=torch.uint8)
            images[:, 3, 7] = torch.arange(1, count + 1)
            images = images.mT if name.startswith("emnist") else images  # as its files lie
            content = struct.pack(">4B3I", 0, 0, 8, 3, count, 28, 28) + images.contiguous().numpy().tobytes()
        else:
            content = struct.pack(">4BI", 0, 0, 8, 1, count) + bytes(i % 10 for i in range(count))
        path = dataset.raw() / (f"{file}.gz" if packed else file)
        path.write_bytes(gzip.compress(content) if packed else content)


@pytest.mark.usefixtures("no_network")
class TestOtherSets:
    """Sets of MNIST's format, where torchvision expects their files; the network is off."""

    @pytest.mark.parametrize("packed", [False, True])
    @pytest.mark.parametrize("name", DATASETS)
    def test_a_set_is_read_upright(self, name, packed):
        write_set(name, packed=packed)
        for split in ("train", "test"):
            digits = load_dataset(name, split)
            assert digits.images.shape == (5, 1, 28, 28)
            assert digits.images[:, 0, 3, 7].tolist() == [1, 2, 3, 4, 5]
            assert int((digits.images > 0).sum()) == 5
            assert digits.labels.tolist() == [0, 1, 2, 3, 4]
            assert digits.labelled

    def test_torchvision_is_loaded_only_to_download(self, tmp_path):
        write_set("mnist")  # torchvision would bring PyTorch's compiler: seconds, and much memory
        program = (
            "import sys; from denoiser.data import load_mnist; load_mnist('train');"
            "sys.exit(' '.join({'torchvision', 'torch._dynamo'} & set(sys.modules)))"
        )
        environment = os.environ | {"DENOISER_DATA": str(tmp_path)}
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environment)
        assert done.stderr.strip() == ""  # else what was loaded, or the error

    @pytest.mark.parametrize("name", DATASETS)
    def test_a_set_that_is_not_there_is_a_sentence(self, name, tmp_path):
        with pytest.raises(DataError) as caught:
            load_dataset(name, "train")
        sentence = str(caught.value)
        assert sentence.startswith(f"{DATASETS[name].title}'s train set")
        assert str(DATASETS[name].raw()) in sentence
        assert all(file in sentence for file in DATASETS[name].names())
        assert "the network is off" in sentence

    def test_a_damaged_archive_is_a_sentence(self):
        write_set("kmnist", packed=True)
        for file in DATASETS["kmnist"].raw().iterdir():
            file.write_bytes(file.read_bytes()[:-9])
        with pytest.raises(DataError, match="or damaged"):
            load_dataset("kmnist", "train")

    def test_the_record_says_what_was_trained_on(self):
        assert training_words("mnist", numbered(60_000)) == (
            "MNIST training set: 55,000 digits to train, the last 5,000 to validate"
        )
        assert training_words("kmnist", numbered(24)) == (
            "Kuzushiji-MNIST training set: 22 pictures to train, the last 2 to validate"
        )


class TestFolder:
    """Any folder of pictures."""

    @pytest.fixture
    def folder(self, tmp_path):
        """Pictures of one shade each, 1 to 20, in two folders, the second darker; and other files."""
        for shade in range(1, 21):
            path = tmp_path / "mine" / f"class-{shade // 11}" / f"{shade:02}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.new("L", (28, 28), shade).save(path)
        (tmp_path / "mine" / "labels.csv").write_text("a,b")
        return tmp_path / "mine"

    def test_all_pictures_are_read_in_an_order_of_no_meaning(self, folder):
        data, digits = load_folder(folder)
        shades = digits.images[:, 0, 0, 0].tolist()
        assert sorted(shades) == list(range(1, 21))
        assert shades != sorted(shades)
        assert digits.images.shape == (20, 1, 28, 28)
        assert bool((digits.images == digits.images[:, :, :1, :1]).all())
        assert not digits.labelled
        again, same = load_folder(folder)
        assert torch.equal(same.images, digits.images)
        assert again == data

    def test_a_folder_is_known_by_its_name_and_pictures(self, folder):
        data, _ = load_folder(folder)
        assert "the folder mine (" in data
        assert data_title(data) == data
        Image.new("L", (28, 28), 99).save(folder / "new.png")
        assert load_folder(folder)[0] != data

    def test_colours_become_grey(self, folder):
        Image.new("RGB", (28, 28), (200, 200, 200)).save(folder / "colour.webp", lossless=True)
        assert 200 in load_folder(folder)[1].images[:, 0, 0, 0].tolist()

    def test_one_other_size_is_scaled_where_that_is_asked_for(self, tmp_path):
        folder = tmp_path / "large"
        folder.mkdir()
        half = torch.zeros(40, 56, dtype=torch.uint8)
        half[:, :28] = 200
        for name in "abc":
            Image.fromarray(half.numpy()).save(folder / f"{name}.png")
        with pytest.raises(DataError, match=r"56 x 40, not 28 x 28; with --resize"):
            load_folder(folder)
        data, digits = load_folder(folder, resize=True)
        assert "56 x 40 scaled to 28 x 28" in data
        assert digits.images.shape == (3, 1, 28, 28)
        assert digits.images[0, 0, 5, [0, 10, 20, 27]].tolist() == [200, 200, 0, 0]

    @pytest.mark.parametrize("resize", [False, True])
    def test_mixed_sizes_are_refused(self, folder, resize):
        Image.new("L", (30, 28)).save(folder / "wide.png")
        with pytest.raises(DataError, match=r"wide.png is 30 x 28, and .*01.png 28 x 28: all must have one size"):
            load_folder(folder, resize=resize)

    def test_what_holds_no_pictures(self, folder, tmp_path):
        (folder / "class-0" / "broken.png").write_bytes(b"no picture")
        with pytest.raises(DenoiserError, match=r"broken.png cannot be read"):
            load_folder(folder)
        with pytest.raises(DataError, match="there is no folder"):
            load_folder(tmp_path / "none")
        (tmp_path / "empty").mkdir()
        with pytest.raises(DataError, match="there are no pictures in"):
            load_folder(tmp_path / "empty")


def test_the_folder_is_the_one_of_the_settings(tmp_path, configure):
    configure(data=tmp_path)
    assert data_root() == tmp_path


def test_pictures_become_floats_from_0_to_1():
    x = to_float(torch.tensor([0, 51, 255], dtype=torch.uint8))
    assert x.dtype == torch.float32
    torch.testing.assert_close(x, torch.tensor([0.0, 0.2, 1.0]))


@pytest.mark.parametrize(("count", "held_out"), [(2, 1), (11, 1), (24, 2), (600, 50), (59_999, 4_999), (70_000, 5_000)])
def test_small_sets_keep_digits_to_train_on(count, held_out):
    training, validation = split_validation(numbered(count))
    assert len(validation) == held_out
    assert torch.cat([training.labels, validation.labels]).tolist() == list(range(count))


@pytest.mark.parametrize("count", [0, 1])
def test_fewer_than_two_digits_cannot_be_split(count):
    with pytest.raises(DataError, match=f"{count} digits cannot be split"):
        split_validation(numbered(count))


class TestBatches:
    """One epoch is a permutation in slices."""

    @pytest.mark.parametrize(("count", "size"), [(1, 4), (12, 4), (13, 4), (1_000, 128)])
    def test_every_index_comes_once(self, count, size):
        parts = list(batches(count, size, generator()))
        assert sorted(torch.cat(parts).tolist()) == list(range(count))
        assert [len(part) for part in parts[:-1]] == [size] * (math.ceil(count / size) - 1)
        assert 0 < len(parts[-1]) <= size

    def test_the_seed_decides_the_order(self):
        first, same, other = (torch.cat(list(batches(100, 8, generator(seed)))) for seed in (0, 0, 1))
        assert torch.equal(first, same)
        assert not torch.equal(first, other)
        assert not torch.equal(first, torch.arange(100))

    def test_a_generator_goes_on_to_another_order(self):
        one = generator()
        orders = [torch.cat(list(batches(100, 8, one))) for _ in range(3)]
        assert not any(torch.equal(a, b) for a, b in pairwise(orders))


def dots(count: int) -> torch.Tensor:
    """Pictures with one pixel of ink in the middle."""
    x = torch.zeros(count, 1, 28, 28)
    x[:, 0, 14, 14] = 1
    return x


def blobs(count: int, row: float = 13.5, column: float = 13.5, spread: float = 2.0) -> torch.Tensor:
    """Pictures of one smooth spot."""
    place = torch.arange(28.0)
    down, across = ((-((place - middle) ** 2) / (2 * spread**2)).exp() for middle in (row, column))
    return (down[:, None] * across[None, :]).expand(count, 1, 28, 28).contiguous()


def centres(x: torch.Tensor) -> torch.Tensor:
    """Centre of mass of each picture (N, 2): row, column."""
    place, mass = torch.arange(28.0), x.sum(dim=(1, 2, 3))
    return torch.stack([(x.sum(dim=axis)[:, 0] * place).sum(dim=1) / mass for axis in (3, 2)], dim=1)


def turn(x: torch.Tensor) -> torch.Tensor:
    """How far, in degrees, the direction from the middle to each picture's centre of mass is turned from the right."""
    away = centres(x) - 13.5
    return torch.atan2(away[:, 0], away[:, 1]).rad2deg()


class TestAugment:
    """Small affine changes, each picture its own."""

    def test_zero_settings_change_nothing(self):
        x = torch.rand(8, 1, 28, 28, generator=generator())
        torch.testing.assert_close(augment(x, Augmentation(), generator()), x, rtol=0, atol=1e-5)

    def test_the_seed_decides(self):
        x, settings = torch.rand(4, 1, 28, 28, generator=generator()), Augmentation(10, 2, 0.1)
        first, same, other = (augment(x, settings, generator(seed)) for seed in (0, 0, 1))
        assert torch.equal(first, same)
        assert not torch.equal(first, other)

    def test_the_input_stays_as_it_was(self):
        x = torch.rand(4, 1, 28, 28, generator=generator())
        before = x.clone()
        augment(x, Augmentation(10, 2, 0.1), generator())
        assert torch.equal(x, before)

    def test_shifts_move_the_ink_in_all_directions_and_keep_it(self):
        moved = augment(dots(500), Augmentation(shift=3), generator())
        torch.testing.assert_close(moved.sum(dim=(1, 2, 3)), torch.ones(500), rtol=0, atol=1e-4)
        way = centres(moved) - 14
        assert way.abs().max() <= 3 + 1e-3
        for axis in (0, 1):
            assert way[:, axis].min() < -2.8
            assert way[:, axis].max() > 2.8
            assert way[:, axis].mean().abs() < 0.3
        assert torch.corrcoef(way.T)[0, 1].abs() < 0.15  # rows and columns move independently

    def test_rotation_goes_both_ways_and_keeps_the_ink(self):
        x = blobs(500, column=20)  # to the right of the middle
        turned = augment(x, Augmentation(degrees=30), generator())
        angles = turn(turned)
        assert turn(x).abs().max() < 1e-3
        assert -30.5 < angles.min() < -28
        assert 28 < angles.max() < 30.5
        torch.testing.assert_close(turned.sum(dim=(1, 2, 3)), x.sum(dim=(1, 2, 3)), rtol=0.02, atol=0)

    def test_scale_grows_and_shrinks(self):
        x = blobs(500)
        area = augment(x, Augmentation(scale=0.2), generator()).sum(dim=(1, 2, 3)) / x.sum(dim=(1, 2, 3))
        assert area.min().item() == pytest.approx(0.8**2, rel=0.03)
        assert area.max().item() == pytest.approx(1.2**2, rel=0.03)

    def test_nothing_is_flipped(self):
        x = blobs(300, row=8, column=19)  # above, to the right; a flip would put it elsewhere
        moved = centres(augment(x, Augmentation(degrees=15, shift=2, scale=0.2), generator()))
        assert bool((moved[:, 0] < 13).all())
        assert bool((moved[:, 1] > 14).all())

    def test_what_moves_in_is_paper(self):
        x = torch.ones(200, 1, 28, 28)
        moved = augment(x, Augmentation(shift=4), generator())
        corners = moved[:, 0, [0, 0, -1, -1], [0, -1, 0, -1]].min(dim=1).values
        assert corners.mean() < 0.1
        assert moved.aminmax() == (0, 1)
