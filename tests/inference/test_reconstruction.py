"""The Python interface: arrays of any layout in, images out, whatever the batches inside."""

import flax.linen as nn
import jax.numpy as jnp
import numpy as np
import pytest

from mript_jax import side_by_side
from mript_jax.config import base_config
from mript_jax.data.phantom.slices import make_slice
from mript_jax.data.phantom.volume import coil_sensitivities
from mript_jax.errors import UserError
from mript_jax.inference import batch_runner
from mript_jax.inference.batch_runner import BATCH_SIZE
from mript_jax.inference.reconstruction import Reconstruction, load
from mript_jax.models.base import ReconstructionModel
from mript_jax.physics.coils import combine, estimate_sensitivities
from mript_jax.physics.fourier import fft2c, ifft2c
from mript_jax.physics.masks import sample_mask

SHAPE = (40, 32)
RNG = np.random.default_rng(0)


class ZeroFilled(ReconstructionModel):
    """The magnitude image it is given, times the acceleration."""

    @nn.compact
    def predict(self, batch, train=False):
        return batch["zero_filled"] * batch["acceleration"][:, None, None, None]


class Combined(ReconstructionModel):
    """The coil combination of its k-space, by the maps that it is given."""

    multi_coil = True
    fills_kspace = True

    @nn.compact
    def predict(self, batch, train=False):
        maps = batch.get("sensitivities", jnp.ones_like(batch["kspace"]))
        return jnp.abs(combine(ifft2c(batch["kspace"]), maps))[..., None]

    def batch_fields(self):
        return ("kspace",)


class WithMapsOfItsOwn(Combined):
    """As `Combined`, of a model that refines maps."""

    def takes_sensitivities(self):
        return False


@pytest.fixture
def recon(monkeypatch, request):
    monkeypatch.setattr(batch_runner, "build_model", lambda config: request.param())
    config = base_config().unlock()
    config.model = {"name": "unrolled"}
    return Reconstruction(config, {})


single_coil = pytest.mark.parametrize("recon", [ZeroFilled], indirect=True)
multi_coil = pytest.mark.parametrize("recon", [Combined], indirect=True)


@pytest.fixture(scope="module")
def scan():
    """k-space [S, C, H, W] with a mask for each slice, and the maps [C, H, W]."""
    maps = coil_sensitivities(4, SHAPE, np.random.default_rng(1))
    images = np.stack([make_slice(2, i, SHAPE).image for i in range(3)])
    masks = np.stack(
        [sample_mask("cartesian_random", SHAPE, 2.0 + 2 * i, 0.1, i) for i in range(3)]
    )
    return fft2c(images[:, None] * maps) * masks[:, None], masks, maps


class KeepsSamples(ZeroFilled):
    """A model of one coil that leaves measured samples as they are."""

    fills_kspace = True


@pytest.mark.parametrize("recon", [ZeroFilled, KeepsSamples, Combined], indirect=True)
@pytest.mark.parametrize("coils", [1, 4])
def test_spectrum_of_combined_coils_taken_for_measured_is_warned_of(recon, scan, coils, caplog):
    kspace, masks, _ = scan
    recon(kspace[:1, :coils], masks[:1], coil_axis=1)
    expected = isinstance(recon._run.model, KeepsSamples) and coils == 4
    assert ("root-sum-of-squares" in caplog.text) == expected


@multi_coil
@pytest.mark.parametrize("axis", [-3, 1, -1])
def test_coil_axis_may_stand_anywhere(recon, scan, axis):
    kspace, masks, maps = scan
    expected = np.abs(combine(ifft2c(kspace), maps))
    moved = np.moveaxis(kspace, 1, axis)
    found = recon(
        moved,
        masks,
        coil_axis=axis,
        sensitivities=np.broadcast_to(maps, kspace.shape) if axis == 1 else maps,
    )
    np.testing.assert_allclose(found, expected, atol=1e-5)
    one = (
        recon(np.moveaxis(kspace[0], 0, axis), masks[0], coil_axis=axis, sensitivities=maps)
        if (axis != 1)
        else recon(kspace[0], masks[0], coil_axis=0, sensitivities=maps)
    )
    np.testing.assert_allclose(one, expected[0], atol=1e-5)


