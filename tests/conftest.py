"""What every test shares: 8 faked CPU devices, float32 precision, strict shapes, the slow tier.

And `launch("train.py", "--flag=value")`, which runs a launch script and says what came of it.
"""

import gc
import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

os.environ.setdefault("JAX_PLATFORMS", "cpu")
# Each of pytest's processes has a core: more threads of NumPy's wait for each other in a loop.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
# Processes that a test starts import this checkout, installed or not.
os.environ["PYTHONPATH"] = os.pathsep.join(
    filter(None, (str(Path(__file__).parents[1]), os.getenv("PYTHONPATH")))
)
# Most of the time goes into compiling: it is done quickly, and once where tests compile the same.
# Without its fusion emitters JAX 0.10 compiles a gradient of MR-IPT in half the time; 0.12 ignores
# the option. One module per computation and LLVM's cheap passes alone save a quarter of the rest.
os.environ.setdefault(
    "XLA_FLAGS",
    "--xla_force_host_platform_device_count=8 --xla_backend_optimization_level=0"
    " --xla_backend_extra_options=xla_cpu_disable_new_fusion_emitters"
    " --xla_cpu_parallel_codegen_split_count=1 --xla_llvm_disable_expensive_passes=true",
)
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0.1")
os.environ.setdefault(
    "JAX_COMPILATION_CACHE_DIR", str(Path(__file__).parents[1] / ".pytest_cache" / "jax")
)

import numpy as np
import pytest

ROOT = Path(__file__).parents[1]
GOLDEN = ROOT / "tests" / "golden"


def pytest_addoption(parser):
    parser.addoption("--slow", action="store_true", help="run the slow tier too")


def pytest_configure(config):
    if config.getoption("dist") != "no" and not hasattr(config, "workerinput"):
        return  # a process that runs no test spares the seconds of the imports, here and below
    import hypothesis
    import jax

    # A newcomer's first run must not fail by chance; the slow tier looks for new examples.
    hypothesis.settings.register_profile("fast", derandomize=True, deadline=None)
    hypothesis.settings.register_profile("slow", deadline=None)
    hypothesis.settings.load_profile("slow" if config.getoption("--slow") else "fast")
    jax.config.update("jax_default_matmul_precision", "highest")
    jax.config.update("jax_numpy_rank_promotion", "raise")  # ranks that differ by accident
    jax.config.update("jax_traceback_in_locations_limit", 0)  # of operations: nobody reads them


def pytest_collection_finish():
    """What is there stays: a tracing makes objects by the million, and few that are garbage."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


def pytest_collection_modifyitems(config, items):
    if not config.getoption("--slow"):
        skip = pytest.mark.skip(reason="slow: run with --slow")
        for item in items:
            if "slow" in item.keywords:
                item.add_marker(skip)


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory):
    """A cache folder of the tests' own, for the indexes of datasets; processes inherit it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def launch():
    """Runs a script of launch/ on one device, in the checkout or in `folder`."""
    one_device = os.environ["XLA_FLAGS"].replace("device_count=8", "device_count=1")
    environment = {**os.environ, "JAX_PLATFORMS": "cpu", "XLA_FLAGS": one_device}
    server = subprocess.Popen(
        [sys.executable, str(ROOT / "tests" / "launch_server.py")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=environment,
    )

    def run(script: str, *arguments: str, folder: Path = ROOT) -> SimpleNamespace:
        asked = {"folder": str(folder), "arguments": [str(ROOT / "launch" / script), *arguments]}
        print(json.dumps(asked), file=server.stdin, flush=True)
        return SimpleNamespace(**json.loads(server.stdout.readline()))

    yield run
    server.stdin.close()
    server.wait()


@pytest.fixture
def golden():
    """Loads a golden file of tests/golden/ by its name."""

    def load(name: str):
        return np.load(GOLDEN / f"{name}.npz")

    return load


@pytest.fixture(scope="module")
def quick_config():
    """Makes a training config of 32 x 32 phantoms and a network that compiles in a moment."""
    from ml_collections import ConfigDict

    from mript_jax.config import load_config_file
    from mript_jax.models import MODELS
    from tests.quick_model import Quick

    def make(**changes):
        config = load_config_file("unet").unlock()
        config.model = ConfigDict({"name": "quick", "dtype": "float32"})
        config.update({"loss": "l1", "global_batch_size": 8})
        config.data.image_size = 32
        config.data.options.phantom.update({"count": 40, "size": 32})
        config.optimizer.update({"name": "adam", "warmup_steps": 0})
        config.update_from_flattened_dict(changes)
        return config

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(MODELS, "quick", Quick)
        yield make


@pytest.fixture(scope="session")
def random_params():
    """Random parameters of given shapes, none zero; much faster than `init`."""
    import jax

    def make(shapes, seed=0):
        generator = np.random.default_rng(seed)

        def draw(path, leaf):
            centre = 1.0 if path[-1].key == "scale" else 0.0
            spread = min(0.2, np.prod(leaf.shape[1:-1]) ** -0.5)
            return (centre + spread * generator.standard_normal(leaf.shape)).astype(np.float32)

        return jax.tree_util.tree_map_with_path(draw, shapes)

    return make
