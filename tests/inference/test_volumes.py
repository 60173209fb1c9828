"""Scans whose field of view is larger than their image, through every model that keeps k-space."""

from pathlib import Path

import jax
import numpy as np
import pytest

from mript_jax.config import load_config_file
from mript_jax.data.phantom.slices import make_slice
from mript_jax.data.phantom.volume import write_fastmri_h5
from mript_jax.data.readers import open_source
from mript_jax.data.readers.base import Source
from mript_jax.data.records import Record
from mript_jax.evaluation.metrics import psnr
from mript_jax.inference.estimate import magnitude_residuals, measurement
from mript_jax.inference.methods import UNTRAINED, network_method
from mript_jax.inference.pipeline import reconstruct_volume
from mript_jax.inference.reconstruction import Reconstruction
from mript_jax.inference.save import save_volume
from mript_jax.inference.volumes import iterate_volumes, output_name
from mript_jax.models import build_model
from mript_jax.physics.crop import center_crop
from mript_jax.physics.fourier import fft2c
from mript_jax.physics.masks import sample_mask
from mript_jax.physics.measurement import zero_filled_image
from mript_jax.physics.tasks import make_task

CONFIGS = Path(__file__).parents[2] / "configs"
SMALL = {
    "simmim": {"width": 24, "depths": (1,)},
    "simmim_swin": {"width": 12, "depths": (1, 1), "heads": (3, 3)},
    "simmim_swinrec": {"width": 12, "depths": (1,), "heads": (3,)},
    "recon_vit": {"width": 16, "depth": 1, "heads": 2},
    "unet": {"features": 4, "pools": 1},
}
FAST = ("simmim",)  # the others differ by their network alone
SIZE = 40  # of k-space along the phase-encoding direction


SLOW = [pytest.param(name, marks=pytest.mark.slow) for name in SMALL if name not in FAST]


@pytest.fixture(scope="module", params=[*FAST, *SLOW])
def reconstruction(request):
    """An untrained model: only the measured samples are right in its images."""
    config = load_config_file(CONFIGS / f"{request.param}.py").unlock()
    config.data.image_size = 32
    config.model.update(SMALL[request.param])
    model = build_model(config.model)
    batch = {"zero_filled": np.ones((1, 32, 32, 1), np.float32)}
    batch |= {"kspace": np.ones((1, 1, 32, 32), np.complex64), "mask": np.ones((1, 32, 32))}
    init = jax.jit(lambda key: model.init(key, batch, method="predict"))
    params = init(jax.random.key(0))["params"]
    return Reconstruction(config, params)


@pytest.fixture(scope="module", params=(1, 3), ids=("one coil", "three coils"))
def scan(request, tmp_path_factory):
    """A fully sampled slice of which the image shows the middle, as the reader gives it."""
    path = tmp_path_factory.mktemp("scan") / "v.h5"
    write_fastmri_h5(path, 5, 0, 1, SIZE, coils=request.param)
    record = open_source("fastmri", str(path))[0]
    return Record(center_crop(record.image, (32, 32)), "v", 0, kspace=record.kspace)


def methods(reconstruction):
    return {"network": network_method(reconstruction)}


def test_fully_sampled_scan_is_returned_unchanged(reconstruction, scan):
    result = reconstruct_volume(methods(reconstruction), [scan], make_task("cartesian_random", 1.0))
    np.testing.assert_allclose(result.reconstruction[0], scan.image, atol=1e-4 * scan.image.max())
    np.testing.assert_allclose(result.zero_filled[0], scan.image, atol=1e-4 * scan.image.max())


@pytest.mark.parametrize("pattern", ["cartesian_random", "gaussian_2d"])
def test_reconstruction_keeps_the_measured_samples(reconstruction, scan, pattern):
    result = reconstruct_volume(methods(reconstruction), [scan], make_task(pattern, 2.0))
    images = {"found": result.reconstruction, "black": np.zeros((1, 32, 32), np.float32)}
    brightest = scan.image.max()
    score = {name: psnr(scan.image[None], image, brightest)[0] for name, image in images.items()}
    assert score["found"] > score["black"] + 3