@multi_coil
def test_maps_of_any_scale_and_phase_give_the_same_image(recon, scan):
    kspace, masks, maps = scan
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]] / SHAPE[0]
    factor = (0.2 + x) * np.exp(3j * y)
    expected = recon(kspace, masks, coil_axis=1, sensitivities=maps)
    found = recon(kspace, masks, coil_axis=1, sensitivities=factor * maps)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    stack = np.moveaxis(kspace, 1, -1)  # [S, H, W, C]
    last = recon(stack, masks, coil_axis=-1, sensitivities=np.moveaxis(maps, 0, -1))
    np.testing.assert_allclose(last, expected, atol=1e-5)


@pytest.mark.slow
def test_the_users_maps_are_as_good_as_those_that_are_estimated():
    image, maps = make_slice(7, 1, (96, 80)).image, coil_sensitivities(4, (96, 80), RNG)
    mask = sample_mask("cartesian_equispaced", (96, 80), 4.0, 0.08, 0)
    kspace = fft2c(image * maps) * mask
    reference = np.abs(image) * np.sqrt((np.abs(maps) ** 2).sum(axis=0))
    recon = load("small")
    phase = np.exp(-1j * np.angle(maps[:1]))  # the first coil real, as in BART's maps
    own, given = (
        np.linalg.norm(recon(kspace, mask, coil_axis=0, sensitivities=of) - reference)
        for of in (None, 10 * phase * maps)
    )
    assert given < 1.1 * own


@multi_coil
def test_maps_that_are_not_given_are_nearly_the_coils_own(recon, scan):
    kspace, masks, maps = scan
    own = recon(kspace, masks, coil_axis=1, sensitivities=maps)
    estimated = recon(kspace, masks, coil_axis=1)
    inside = own > 0.1 * own.max()
    low_resolution = np.abs(combine(ifft2c(kspace), estimate_sensitivities(kspace, masks)))
    errors = [np.linalg.norm((x - own)[inside]) for x in (estimated, low_resolution)]
    assert errors[0] < 0.1 * np.linalg.norm(own[inside])
    assert errors[0] < 0.8 * errors[1]


@pytest.mark.parametrize("recon", [WithMapsOfItsOwn], indirect=True)
def test_model_that_refines_maps_gets_none_but_the_users(recon, scan):
    kspace, masks, maps = scan
    alone = recon(kspace, masks, coil_axis=1)
    np.testing.assert_allclose(alone, np.abs(ifft2c(kspace).sum(axis=1)), atol=1e-5)
    given = recon(kspace, masks, coil_axis=1, sensitivities=maps)
    np.testing.assert_allclose(given, np.abs(combine(ifft2c(kspace), maps)), atol=1e-5)


