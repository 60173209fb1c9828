"""Several checkpoints and baselines stand in one table, each fed as it was trained."""

import hashlib
from functools import partial

import jax
import numpy as np
import pytest
from ml_collections import ConfigDict

import mript_jax
from mript_jax.checkpoint import load_params, save_params
from mript_jax.commit import commit
from mript_jax.config import base_config
from mript_jax.data.phantom.source import PhantomSource
from mript_jax.data.phantom.volume import write_fastmri_h5
from mript_jax.data.pipeline import evaluation_batches
from mript_jax.errors import UserError
from mript_jax.evaluation.baselines import WEIGHTED, total_variation
from mript_jax.evaluation.results import latex_table, markdown_table, scaled_by_reference
from mript_jax.experiments.comparison import compare
from mript_jax.inference.reconstruction import Reconstruction
from mript_jax.models import build_model
from mript_jax.physics.tasks import make_task
from mript_jax.pretrained import PRETRAINED, Pretrained
from mript_jax.weights_file import write_weights

METHODS = {"one", "two", "total_variation", "zero_filled"}


@pytest.fixture(autouse=True)
def few_iterations(monkeypatch):
    monkeypatch.setitem(WEIGHTED, "total_variation", partial(total_variation, iterations=5))


def make_config(**data):
    config = base_config()
    config.data.options.phantom = {"count": 60, "size": 32, "seed": 1}
    config.data.image_size = 32
    config.data.update(data)
    config.evaluation.update({"max_slices": 4, "batch_size": 4, "patterns": ("radial",)})
    config.evaluation.update({"accelerations": (3.0, 12.0), "center_fractions": (0.09, 0.02)})
    config.model = ConfigDict({"name": "unet", "features": 2, "pools": 1, "dtype": "float32"})
    return config.lock()


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory):
    """The same weights, said to be trained on slices scaled in two ways and on two grids."""
    folder = tmp_path_factory.mktemp("checkpoints")
    model = build_model(make_config().model)
    image = np.zeros((1, 32, 32, 1), np.float32)
    params = jax.jit(model.init)(jax.random.key(0), image)["params"]
    one = make_config(scale="target")
    two = make_config(scale="zero_filled", patterns=("gaussian_2d",))
    for name, config in (("one", one), ("two", two)):
        save_params(folder / name, params, config)
    return {name: str(folder / name) for name in ("one", "two")}


def test_methods_share_the_same_slices_of_held_out_tasks(checkpoints):
    results, examples = compare(make_config(), checkpoints, ["total_variation"], seed=5)
    assert {row["method"] for row in results["rows"]} == METHODS
    assert len(results["rows"]) == 2 * len(METHODS) and len(examples) == 2 * 4
    assert {(r["pattern"], r["count"]) for r in results["rows"]} == {("radial", 4)}
    assert results["seed"] == 5 and len(results["config_hash"]) == 12
    about = results["methods"]
    assert about["one"]["trained_with"] != about["two"]["trained_with"]
    assert about["one"]["weights_sha256"] == about["two"]["weights_sha256"]  # the same arrays
    assert results["version"] == mript_jax.__version__ and results["commit"] == commit()
    assert "none of the" in about["one"]["unseen"]
    assert scaled_by_reference(results) == ["one"]
    for table in (markdown_table(results), latex_table(results)):
        assert "reference's maximum: one" in table and "n = 4" in table


def test_weights_of_compressed_sensing_are_chosen_on_as_many_slices_as_asked(
    checkpoints, monkeypatch
):
    counts = []

    def tuned(batch, weight):
        counts.append(int(batch["weight"].sum()))
        return total_variation(batch, weight, iterations=1)

    monkeypatch.setitem(WEIGHTED, "total_variation", tuned)
    one = {"one": checkpoints["one"]}
    results, _ = compare(make_config(), one, ["total_variation"], tuning_slices=2)
    assert counts[:-2] and set(counts[:-2]) == {2}  # but for the two tasks' own slices
    assert results["tuning_slices"] == 2


