"""Options of XLA: those that it does not know are left out."""

import jax

from mript_jax.training import compile_options
from mript_jax.training.compile_options import training_step


def compiled(**options):
    step = jax.jit(lambda x: x @ x + 1, compiler_options=training_step("cpu", **options))
    return step.lower(jax.numpy.ones((512, 512))).compile().as_text()


def test_training_steps_on_cpus_use_ynnpack_with_a_core_for_each_example_alone():
    assert "ynn" not in compiled(core_each=False)
    assert "ynn" in compiled(core_each=True)


def test_option_that_xla_does_not_know_is_left_out(monkeypatch):
    monkeypatch.setattr(compile_options, "_WITHOUT_YNNPACK", {"xla_no_such_option": ""})
    training_step.cache_clear()
    try:
        assert training_step("cpu", core_each=False) == {}
    finally:
        training_step.cache_clear()


def test_other_platforms_have_none():
    assert all(training_step(platform, core_each=False) == {} for platform in ("gpu", "tpu"))
