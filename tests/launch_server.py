"""Runs launch scripts for the tests, each in a fork of a process that has the imports done.

Reads a line of JSON {"folder", "arguments": [script, argument, ...]} from standard input and
answers with a line {"status", "stdout", "stderr"}. A new Python for each would take seconds.
"""

import gc
import json
import os
import runpy
import sys
import tempfile
import traceback

import jax  # noqa: F401  imported, not used: no device is touched before the fork

import mript_jax.data.pipeline
import mript_jax.evaluation.report
import mript_jax.inference.reconstruction
import mript_jax.training.loop  # noqa: F401
from mript_jax.commands import evaluate, finetune, prepare, reconstruct, train  # noqa: F401

gc.collect()
gc.freeze()  # a fork that looks through all objects copies all pages


def run_forked(folder: str, arguments: list[str]) -> dict:
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        child = os.fork()
        if child == 0:
            os.dup2(out.fileno(), 1)
            os.dup2(err.fileno(), 2)
            os.chdir(folder)
            os._exit(_run(arguments))
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        texts = []
        for stream in (out, err):
            stream.seek(0)
            texts.append(stream.read().decode())
    return {"status": status, "stdout": texts[0], "stderr": texts[1]}


def _run(arguments: list[str]) -> int:
    sys.argv = arguments
    status = 0
    try:
        runpy.run_path(arguments[0], run_name="__main__")
    except SystemExit as ended:
        status = ended.code or 0
    except BaseException:
        traceback.print_exc()
        status = 1
    sys.stdout.flush()
    sys.stderr.flush()
    return status


if __name__ == "__main__":
    for line in sys.stdin:
        print(json.dumps(run_forked(**json.loads(line))), flush=True)
