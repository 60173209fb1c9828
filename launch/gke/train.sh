#!/usr/bin/env bash
# Trains on GKE through XPK, on as many slices as asked for. Submitted again, it resumes.
#
#   CLUSTER=my-cluster TPU_TYPE=v5litepod-16 CONFIG=configs/mript_radimagenet.py \
#     WORKDIR=gs://bucket/run bash launch/gke/train.sh [--config.a.b=v ...]
#
# CLUSTER   the XPK cluster            TPU_TYPE  the kind of slice (SLICES: how many, default 1)
# CONFIG    the config file            WORKDIR   a bucket that all workers see
# IMAGE     a container image with this checkout in /mript_jax, installed with its [tpu] extra
set -euo pipefail
: "${CLUSTER:?set CLUSTER}" "${TPU_TYPE:?set TPU_TYPE}" "${IMAGE:?set IMAGE to a container image}"
: "${CONFIG:?set CONFIG to a config file}" "${WORKDIR:?set WORKDIR to the folder of the run}"
overrides=""
[ "$#" -eq 0 ] || overrides=$(printf '%q ' "$@")
exec xpk workload create --cluster "$CLUSTER" --workload "${NAME:-mript}" \
  --tpu-type="$TPU_TYPE" --num-slices="${SLICES:-1}" --docker-image="$IMAGE" --max-restarts=10 \
  --command="cd /mript_jax && python launch/train.py --config=$(printf %q "$CONFIG") --workdir=$(printf %q "$WORKDIR") $overrides"