def test_measured_kspace_is_scored_by_volumes(checkpoints, tmp_path):
    for index in range(8):
        write_fastmri_h5(tmp_path / f"scan_{index}.h5", 9, index, slices=2, size=32, coils=2)
    config = make_config(source="fastmri", path=str(tmp_path), split_fractions=(0.5, 0.0, 0.5))
    config.evaluation.protocol = "fastmri_official"
    # What it was trained with does not matter; 3 slices are rounded up to whole volumes.
    config.data.options.fastmri.kspace = False
    config.evaluation.max_slices = 3
    results, _ = compare(config, checkpoints)
    assert {row["method"] for row in results["rows"]} == METHODS - {"total_variation"}
    assert {row["count"] for row in results["rows"]} == {2}  # volumes, of 2 slices each
    assert scaled_by_reference(results) == []


def test_the_papers_protocol_simulates_kspace_whatever_was_trained_on(checkpoints, tmp_path):
    for index in range(6):
        write_fastmri_h5(tmp_path / f"scan_{index}.h5", 9, index, slices=1, size=32, coils=2)
    folder = {"source": "fastmri", "path": str(tmp_path), "split_fractions": (0.5, 0.0, 0.5)}
    (simulated, _), (measured, _) = (
        compare(make_config(undersampling=of, **folder), checkpoints) for of in ("image", "kspace")
    )
    assert measured["rows"] == simulated["rows"]


def measured_config(**data):
    config = make_config(**data).unlock()
    config.evaluation.protocol = "measured"
    return config.lock()


@pytest.mark.parametrize(
    "baselines", [(), pytest.param(("total_variation",), marks=pytest.mark.slow)]
)
def test_measured_protocol_simulates_noisy_scans_of_several_coils(checkpoints, baselines):
    config = measured_config(simulation={"coils": (3,)})
    results, examples = compare(config, checkpoints, baselines, seed=5)
    methods = METHODS - {"total_variation"} | {"conjugate_symmetry", *baselines}
    assert {row["method"] for row in results["rows"]} == methods
    assert results["protocol"] == "measured"
    assert results["dataset"] == "phantom with 3 coils, noise 0.005"
    image = PhantomSource(count=60, size=32, seed=1, noise=False)[
        int(examples[0].volume[10:])
    ].image
    reference = examples[0].pictures["reference"]
    np.testing.assert_allclose(reference, image / image.max(), atol=1e-4)  # without noise
    again, _ = compare(config, checkpoints, baselines, seed=5)
    assert again["rows"] == results["rows"]


def test_images_of_simulated_coils_are_those_of_reconstruction(tmp_path, random_params):
    config = measured_config(simulation={"coils": (4,)}, undersampling="simulated").unlock()
    config.evaluation.update({"patterns": ("cartesian_random",), "max_slices": 2})
    config.evaluation.update({"accelerations": (2.0,), "center_fractions": (0.2,)})
    network = {"name": "conv", "features": 2, "depth": 1, "dtype": "float32"}
    config.model = {"name": "unrolled", "cascades": 1, "network": network, "dtype": "float32"}
    config.model.update({"guide": "none", "memory": 0, "condition": 4})
    task, fields = make_task("cartesian_random", 2.0, 0.2), ("kspace",)
    ((batch, _),) = evaluation_batches(config.data, "test", task, 2, max_slices=2, fields=fields)
    model = build_model(config.model)
    init = partial(model.init, method="predict")
    params = random_params(jax.eval_shape(init, jax.random.key(0), batch)["params"])
    save_params(tmp_path, params, config)
    _, examples = compare(config, {"net": str(tmp_path)})
    images = Reconstruction(config, params).from_kspace(batch["kspace"], batch["mask"])
    for example, image in zip(examples, images, strict=True):
        found, reference = example.pictures["net"], example.pictures["reference"]
        image *= np.sum(reference * image) / np.sum(image**2)  # as this protocol scales it
        np.testing.assert_allclose(found, image, atol=1e-4)


