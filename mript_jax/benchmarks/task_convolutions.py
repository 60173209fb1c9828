"""Comparison of convolutions with a kernel per sample, that of its task.

  mript benchmark task_convolutions
  mript benchmark task_convolutions --size=224 --features=64 --batch=2 --heads=20

Times one 5 x 5 convolution of a batch, forward and with its gradients, for a batch of one task and
for a batch of mixed tasks. With several devices the batch is sharded over them, and the table has
the megabytes that are moved between them (at least the gradient of the kernels). The fastest are in
`models/task_conv.py`.
"""

import functools
import re
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from absl import flags
from jax.sharding import AxisType, NamedSharding
from jax.sharding import PartitionSpec as P

from mript_jax import cli
from mript_jax.benchmarks.timing import seconds_per_call
from mript_jax.models.task_conv import conv_sequential, conv_shifted_matmul, convolve
from mript_jax.text_table import markdown_table

BLOCK = 4  # samples of one head in a block of `sorted_blocks`


def grouped(images: jax.Array, kernels: jax.Array, index: jax.Array) -> jax.Array:
    """Gather the kernels, then one grouped convolution."""
    return jax.vmap(convolve)(images, kernels[index])


def sequential_autodiff(images: jax.Array, kernels: jax.Array, index: jax.Array) -> jax.Array:
    """Convolve sample after sample, with gradients by autodiff."""
    return jax.lax.map(lambda pair: convolve(*pair), (images, kernels[index]))


def sequential(images: jax.Array, kernels: jax.Array, index: jax.Array) -> jax.Array:
    """Convolve sample after sample, gradients of kernels as products over shifted rows."""
    return conv_sequential(images, kernels[index])


def every_head(images: jax.Array, kernels: jax.Array, index: jax.Array) -> jax.Array:
    """One convolution with the kernels of all heads; each sample selects its own output."""
    heads, k, _, C, F = kernels.shape
    together = jnp.moveaxis(kernels, 0, 3).reshape(k, k, C, heads * F)
    y = _convolve_batch(images, together).reshape(*images.shape[:3], heads, F)
    return jax.vmap(lambda one, i: one[:, :, i])(y, index)


def sorted_blocks(images: jax.Array, kernels: jax.Array, index: jax.Array) -> jax.Array:
    """Sort samples by head and convolve padded blocks of one head each."""
    B, heads = len(images), len(kernels)
    blocks = -(-B // BLOCK) + min(heads, B)  # as many as the worst mixture needs
    order = jnp.argsort(index)
    counts = jnp.bincount(index, length=heads)
    padded = -(-counts // BLOCK) * BLOCK
    start, padded_start = (jnp.cumsum(n) - n for n in (counts, padded))
    mine = index[order]
    place = padded_start[mine] + jnp.arange(B) - start[mine]
    sorted_images = jnp.zeros((blocks * BLOCK, *images.shape[1:]), images.dtype)
    sorted_images = sorted_images.at[place].set(images[order])
    sorted_images = sorted_images.reshape(blocks, BLOCK, *images.shape[1:])
    head = jnp.searchsorted(jnp.cumsum(padded), jnp.arange(blocks) * BLOCK, side="right")
    head = jnp.minimum(head, heads - 1)
    y = jax.lax.map(lambda pair: _convolve_batch(*pair), (sorted_images, kernels[head]))
    y = y.reshape(blocks * BLOCK, *y.shape[2:])
    return y[jnp.zeros(B, int).at[order].set(place)]


def matrix_products(images: jax.Array, kernels: jax.Array, index: jax.Array) -> jax.Array:
    """One batched matrix product over shifted rows for each row of the kernel."""
    return conv_shifted_matmul(images, kernels[index])


VARIANTS: dict[str, Callable[[jax.Array, jax.Array, jax.Array], jax.Array]] = {
    "grouped": grouped,
    "sequential": sequential,
    "sequential, autodiff": sequential_autodiff,
    "sorted in blocks": sorted_blocks,
    "every head, then select": every_head,
    "products over shifted rows": matrix_products,
}


def compare(
    batch: int, size: int, features: int, heads: int, repeats: int
) -> list[dict[str, str | float]]:
    """Milliseconds per image of each variant."""
    generator = np.random.default_rng(0)
    draw = functools.partial(generator.standard_normal, dtype=np.float32)
    images = jnp.asarray(draw((batch, size, size, features)))
    kernels = jnp.asarray(draw((heads, 5, 5, features, features)) / 25)
    mixtures = {"one task": jnp.zeros(batch, int), "mixed": jnp.arange(batch) % heads}
    expected = np.asarray(grouped(images, kernels, mixtures["mixed"]))
    rows = []
    for name, variant in VARIANTS.items():

        def loss(images, kernels, index, variant=variant):
            return jnp.square(variant(images, kernels, index)).mean()

        forward, gradient = jax.jit(variant), jax.jit(jax.grad(loss, (0, 1)))
        out = forward(images, kernels, mixtures["mixed"])
        np.testing.assert_allclose(out, expected, atol=1e-3)
        row: dict[str, str | float] = {"variant": name}
        for direction, function in (("forward", forward), ("gradient", gradient)):
            for mixture, index in mixtures.items():
                seconds = seconds_per_call(function, images, kernels, index, repeats=repeats)
                row[f"{direction}, {mixture} (ms/image)"] = 1000 * seconds / batch
        row["moved between devices (MB)"] = _megabytes_moved(loss, images, kernels)
        rows.append(row)
    return rows


def _megabytes_moved(loss: Callable, images: jax.Array, kernels: jax.Array) -> float:
    """Megabytes that one device receives in a gradient, the batch sharded over all devices."""
    mesh = jax.make_mesh((jax.device_count(),), ("data",), axis_types=(AxisType.Auto,))
    spread, same = NamedSharding(mesh, P("data")), NamedSharding(mesh, P())
    gradient = jax.jit(jax.grad(loss, 1), in_shardings=(spread, same, spread), out_shardings=same)
    program = gradient.lower(images, kernels, jnp.zeros(len(images), int)).compile().as_text() or ""
    moved = re.findall(r"= (\S.*?) (?:all-gather|all-to-all|all-reduce)\(", program)
    shapes = [shape for result in moved for shape in re.findall(r"\w\d+\[([\d,]*)\]", result)]
    return sum(4e-6 * np.prod([int(n) for n in shape.split(",") if n]) for shape in shapes)


def _convolve_batch(images: jax.Array, kernel: jax.Array) -> jax.Array:
    numbers = ("NHWC", "HWIO", "NHWC")
    return jax.lax.conv_general_dilated(images, kernel, (1, 1), "SAME", dimension_numbers=numbers)


def define_flags() -> None:
    flags.DEFINE_integer("batch", 16, "Images in a batch.")
    flags.DEFINE_integer("size", 128, "Height and width of the images.")
    flags.DEFINE_integer("features", 16, "Channels in and out.")
    flags.DEFINE_integer("heads", 4, "Number of kernels: 4 (type), 5 (level), 20 (split).")
    flags.DEFINE_integer("repeats", 3, "Repetitions of each measurement; the fastest counts.")


def main() -> None:
    values = cli.FLAGS
    print(f"{jax.devices()[0].device_kind}, jax {jax.__version__}")
    print(
        markdown_table(
            compare(
                batch=values.batch,
                size=values.size,
                features=values.features,
                heads=values.heads,
                repeats=values.repeats,
            )
        )
    )


if __name__ == "__main__":
    cli.run(main, define_flags, __doc__, "mript benchmark")
