import tracemalloc

import h5py
import numpy as np
import pytest

from mript_jax.data.phantom.volume import write_fastmri_h5
from mript_jax.data.readers import open_source
from mript_jax.errors import UserError
from mript_jax.physics.coils import root_sum_of_squares
from mript_jax.physics.crop import center_crop
from mript_jax.physics.fourier import ifft2c


@pytest.mark.parametrize("coils", [1, 3])
def test_reference_is_the_center_of_a_wider_kspace(tmp_path, coils):
    write_fastmri_h5(tmp_path / "v.h5", 0, 0, slices=2, size=32, coils=coils, columns=42)
    source = open_source("fastmri", str(tmp_path / "v.h5"))
    assert len(source) == 2
    for record in source:
        assert record.kspace.shape == (coils, 64, 42) and record.image.shape == (32, 32)
        images = center_crop(ifft2c(record.kspace), (32, 32))
        np.testing.assert_allclose(
            root_sum_of_squares(images, axis=0), record.image, atol=1e-6 * record.image.max()
        )
        assert record.attributes["recon_size"] == [32, 32]
        assert record.attributes["padding"] == [0, 42]
    with h5py.File(tmp_path / "v.h5") as file:
        reference = file["reconstruction_esc" if coils == 1 else "reconstruction_rss"][:]
        assert file.attrs["max"] == reference.max()
        assert file.attrs["norm"] == pytest.approx(np.linalg.norm(reference))


def test_volume_is_never_held_in_memory(tmp_path):
    slices, size, coils = 24, 32, 8
    tracemalloc.start()
    write_fastmri_h5(tmp_path / "v.h5", 0, 0, slices, size, coils)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < slices * coils * 2 * size * size * 8 / 2  # half of the volume's k-space


def test_kspace_narrower_than_the_image_is_refused(tmp_path):
    with pytest.raises(UserError, match="columns=16"):
        write_fastmri_h5(tmp_path / "v.h5", 0, 0, slices=1, size=32, columns=16)
