import jax
import jax.numpy as jnp
import pytest
from jax.sharding import PartitionSpec as P

from mript_jax.errors import UserError
from mript_jax.training.sharding import build_mesh, state_shardings


@pytest.mark.parametrize(
    ("spec", "shape"),
    [
        ("data:-1", (8, 1, 1)),
        ("data:2,fsdp:4", (2, 4, 1)),
        ("data:2,fsdp:-1,model:2", (2, 2, 2)),
    ],
)
def test_mesh_string_gives_a_mesh_of_all_devices(spec, shape):
    assert tuple(build_mesh(spec).shape.values()) == shape


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("data:3", "does not make 8 devices"),
        ("date:2", "did you mean 'data'"),
        ("data:-1,fsdp:-1", "only one axis"),
        ("data:two", "needs a count"),
        ("data:0", "needs a count"),
    ],
)
def test_invalid_mesh_is_a_user_error(spec, message):
    with pytest.raises(UserError, match=message):
        build_mesh(spec)


def test_kernels_are_sharded_by_rule_unless_an_axis_cannot_be_divided():
    mesh = build_mesh("fsdp:4,model:2")
    shapes = {
        "blocks": {"qkv": {"kernel": jnp.zeros((3, 16, 48))}},  # leading axis of stacked blocks
        "odd": {"dense_in": {"kernel": jnp.zeros((6, 7))}},
        "scale": jnp.zeros(16),
        "patch_embed": {"proj": {"kernel": jnp.zeros((4, 4, 8, 16))}},
    }
    specs = jax.tree.map(lambda s: s.spec, state_shardings(mesh, shapes))
    assert specs["blocks"]["qkv"]["kernel"] == P(None, "fsdp", "model")
    assert specs["odd"]["dense_in"]["kernel"] == P(None, None)
    assert not any(specs["scale"])
    assert specs["patch_embed"]["proj"]["kernel"] == P(None, None, "fsdp", None)
