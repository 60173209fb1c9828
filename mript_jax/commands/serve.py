"""Reconstructs what an MRD client streams, and streams the images back.

  mript serve --port=9002
  mript serve --port=9002 --method=sense

The streaming protocol is MRD's, as Gadgetron's and OpenRecon's clients speak it. It has no
passwords: the server listens on this machine only, unless --host says otherwise.
"""

from absl import flags

from mript_jax import cli
from mript_jax.errors import UserError


def run(program: str) -> None:
    cli.run(main, define_flags, __doc__, program)


def define_flags() -> None:
    flags.DEFINE_integer("port", None, "TCP port to listen on; 0: one that is free.")
    flags.DEFINE_string("host", "127.0.0.1", "Address to listen on.")
    flags.DEFINE_string(
        "checkpoint", "small", "A run's folder, a file of weights, or a model's name."
    )
    flags.DEFINE_list(
        "method", [], "The checkpoint's model, tv, wavelet, sense, zero_filled; several: all."
    )


def main() -> None:
    values = cli.FLAGS
    cli.warnings_as_lines()
    if values.port is None:
        raise UserError("--port is needed; see --help")
    if not 0 <= values.port < 2**16:
        raise UserError(f"--port={values.port} must be from 0 to {2**16 - 1}")
    from mript_jax.inference.methods import build_methods
    from mript_jax.inference.provenance import checkpoint_provenance
    from mript_jax.inference.serve import serve

    methods, network = build_methods(values.method, values.checkpoint)
    provenances, config = {}, None
    if network is not None:
        config = network.config
        name = config.model.name
        provenances[name] = checkpoint_provenance(values.checkpoint, name)
    try:
        serve(values.host, values.port, methods, provenances, config=config)
    except OSError as error:
        raise UserError(f"--host={values.host} --port={values.port}: {error}") from error
