#!/usr/bin/env bash
# Trains on every worker of a Cloud TPU VM or pod slice. Run again, it resumes.
#
#   TPU=my-pod ZONE=us-central2-b CONFIG=configs/mript_radimagenet.py WORKDIR=/mnt/bucket/run \
#     bash launch/tpu/train.sh [--config.a.b=v ...]
#
# TPU, ZONE  the slice                 CONFIG  the config file
# WORKDIR    a folder that every worker sees: Filestore, or a bucket with a hierarchical namespace
#            (checkpoints are renamed) mounted on each, `gcsfuse BUCKET /mnt/BUCKET`
# The package is expected in ~/mript_jax on the workers; the first run installs it there.
set -euo pipefail
: "${TPU:?set TPU to the name of the slice}" "${ZONE:?set ZONE}"
: "${CONFIG:?set CONFIG to a config file}" "${WORKDIR:?set WORKDIR to the folder of the run}"
overrides=""
[ "$#" -eq 0 ] || overrides=$(printf '%q ' "$@")
command="cd ~/mript_jax \
  && { [ -x .venv/bin/python ] || python3 -m venv .venv; } \
  && .venv/bin/python -m pip install --quiet --editable '.[tpu]' \
  && .venv/bin/python launch/train.py --join --config=$(printf %q "$CONFIG") --workdir=$(printf %q "$WORKDIR") $overrides"
exec gcloud compute tpus tpu-vm ssh "$TPU" --zone="$ZONE" --worker=all --command="$command"
