#!/usr/bin/env bash
# From a fresh clone to reconstructed scans: a small MR-IPT is pretrained on generated anatomy,
# fine-tuned on fastMRI-format volumes, evaluated on its 20 tasks, and reconstructs a scan file.
#   bash launch/quickstart.sh [OUT]             (OUT: runs/quickstart)
# Run again, it resumes what was interrupted and skips what is done.
set -euo pipefail
cd "$(dirname "$0")/.."
source launch/environment.sh
out="${1:-runs/quickstart}"
python=.venv/bin/python
began=$SECONDS
mkdir -p "$out"

echo "== 1/6 generating anatomy ($out/data)"
$python launch/prepare_data.py --format=phantom --output="$out/data/phantoms" \
  --count=1600 --size=128 --seed=1
echo "== 2/6 writing fastMRI-format scans ($out/data/scans)"
$python launch/make_scans.py --output="$out/data/scans" --volumes=8 --slices=6 --size=128
echo "== 3/6 pretraining on 20 tasks ($out/pretrained)"
$python launch/train.py --config=configs/mript_tiny.py --workdir="$out/pretrained" \
  --config.data.path="$out/data/phantoms"
echo "== 4/6 fine-tuning on the scans ($out/finetuned)"
$python launch/train.py --config=configs/mript_tiny.py --workdir="$out/finetuned" \
  --config.data.source=fastmri --config.data.path="$out/data/scans"
echo "== 5/6 evaluating all tasks on anatomy never trained on ($out/evaluation)"
$python launch/evaluate.py --checkpoint="$out/pretrained" --output="$out/evaluation"
echo "== 6/6 reconstructing a scan file ($out/reconstruction)"
$python launch/reconstruct.py --checkpoint="$out/finetuned" --input="$out/data/scans" --output="$out/reconstruction"
