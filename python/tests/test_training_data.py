# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Data sets: official file formats, clear messages, augmentation that keeps what it must."""

from __future__ import annotations

import gzip
import os
import pickle
import struct
from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT

from bitnn import BitnnError

torch = pytest.importorskip("torch", reason="PyTorch is not installed: pip install bitnn[train]")

from bitnn.training import models  # noqa: E402
from bitnn.training.data import Dataset, hold_out, load, resized  # noqa: E402
from bitnn.training.data.augment import AUGMENTATIONS, augmentation  # noqa: E402


def write_idx(path: Path, values: np.ndarray) -> None:
    header = b"\0\0\x08" + bytes([values.ndim]) + struct.pack(f">{values.ndim}I", *values.shape)
    path.write_bytes(gzip.compress(header + values.tobytes()))


def mnist_files(folder: Path, random: np.random.Generator) -> dict[str, np.ndarray]:
    written = {}
    for split, count in (("train", 30), ("t10k", 7)):
        written[split] = random.integers(0, 256, (count, 28, 28), np.uint8)
        labels = np.arange(count, dtype=np.uint8) % 10
        write_idx(folder / f"{split}-images-idx3-ubyte.gz", written[split])
        write_idx(folder / f"{split}-labels-idx1-ubyte.gz", labels)
    return written


@pytest.mark.parametrize("name", ["mnist", "fashion-mnist"])
def test_idx_files_by_name(tmp_path: Path, name: str, seed: int) -> None:
    (tmp_path / name).mkdir()
    written = mnist_files(tmp_path / name, np.random.default_rng(seed))
    splits = load(name, tmp_path)
    assert (splits.train.images[:, 0].numpy() == written["train"]).all()
    assert (splits.test.images[:, 0].numpy() == written["t10k"]).all()
    assert splits.train.labels.tolist() == [n % 10 for n in range(30)]
    assert splits.train.images.dtype == torch.uint8


def test_truncated_file_is_refused(tmp_path: Path, seed: int) -> None:
    mnist_files(tmp_path, np.random.default_rng(seed))
    path = tmp_path / "train-images-idx3-ubyte.gz"
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes())[:-5]))
    with pytest.raises(BitnnError, match="its header says"):
        load("mnist", tmp_path)


@pytest.mark.parametrize(
    ("name", "where"),
    [("mnist", "yann.lecun.com"), ("fashion-mnist", "zalandoresearch"), ("cifar10", "kriz")],
)
def test_missing_files_say_where_to_get_them(tmp_path: Path, name: str, where: str) -> None:
    with pytest.raises(BitnnError, match=where):
        load(name, tmp_path)


def test_unknown_data_set_lists_the_known(tmp_path: Path) -> None:
    with pytest.raises(BitnnError, match=r"'imagenet'.*cifar100.*folder:PATH"):
        load("imagenet", tmp_path)


def test_cifar_binary_and_python_archives_agree(tmp_path: Path, seed: int) -> None:
    random = np.random.default_rng(seed)
    images = random.integers(0, 256, (6, 10, 3072), np.uint8)
    labels = random.integers(0, 10, (6, 10), np.uint8)
    names = [f"data_batch_{k}" for k in range(1, 6)] + ["test_batch"]
    binary, pickled = tmp_path / "b" / "cifar-10-batches-bin", tmp_path / "p"
    binary.mkdir(parents=True)
    pickled.mkdir()
    for k, name in enumerate(names):
        records = np.concatenate([labels[k][:, None], images[k]], 1)
        records.tofile(binary / f"{name}.bin")
        batch = {"data": images[k], "labels": labels[k].tolist()}
        (pickled / name).write_bytes(pickle.dumps(batch))
    one, other = load("cifar10", tmp_path / "b"), load("cifar10", pickled)
    for left, right in ((one.train, other.train), (one.test, other.test)):
        assert torch.equal(left.images, right.images)
        assert torch.equal(left.labels, right.labels)
    assert (one.test.images.flatten(1).numpy() == images[5]).all()
    assert one.train.labels.tolist() == labels[:5].flatten().tolist()


def test_cifar100_takes_the_fine_label(tmp_path: Path, seed: int) -> None:
    random = np.random.default_rng(seed)
    for name in ("train", "test"):
        records = random.integers(0, 256, (4, 3074), np.uint8)
        records[:, 1] = [99, 0, 50, 7]
        records.tofile(tmp_path / f"{name}.bin")
    assert load("cifar100", tmp_path).train.labels.tolist() == [99, 0, 50, 7]