def test_slices_with_masks_of_their_own_keep_their_measured_samples(reconstruction):
    images = np.stack([make_slice(2, i, (32, 32)).image for i in range(2)])
    masks = np.stack([sample_mask("cartesian_random", (32, 32), 2.0, 0.1, i) for i in range(2)])
    kspace = masks[:, None] * fft2c(images)[:, None]
    records = [Record(None, "v", i, kspace=kspace[i], mask=masks[i]) for i in range(2)]
    result = reconstruct_volume(methods(reconstruction), records, None)
    np.testing.assert_array_equal(result.masks, masks)
    for i, record in enumerate(records):
        alone = reconstruct_volume(methods(reconstruction), [record], None)
        np.testing.assert_allclose(result.reconstruction[i], alone.reconstruction[0], atol=1e-5)
    if reconstruction.config.model.name == "simmim":  # whose complex image has them as they are
        measured = measurement(kspace, masks)
        assert np.all(magnitude_residuals(result.reconstruction, measured) < 1e-2)


def test_image_without_a_mask_is_never_black(reconstruction, scan, caplog):
    mask = sample_mask("cartesian_random", (32, 32), 2.0, 0.08, 0)
    image = np.abs(zero_filled_image(scan.image, mask)).astype(np.float32)
    result = reconstruction(image)
    assert result.shape == image.shape and np.isfinite(result).all() and result.std() > 0
    if reconstruction.config.model.name == "simmim":
        np.testing.assert_allclose(result, image, atol=1e-5 * image.max())
        assert "needs a mask" in caplog.text


@pytest.mark.parametrize(
    ("volume", "name"),
    [
        ("scan.h5", "scan"),
        ("1.2.840.113619.2.1", "1.2.840.113619.2.1"),  # a DICOM series
        ("sub-1/anat/T1w.nii.gz", "sub-1_anat_T1w"),
        ("knee.v2.H5", "knee.v2"),
        ("phantom-1-7", "phantom-1-7"),
    ],
)
def test_output_name_loses_only_the_ending_of_a_scan(volume, name):
    assert output_name(volume) == name


def test_volumes_never_overwrite_each_other():
    class Numbers(Source):
        def __getitem__(self, index):
            return index

    source = Numbers(("a/v.h5", "a/v.h5", "a_v.h5", "w", "a/v.h5"))
    assert [(name, list(slices)) for name, slices in iterate_volumes(source)] == [
        ("a_v", [0, 1]),
        ("a_v_2", [2]),
        ("w", [3]),
        ("a_v_3", [4]),
    ]


def test_files_of_one_name_in_two_folders_are_two_volumes(tmp_path):
    for index, folder in enumerate("ab"):
        (tmp_path / folder).mkdir()
        write_fastmri_h5(tmp_path / folder / "v.h5", 5, index, 2, 32)
    volumes = dict(iterate_volumes(open_source("fastmri", str(tmp_path))))
    assert {name: len(records) for name, records in volumes.items()} == {"a_v": 2, "b_v": 2}
    output = tmp_path / "output"
    output.mkdir()
    for name, records in volumes.items():
        task = make_task("cartesian_random", 2.0)
        result = reconstruct_volume({"zero_filled": UNTRAINED["zero_filled"]}, records, task, name)
        save_volume(output, result, ("h5", "png"))
    names = sorted(path.name for path in output.iterdir())
    assert names == ["a_v.h5", "a_v.png", "b_v.h5", "b_v.png"]


@pytest.mark.parametrize(("source", "output"), [("scan.h5", "."), ("../scans", "images")])
def test_reconstructions_are_not_written_among_the_scans(launch, tmp_path, source, output):
    folder = tmp_path / "scans"
    folder.mkdir()
    (folder / "scan.h5").write_text("k-space")
    arguments = (f"--input={source}", f"--output={output}", "--checkpoint=nowhere")
    told = launch("reconstruct.py", *arguments, folder=folder)
    assert told.status == 2 and "give a folder beside them" in told.stderr
    assert [path.name for path in folder.iterdir()] == ["scan.h5"]