@multi_coil
def test_maps_come_from_all_of_a_center_too_small_for_espirit(recon, scan, caplog):
    kspace, masks, _ = scan
    masks = masks[:1] * 0
    masks[:, :, SHAPE[1] // 2] = masks[:, :, 2::5] = 1  # one line of calibration
    assert np.isfinite(recon(kspace[:1], masks, coil_axis=1)).all()
    assert "low-resolution maps" in caplog.text


@multi_coil
def test_masks_of_slices_are_recognized_one_by_one(recon, scan):
    kspace, masks, maps = scan
    np.testing.assert_array_equal(
        recon(kspace, coil_axis=1, sensitivities=maps),
        recon(kspace, masks, coil_axis=1, sensitivities=maps),
    )


@single_coil
def test_slices_with_masks_of_their_own_have_tasks_of_their_own(recon, scan):
    kspace, masks, _ = scan
    found = recon(kspace[:, 0], masks)
    for i, mask in enumerate(masks):
        np.testing.assert_allclose(found[i], recon(kspace[i, 0], mask), rtol=1e-5)
    ratio = found.max(axis=(1, 2)) / np.abs(ifft2c(kspace[:, 0])).max(axis=(1, 2))
    assert np.all(np.diff(ratio) > 1)  # the accelerations 2, 4, 6


@single_coil
def test_slices_compile_for_few_batch_sizes(recon, scan):
    kspace, masks, _ = scan
    many = np.repeat(kspace[:1, 0], 2 * BATCH_SIZE + 3, axis=0)
    for count in range(1, len(many) + 1):
        assert recon(many[:count], masks[0]).shape == (count, *SHAPE)
    assert recon._run.predict._cache_size() <= 4


@single_coil
@pytest.mark.parametrize(("slices", "devices"), [(1, 1), (3, 4), (8, 8)])
def test_slices_are_shared_among_devices(recon, scan, monkeypatch, slices, devices):
    seen, predict = [], recon._run.predict

    def watched(params, batch):
        seen.append(batch["zero_filled"].sharding)
        return predict(params, batch)

    monkeypatch.setattr(recon._run, "predict", watched)
    kspace, masks, _ = scan
    found = recon(np.repeat(kspace[:1, 0], slices, axis=0), masks[0])
    np.testing.assert_allclose(found, np.repeat(found[:1], slices, axis=0), rtol=1e-6)
    assert [len(sharding.device_set) for sharding in seen] == [devices]
    assert not seen[0].is_fully_replicated or devices == 1


@pytest.mark.parametrize("recon", [ZeroFilled, Combined], indirect=True)
def test_slices_give_the_same_images_on_the_cores_of_a_cpu(recon, scan, monkeypatch):
    kspace, masks, _ = scan
    together = recon.estimate(kspace, masks)
    monkeypatch.setattr(side_by_side, "_cores_for_slices", lambda batch: True)
    np.testing.assert_allclose(recon.estimate(kspace, masks).images, together.images, rtol=1e-5)


@single_coil
def test_three_axes_that_look_like_coils_are_warned_of(recon, caplog):
    image, maps = make_slice(7, 0, (96, 80)).image, coil_sensitivities(6, (96, 80), RNG)
    assert recon(fft2c(image * maps), np.ones(80)).shape == (6, 96, 80)
    assert "coil_axis" in caplog.text


@pytest.mark.parametrize("recon", [ZeroFilled, Combined], indirect=True)
def test_scan_unlike_the_training_data_is_warned_of(recon, scan, caplog):
    kspace, masks, _ = scan
    recon.config.data.image_size, recon.config.data.patterns = SHAPE, ("cartesian_random",)
    recon.config.data.continuous_accelerations = (1.5, 12)
    recon.config.data.undersampling = "simulated"
    recon.config.data.simulation.coils = (kspace.shape[1],)
    recon(kspace, masks, coil_axis=1)
    assert caplog.text == ""
    noise = RNG.standard_normal((2, *kspace.shape))
    recon.config.data.image_size = 256
    recon(kspace + (noise[0] + 1j * noise[1]) * masks[:, None], masks, coil_axis=1)
    assert "its noise, " in caplog.text and "pixels are far from the 256 x 256" in caplog.text


@single_coil
def test_image_that_contradicts_its_samples_is_warned_of(recon, scan, caplog):
    kspace, masks, _ = scan
    recon(kspace[0, 0], masks[0])  # the zero-filled image times the acceleration
    assert "contradicts the measured samples" in caplog.text
    caplog.clear()
    recon(np.abs(ifft2c(kspace[0, 0])), masks[0])  # magnitudes are warned of by their size
    assert "contradicts" not in caplog.text and "its 40 x 32 pixels are far" in caplog.text


@multi_coil
def test_magnitudes_given_to_a_model_of_kspace_count_as_zero_phase(recon, scan, caplog):
    image = np.abs(ifft2c(scan[0][0, 0]))
    np.testing.assert_allclose(recon(image, np.ones(SHAPE[1])), image, atol=1e-5)
    assert "without phase" in caplog.text and "without an undersampling mask" not in caplog.text
    np.testing.assert_allclose(recon(image), image, atol=1e-5)
    assert "without an undersampling mask" in caplog.text


@single_coil
@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"mask": np.zeros(SHAPE)}, "0 everywhere"),
        ({"mask": np.full(SHAPE, np.nan)}, "NaN"),
        ({"mask": -np.ones(SHAPE)}, "holds -1"),
        ({"mask": np.full(SHAPE, 0.5)}, "holds 0.5"),
        ({"mask": np.ones(7)}, "does not fit"),
        ({"mask": np.ones((2, *SHAPE))}, "do not fit 3 slices"),
        ({"data": np.full(SHAPE, np.inf)}, "infinity"),
        ({"data": np.array([["a"]])}, "no numbers"),
        ({"data": np.zeros((0, *SHAPE), complex)}, "no samples"),
        ({"data": np.zeros(4, complex)}, "shape"),
        ({"data": np.zeros((2, 3, *SHAPE), complex)}, "names the axis of coils"),
        ({"coil_axis": 5}, "no axis"),
        ({"data": np.ones(SHAPE), "coil_axis": 0}, "real"),
        ({"sensitivities": np.ones((3, *SHAPE))}, "coil_axis"),
        ({"coil_axis": 0, "sensitivities": np.ones((2, *SHAPE))}, "fit neither"),
    ],
)
def test_wrong_input_is_a_user_error(recon, scan, change, words):
    arguments = {"data": scan[0][:, 0], **change}
    with pytest.raises(UserError, match=words):
        recon(arguments.pop("data"), arguments.pop("mask", None), **arguments)