def test_measured_protocol_compares_scans_with_their_own_reference(checkpoints, tmp_path):
    for index in range(8):
        write_fastmri_h5(tmp_path / f"scan_{index}.h5", 9, index, slices=2, size=32, coils=2)
    folder = {"source": "fastmri", "path": str(tmp_path), "split_fractions": (0.5, 0.0, 0.5)}
    results, examples = compare(measured_config(**folder), checkpoints)
    methods = METHODS - {"total_variation"} | {"conjugate_symmetry"}
    assert {row["method"] for row in results["rows"]} == methods
    assert {row["count"] for row in results["rows"]} == {4}  # slices
    assert {example.volume for example in examples} <= {f"scan_{i}.h5" for i in range(8)}


def test_conjugate_symmetry_gains_on_magnitudes_and_not_on_scans(checkpoints):
    gains = {}
    for protocol in ("mript_paper", "measured"):
        config = make_config().unlock()
        config.data.options.phantom.size = config.data.image_size = 64
        config.evaluation.update(
            {
                "protocol": protocol,
                "patterns": ("cartesian_equispaced",),
                "accelerations": (2.0,),
                "center_fractions": (0.1,),
            }
        )
        one = {"one": checkpoints["one"]}
        results, _ = compare(config.lock(), one, ["conjugate_symmetry"])
        psnr = {row["method"]: row["psnr"] for row in results["rows"]}
        gains[protocol] = psnr["conjugate_symmetry"] - psnr["zero_filled"]
    assert gains["mript_paper"] > 3.0
    assert gains["measured"] < 1.0


def test_results_name_the_artifacts_of_the_data(checkpoints):
    config = make_config(noise=0.01)
    config.data.artifacts.spikes = 0.5
    results, _ = compare(config, checkpoints)
    assert results["dataset"] == "phantom with spikes 0.5, noise 0.01"


def test_training_data_of_initial_weights_is_refused_too(checkpoints, tmp_path):
    config = make_config(source="images", path="/nowhere").unlock()
    config.init_from = checkpoints["one"]
    save_params(tmp_path, {"w": np.zeros(1)}, config)
    evaluated = make_config()
    evaluated.evaluation.split = "train"
    with pytest.raises(UserError, match="were trained on"):
        compare(evaluated, {"tuned": str(tmp_path)})


def test_weights_that_started_from_an_earlier_version_of_themselves_are_evaluated(
    checkpoints, tmp_path
):
    config = make_config().unlock()
    config.init_from = str(tmp_path)
    save_params(tmp_path, load_params(checkpoints["one"]), config)
    results, _ = compare(make_config(), {"next": str(tmp_path)})
    assert "is now a later version of it" in results["unseen"]


def test_earlier_versions_of_a_model_of_the_package_are_nothing_to_tell(
    checkpoints, tmp_path, monkeypatch
):
    config, path = make_config().unlock(), tmp_path / "mine.safetensors"
    config.init_from = "mine"
    write_weights(path, load_params(checkpoints["one"]), config.to_json_best_effort(), step=1)
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    mine = Pretrained(str(path), "a test", path.stat().st_size, sha256, licence="", card="")
    monkeypatch.setitem(PRETRAINED, "mine", mine)
    save_params(tmp_path / "tuned", load_params(checkpoints["one"]), config)
    results, _ = compare(make_config(), {"mine": "mine", "tuned": str(tmp_path / "tuned")})
    told = {about["unseen"] for about in results["methods"].values()}
    assert told == {"none of the 9 subjects was trained on"}


def test_an_unknown_baseline_is_answered_with_the_nearest_one(checkpoints):
    with pytest.raises(UserError, match="wavelet"):
        compare(make_config(), checkpoints, ["wavelets"])
