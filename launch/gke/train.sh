#!/usr/bin/env bash
# Trains on GKE through XPK, on as many slices as asked for. Submitted again, it resumes.
#
#   CLUSTER=my-cluster TPU_TYPE=v5litepod-16 CONFIG=configs/mript_radimagenet.py \
#     WORKDIR=/mnt/runs/mript bash launch/gke/train.sh [--config.a.b=v ...]
#
# CLUSTER   the XPK cluster            TPU_TYPE  the kind of slice (SLICES: how many, default 1)
# CONFIG    the config file
# WORKDIR   a folder that every worker sees: Filestore, or a bucket with a hierarchical namespace
#           (checkpoints are renamed) as a gcsfuse volume, attached once to the cluster,
#           `xpk storage attach runs --type=gcsfuse --bucket=BUCKET --mount-point=/mnt/runs
#           --readonly=false --auto-mount=true --size=100 --cluster=...`
# IMAGE     a container image with this checkout in /mript_jax, installed with its [tpu] extra
set -euo pipefail
: "${CLUSTER:?set CLUSTER}" "${TPU_TYPE:?set TPU_TYPE}" "${IMAGE:?set IMAGE to a container image}"
: "${CONFIG:?set CONFIG to a config file}" "${WORKDIR:?set WORKDIR to the folder of the run}"
overrides=""
[ "$#" -eq 0 ] || overrides=$(printf '%q ' "$@")
# exec: XPK passes SIGTERM on to what it started, which has to be the training.
exec xpk workload create --cluster "$CLUSTER" --workload "${NAME:-mript}" \
  --tpu-type="$TPU_TYPE" --num-slices="${SLICES:-1}" --docker-image="$IMAGE" --max-restarts=10 \
  --command="cd /mript_jax && exec python launch/train.py --join --config=$(printf %q "$CONFIG") --workdir=$(printf %q "$WORKDIR") $overrides"
