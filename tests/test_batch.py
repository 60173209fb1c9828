"""The batch: optional fields, empty examples, and filling up with examples of weight 0."""

import numpy as np
import pytest

from mript_jax.batch import OPTIONAL_FIELDS, empty_example, read_field, stack
from mript_jax.errors import UserError


@pytest.mark.parametrize("coils", [1, 3])
def test_an_empty_example_does_not_count_and_has_the_fields_asked_for(coils):
    plain, full = (empty_example((6, 5), fields, coils) for fields in ((), OPTIONAL_FIELDS))
    assert set(full) - set(plain) == set(OPTIONAL_FIELDS)
    assert plain["weight"] == full["weight"] == 0
    for name in ("kspace", "sensitivities", "full_kspace"):
        assert full[name].shape == (coils, 6, 5) and full[name].dtype == np.complex64
    energy = np.sum(np.abs(full["sensitivities"]) ** 2, axis=0)
    np.testing.assert_allclose(energy, 1, rtol=1e-6)


def test_an_unknown_field_is_answered_with_the_nearest_one():
    with pytest.raises(UserError, match="did you mean 'sensitivities'"):
        empty_example((4, 4), ("sensitivity",))


def test_a_missing_field_is_named_beside_those_that_are_there():
    with pytest.raises(UserError, match=r"no field 'kspace'.*it has mask"):
        read_field({"mask": 1}, "kspace")


def test_a_batch_is_filled_up_with_examples_that_do_not_count():
    example = empty_example((4, 4)) | {"weight": np.float32(1.0), "scale": np.float32(7.0)}
    batch = stack([example] * 2, 5)
    assert batch["weight"].tolist() == [1, 1, 0, 0, 0]
    assert batch["scale"].tolist() == [7] * 5 and batch["mask"].shape == (5, 4, 4)
