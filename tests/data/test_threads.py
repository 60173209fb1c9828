"""NumPy's threads beside a training."""

from threadpoolctl import threadpool_info

from mript_jax.config import load_config_file
from mript_jax.data.pipeline import build_pipeline


def test_pipeline_leaves_numpy_one_thread():
    config = load_config_file("unrolled").unlock().data
    config.image_size = 32
    config.options.phantom.update({"count": 8, "size": 32})
    config.mixture = ()
    next(build_pipeline(config, "train", 0, 2, fields=("kspace",)))
    blas = [library for library in threadpool_info() if library["user_api"] == "blas"]
    assert blas and all(library["num_threads"] == 1 for library in blas)