def test_a_pickle_that_would_run_code_is_refused(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple:
            return os.mkdir, (str(tmp_path / "ran"),)

    for name in [f"data_batch_{k}" for k in range(1, 6)] + ["test_batch"]:
        (tmp_path / name).write_bytes(pickle.dumps({"data": Evil(), "labels": []}))
    with pytest.raises(BitnnError, match="not the official file"):
        load("cifar10", tmp_path)
    assert not (tmp_path / "ran").exists()


def test_image_folders(tmp_path: Path, seed: int) -> None:
    image = pytest.importorskip("PIL.Image")
    random = np.random.default_rng(seed)
    for split in ("train", "val"):
        for name in ("cat", "dog"):
            folder = tmp_path / split / name
            folder.mkdir(parents=True)
            pixels = random.integers(0, 256, (20, 12, 3), np.uint8)
            image.fromarray(pixels).save(folder / "1.png")
    splits = load(f"folder:{tmp_path}", size=12)
    assert splits.train.images.shape == (2, 3, 12, 12)
    assert splits.train.labels.tolist() == [0, 1]
    # 20x12 needs no scaling: the centre is cut out as it is.
    kept = splits.test.images[1].permute(1, 2, 0).numpy()
    assert (kept == pixels[4:16]).all()
    with pytest.raises(BitnnError, match="CLASS/IMAGE"):
        load(f"folder:{tmp_path / 'train' / 'cat'}", size=12)


def test_digits_need_no_files() -> None:
    splits = load("digits")
    assert (len(splits.train), len(splits.test)) == (1437, 360)
    values = splits.train.values(splits.train.images)
    assert (float(values.min()), float(values.max())) == (0, 1)


def test_held_out_images_are_training_images_once() -> None:
    train = load("digits").train
    numbered = Dataset(torch.arange(len(train)), train.labels, 10)
    splits = hold_out(numbered, 100)
    assert len(splits.test) == 100
    both = torch.cat([splits.train.images, splits.test.images])
    assert torch.equal(both.sort().values, numbered.images)


def test_resized_is_the_mean_of_the_pixels() -> None:
    images = torch.arange(2 * 16, dtype=torch.uint8).view(2, 1, 4, 4)
    small = resized(Dataset(images, torch.zeros(2), 10), 2).images
    wanted = images.float().view(2, 1, 2, 2, 2, 2).mean((3, 5)).round()
    assert torch.equal(small, wanted.to(torch.uint8))


@pytest.mark.parametrize("name", list(AUGMENTATIONS))
def test_augmentation_is_a_function_of_its_generator(name: str, seed: int) -> None:
    images = load("digits").train.images[:64]
    first, again, other = (
        augmentation(name, "")(images, torch.Generator().manual_seed(s))
        for s in (seed, seed, seed + 1)
    )
    assert first.shape == images.shape
    assert torch.equal(first, again)
    assert torch.equal(first, other) == (name == "none")
    assert float(first.min()) >= 0
    assert float(first.max()) <= 16


def test_crop_and_flip_by_brute_force(seed: int) -> None:
    """Every augmented image is the padded one, shifted and perhaps mirrored, channels alike."""
    images = torch.randint(
        0, 256, (8, 3, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(seed)
    )
    done = augmentation("crop-flip", "")(images, torch.Generator().manual_seed(seed))
    padded = torch.nn.functional.pad(images.float(), (1, 1, 1, 1), mode="replicate")
    found = set()
    for before, after in zip(padded, done, strict=True):
        candidates = {
            (y, x, mirrored): (cut.flip(2) if mirrored else cut)
            for y in range(3)
            for x in range(3)
            for mirrored in (False, True)
            for cut in [before[:, y : y + 8, x : x + 8]]
        }
        matching = [key for key, cut in candidates.items() if torch.equal(cut, after)]
        assert len(matching) == 1
        found.update(matching)
    assert len(found) > 3


SIZES = {"mobilenet": 96, "convnext-base": 32}
WEIGHTS = {  # Weight tensors alone; MLPerf Tiny's counts for the networks that are its.
    "resnet8": 77_360,
    "mobilenet": 208_112,
    "mlp": 25_216,
    "ds-cnn": 22_016,
}


@pytest.mark.parametrize("name", [name for name in models.MODELS if name != "convnext-base"])
def test_models_map_images_to_scores(name: str) -> None:
    channels, classes, size = 3, 10, SIZES.get(name, 32)
    if name == "mlp":
        channels, size = 1, 16
    if name == "ds-cnn":
        channels, classes = 1, 12
    if name == "mobilenet":
        classes = 2
    model = models.build(name, channels, classes, size).eval()
    scores = model(torch.zeros(2, channels, size, size))
    outputs = channels * size * size if name == "autoencoder" else classes
    assert scores.shape == (2, outputs)
    if name in WEIGHTS:
        assert sum(p.numel() for p in model.parameters() if p.dim() > 1) == WEIGHTS[name]


def test_unknown_model_lists_the_known() -> None:
    with pytest.raises(BitnnError, match="resnet8"):
        models.build("vgg", 3, 10, 32)


def test_real_mnist_is_complete() -> None:
    root = Path(os.environ.get("BITNN_DATA", ROOT.parent / "shared" / "data"))
    if not (root / "mnist").is_dir():
        pytest.skip(f"{root}/mnist is absent; set BITNN_DATA to the data's folder")
    splits = load("mnist", root)
    assert (len(splits.train), len(splits.test)) == (60_000, 10_000)
    assert splits.test.labels[:5].tolist() == [7, 2, 1, 0, 4]


def test_warp_moves_pixels_as_stated(seed: int) -> None:
    """The grid is torch's own affine grid, plus torch's own interpolation of the bends."""
    from bitnn.training.data.augment import KNOTS, _fields

    print(f"seed {seed}")
    torch.manual_seed(seed)
    affine, bend = torch.randn(5, 2, 3), torch.randn(5, 2, KNOTS, KNOTS)
    found = torch.cat([affine, bend.flatten(2)], 2).flatten(1) @ _fields(14, 10)
    functional = torch.nn.functional
    wanted = functional.affine_grid(affine, [5, 1, 14, 10], align_corners=False)
    wanted = wanted + functional.interpolate(
        bend, (14, 10), mode="bicubic", align_corners=True
    ).permute(0, 2, 3, 1)
    assert torch.allclose(found.view(5, 14, 10, 2), wanted, atol=1e-5)
