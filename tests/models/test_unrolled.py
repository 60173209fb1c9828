"""The unrolled reconstruction: what holds for every regularizer, and the physics inside."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mript_jax.config import load_config_file
from mript_jax.data.coil_maps import draw_coils
from mript_jax.errors import UserError
from mript_jax.models import build_model
from mript_jax.models.coil_maps import unit_maps
from mript_jax.models.scan_description import estimate_noise
from mript_jax.models.starts import STARTS
from mript_jax.models.unrolled_consistency import Adaptive, Scan, consistent
from mript_jax.physics.coils import calibration_images, root_sum_of_squares
from mript_jax.physics.fourier import fft2c, ifft2c
from mript_jax.physics.masks import sample_mask
from mript_jax.physics.measurement import Measurement, forward
from mript_jax.physics.tasks import PATTERN_NAMES
from tests.models.test_regularizer import CONV, STEM

TINY = {
    "name": "unrolled",
    "cascades": 2,
    "network": CONV,
    "dtype": "float32",
    "steps": 1,
    "memory": 2,
    "condition": 4,
    "start": "zero_filled",
    "guide": "none",  # which takes long to compile
}
GUIDED = {**TINY, "cascades": 1, "guide": "sparse"}


def make_batch(coils=1, shape=(16, 16), noise=0.0, pattern="gaussian_2d", acceleration=2.0):
    """Two smooth complex objects, sampled: what a model reads, and what made it."""
    rng = np.random.default_rng(0)
    y, x = (np.linspace(-1, 1, n) for n in shape)
    hill = np.exp(-3 * (y[:, None] ** 2 + (x - 0.2) ** 2)) + 0.4 * np.exp(-20 * x**2)
    image = hill * np.exp(1j * (0.5 * x + 0.8 * y[:, None] ** 2))
    image = np.stack([image, 0.5 * image.conj()]).astype(np.complex64)
    maps = np.stack([draw_coils(coils, shape, rng)[0]] * 2)
    mask = np.stack([sample_mask(pattern, shape, acceleration, 0.1, i) for i in range(2)])
    parts = noise * rng.standard_normal((2, *maps.shape), dtype=np.float32)
    kspace = mask[:, None] * (fft2c(maps * image[:, None]) + parts[0] + 1j * parts[1])
    batch = {"kspace": kspace.astype(np.complex64), "mask": mask}
    return batch, image, maps


@functools.cache
def jitted(model, train=False):
    return jax.jit(
        lambda params, batch: model.apply({"params": params}, batch, train, method="predict")
    )


def predict(model, params, batch):
    return np.asarray(jitted(model)(params, batch))


@pytest.fixture(scope="module")
def parameters(random_params):
    """Random parameters of a model, for which nothing is at zero."""

    def make(model, batch):
        def init():
            return model.init(jax.random.key(0), batch, method="predict")["params"]

        return random_params(jax.eval_shape(init))

    return make


def test_images_may_be_odd_and_rectangular(parameters):
    model = build_model(GUIDED)
    batch, *_ = make_batch(2, (13, 18))
    image = predict(model, parameters(model, batch), batch)
    assert image.shape == (2, 13, 18, 1)
    assert image.dtype == np.float32
    assert np.isfinite(image).all()


@pytest.mark.parametrize(
    ("coils", "maps", "network"),
    [
        (3, "refined", CONV),
        pytest.param(1, "calibrated", STEM, marks=pytest.mark.slow),
    ],
)
def test_gradients_are_finite_and_reach_every_parameter(coils, maps, network, parameters):
    model = build_model({**GUIDED, "network": network, "maps": maps})
    batch, image, _ = make_batch(coils, noise=0.01)
    batch["kspace"][1] = 0  # an example of weight 0 may be blank

    @jax.jit
    @jax.grad
    def gradient(params):
        estimate = model.apply({"params": params}, batch, True, method="predict")[..., 0]
        return jnp.mean(jnp.abs(estimate[0] - np.abs(image[0]))) + 0 * jnp.sum(estimate[1])

    for path, leaf in jax.tree_util.tree_leaves_with_path(gradient(parameters(model, batch))):
        assert np.isfinite(leaf).all(), path
        assert np.abs(leaf).max() > 0, path


def test_closed_gate_keeps_the_guide_out_and_an_open_one_takes_it_over(parameters):
    batch, *_ = make_batch(1, noise=0.01)
    model = build_model(GUIDED)
    params = jax.tree.map(lambda x: 0 * x, parameters(model, batch))
    images = {}
    for name, bias in (("closed", -50.0), ("open", 50.0)):
        params["cascades"]["gate"]["bias"] = np.full((1, 1), bias, np.float32)
        images[name] = predict(model, params, batch)
    for guide, name in (("zero_filled", "closed"), ("sparse", "open")):
        alone = build_model({**TINY, "cascades": 1, "start": guide})
        own = jax.tree.map(lambda x: 0 * x, parameters(alone, batch))
        np.testing.assert_allclose(images[name], predict(alone, own, batch), atol=1e-5)
    assert np.abs(images["open"] - images["closed"]).max() > 0.01


def test_given_maps_may_be_relative_to_any_phase(parameters):
    model = build_model({**GUIDED, "maps": "given"})
    batch, _, maps = make_batch(3, noise=0.01)
    batch = {**batch, "sensitivities": maps}
    params = parameters(model, batch)
    turned = maps * np.exp(2j * np.linspace(0, 1, maps.shape[-1])).astype(np.complex64)
    image = predict(model, params, batch)
    np.testing.assert_allclose(
        predict(model, params, {**batch, "sensitivities": turned}), image, atol=1e-4
    )


def test_image_is_zero_where_no_coil_sees_anything(parameters):
    batch, _, maps = make_batch(3, noise=0.01)
    maps[:, :, :, :4] = 0
    model = build_model({**TINY, "cascades": 1})
    image = predict(model, parameters(model, batch), {**batch, "sensitivities": maps})
    assert image[:, :, :4].max() < 1e-5 and image[:, :, 4:].max() > 0.1


def test_padded_coils_of_zeros_change_nothing(parameters):
    batch, *_ = make_batch(3, noise=0.01)
    padded = dict(batch, kspace=np.pad(batch["kspace"], [(0, 0), (0, 2), (0, 0), (0, 0)]))
    model = build_model({**TINY, "cascades": 1, "start": "sparse"})
    params = parameters(model, batch)
    images = [predict(model, params, b) for b in (batch, padded)]
    np.testing.assert_allclose(*images, rtol=1e-4, atol=1e-5)


def test_kspace_of_the_prediction_is_that_of_its_complex_image(parameters):
    batch, *_ = make_batch(coils=3)
    model = build_model(TINY)
    params = parameters(model, batch)
    variables = {"params": params}
    kspace = jax.jit(lambda b: model.apply(variables, b, method="predict_kspace"))(batch)
    image = predict(model, params, batch)[..., 0]
    assert kspace.shape == batch["kspace"].shape
    combined = root_sum_of_squares(ifft2c(kspace), axis=1)
    inside = image > 0.1 * image.max()  # where maps have unit length
    np.testing.assert_allclose(combined[inside], image[inside], rtol=1e-3)


def test_model_of_magnitudes_has_no_kspace_to_learn_from():
    with pytest.raises(UserError, match="UNet has no complex image"):
        build_model(load_config_file("unet").model).predict_kspace({})


@pytest.mark.parametrize(
    ("coils", "start"),
    [
        (3, "sparse"),
        pytest.param(3, "sense", marks=pytest.mark.slow),
        pytest.param(1, "sense", marks=pytest.mark.slow),
    ],
)
def test_images_scale_with_the_input(coils, start, parameters):
    batch, *_ = make_batch(coils, noise=0.01)
    model = build_model({**TINY, "cascades": 1, "start": start})
    params = parameters(model, batch)
    image = predict(model, params, batch)
    for factor in (np.float32(1e-7), np.float32(300)):
        scaled = predict(model, params, dict(batch, kspace=factor * batch["kspace"]))
        np.testing.assert_allclose(scaled / factor, image, rtol=1e-3, atol=1e-4 * image.max())


@pytest.mark.parametrize("coils", [1, 6])
def test_starts_come_nearer_the_better_they_are(coils):
    batch, _, maps = make_batch(coils, (32, 32), noise=0.003, acceleration=4.0)
    y, x = np.mgrid[:32, :32]
    image = (1.0 * (np.hypot(y - 16, x - 14) < 9) + 0.5 * (abs(x - 20) < 3)) * np.exp(0.02j * y * x)
    kspace = batch["mask"][:, None] * fft2c(maps * image)
    scan = scan_of(dict(batch, kspace=kspace.astype(np.complex64)), maps, np.full(2, 0.003))
    errors = [np.linalg.norm(np.abs(STARTS[name](scan)) - np.abs(image)) for name in STARTS]
    assert errors[1] < (0.9 if coils > 1 else 1.1) * errors[0]
    assert errors[2] < 0.8 * errors[1]


def test_consistency_becomes_hard_where_noise_vanishes():
    batch, image, maps = make_batch()
    wrong = image + np.float32(0.3)

    def residual(x):
        return np.linalg.norm(forward(x, batch["mask"], maps) - batch["kspace"])

    kept = [
        residual(consistency(wrong, scan_of(batch, maps, np.full(2, noise)))) / residual(wrong)
        for noise in (1e-6, 1e-2, 1.0)
    ]
    assert kept[0] < 1e-4 < kept[1] < 0.1 < kept[2]


def scan_of(batch, maps, noise):
    measured = Measurement(batch["kspace"], batch["mask"], maps)
    return Scan(measured, jnp.asarray(noise, jnp.float32))


def consistency(x, scan, cascades=1):
    """An image after adaptive consistency, whose error in k-space is at its initial value."""
    module, condition = Adaptive(6), jnp.zeros((2, 4))
    for _ in range(cascades):
        x, _ = module.init_with_output(jax.random.key(0), x, 0 * x, scan, condition)
    return x


@pytest.mark.parametrize(
    ("consistency", "vanishes"),
    [("hard", True), pytest.param("learned", False, marks=pytest.mark.slow)],
)
def test_residual_is_zero_where_the_samples_are_kept(consistency, vanishes, parameters):
    batch, *_ = make_batch()
    model = build_model({**TINY, "cascades": 1, "consistency": consistency})
    params = parameters(model, batch)
    apply = jax.jit(
        lambda params: model.apply({"params": params}, batch, method="predict_with_residual")
    )
    image, found = apply(params)
    np.testing.assert_allclose(image, predict(model, params, batch), rtol=1e-5, atol=1e-6)
    assert found.shape == (2,)
    assert (found < 1e-5).all() if vanishes else (found > 1e-2).all()


def test_one_coil_has_the_closed_form_of_many():
    batch, image, maps = make_batch(noise=0.01)
    phase = maps * np.exp(1j * np.linspace(0, 3, 16)).astype(np.complex64)
    one = Measurement(batch["kspace"], batch["mask"], phase)
    two = Measurement(np.repeat(one.kspace, 2, 1), one.mask, np.repeat(phase, 2, 1) / 2**0.5)
    closed, solved = (
        consistent(0 * image, jnp.full(2, w), m, 30) for w, m in ((0.1, one), (0.1, two))
    )
    np.testing.assert_allclose(closed, solved / 2**0.5, atol=1e-4)


@pytest.mark.parametrize("coils", [1, 4])
def test_noise_is_estimated_from_kspace(coils):
    for noise in (0.003, 0.03):
        batch, *_ = make_batch(coils, (48, 40), noise, acceleration=4.0)
        found = np.asarray(estimate_noise(batch["kspace"], batch["mask"]))
        np.testing.assert_allclose(found, noise, rtol=0.35)


@pytest.mark.parametrize("pattern", PATTERN_NAMES)
def test_calibrated_maps_are_near_the_coils_own(pattern):
    batch, image, coils = make_batch(6, (48, 48), pattern=pattern, acceleration=4.0)
    maps = np.asarray(unit_maps(calibration_images(batch["kspace"], batch["mask"])))
    likeness = np.abs(np.sum(maps.conj() * coils, axis=1))[0][np.abs(image[0]) > 0.2]
    assert np.median(likeness) > 0.98
    np.testing.assert_allclose(np.sum(np.abs(maps) ** 2, axis=1), 1, rtol=1e-3)


def test_given_maps_and_noise_are_used(parameters):
    batch, _, maps = make_batch(3, noise=0.01)
    batch["noise_level"] = np.full(2, 0.01, np.float32)
    model = build_model({**TINY, "cascades": 1})
    params = parameters(model, batch)
    image = predict(model, params, batch)
    for field in ({"sensitivities": maps}, {"noise_level": 30 * batch["noise_level"]}):
        assert np.abs(predict(model, params, batch | field) - image).max() > 1e-3
    assert model.batch_fields() == ("kspace",)
    assert "sensitivities" in build_model({**TINY, "maps": "given"}).batch_fields()


@pytest.mark.parametrize(
    "change",
    [
        {"scan_cascades": True, "remat": True},
        pytest.param({"scan_cascades": True}, marks=pytest.mark.slow),
        pytest.param({"remat": True}, marks=pytest.mark.slow),
        pytest.param(
            {"scan_cascades": True, "remat": True, "guide": "sparse"}, marks=pytest.mark.slow
        ),
    ],
    ids=str,
)
def test_loop_scan_and_remat_are_the_same_computation(change, parameters):
    batch, *_ = make_batch(noise=0.01)
    params = parameters(build_model({**TINY, **change}), batch)
    values = []
    for options in ({**change, "scan_cascades": False, "remat": False}, change):
        model = build_model({**TINY, **options})

        @jax.jit
        @jax.value_and_grad
        def loss(params, model=model):
            return jnp.mean(model.apply({"params": params}, batch, True, method="predict") ** 2)

        values.append(jax.tree.leaves(loss(params)))
    for ours, theirs in zip(*values, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-5)


def test_a_program_of_more_cascades_is_larger_only_for_training_on_a_cpu(parameters):
    batch, *_ = make_batch()

    def convolutions(cascades, train):
        model = build_model({**TINY, "cascades": cascades})
        params = parameters(model, batch)
        program = jax.jit(lambda p: model.apply({"params": p}, batch, train, method="predict"))
        return program.lower(params).compile().as_text().count(" convolution(")

    assert 0 < convolutions(2, train=False) == convolutions(4, train=False)
    on_cpu = jax.default_backend() == "cpu"
    assert convolutions(4, train=True) == (1 + on_cpu) * convolutions(2, train=True)


def test_shared_cascades_have_one_set_of_weights(parameters):
    batch, *_ = make_batch(noise=0.01)
    own, shared = (build_model({**TINY, "shared": s}) for s in (False, True))
    many, one = parameters(own, batch), parameters(shared, batch)
    assert all(leaf.shape[0] == 2 for leaf in jax.tree.leaves(many["cascades"]))
    repeated = {name: value for name, value in one.items() if name != "cascade"}
    repeated["cascades"] = jax.tree.map(lambda leaf: np.stack([leaf] * 2), one["cascade"])
    images = predict(shared, one, batch), predict(own, repeated, batch)
    np.testing.assert_allclose(*images, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"network": {**CONV, "name": "cnov"}}, "did you mean 'conv'"),
        ({"network": {**CONV, "deph": 2}}, "did you mean 'depth'"),
        ({"network": {**STEM, "mixers": ("row",)}}, "did you mean 'rows'"),
        ({"network": {**CONV, "features": 0}}, "config.model.network.features=0"),
        ({"consistency": "soft"}, "must be 'adaptive'"),
        ({"maps": "calibrate"}, "did you mean 'calibrated'"),
        ({"memory": 1}, "0, or 2 or more"),
        ({"cascades": 0}, "config.model.cascades=0"),
    ],
)
def test_fields_that_cannot_be_are_named(change, message):
    with pytest.raises(UserError, match=message):
        build_model({**TINY, **change})
