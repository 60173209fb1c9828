"""Options of XLA: those that it does not know are left out."""

import jax

from mript_jax.training import compile_options


def compiled(platform):
    step = jax.jit(lambda x: x @ x + 1, compiler_options=compile_options.training_step(platform))
    return step.lower(jax.numpy.ones((512, 512))).compile().as_text()


def test_training_steps_on_cpus_use_no_ynnpack():
    assert "ynn" not in compiled("cpu")


def test_option_that_xla_does_not_know_is_left_out(monkeypatch):
    monkeypatch.setattr(compile_options, "_WITHOUT_YNNPACK", {"xla_no_such_option": ""})
    compile_options.training_step.cache_clear()
    try:
        assert compile_options.training_step("cpu") == {}
    finally:
        compile_options.training_step.cache_clear()


def test_other_platforms_have_none():
    assert compile_options.training_step("gpu") == compile_options.training_step("tpu") == {}
