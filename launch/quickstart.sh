#!/usr/bin/env bash
# From a fresh clone to reconstructed scans. First the weights that come along reconstruct scan
# files; then a small unrolled MR-IPT is pretrained on generated anatomy, fine-tuned on
# fastMRI-format volumes, evaluated on 20 tasks beside the weights that come along and total
# variation, and reconstructs the same files.
#   bash launch/quickstart.sh [OUT]             (OUT: runs/quickstart)
# About 5 minutes on two CPU cores after the installation: on slower ones it trains and evaluates
# less. Run again, it resumes what was interrupted and skips what is done, by the plan it began with.
set -euo pipefail
cd "$(dirname "$0")/.."
source launch/environment.sh ""  # no extras
source launch/quickstart_plan.sh
out="${1:-runs/quickstart}"
python=.venv/bin/python
SECONDS=0

say() { printf '\n== %s (%d s)\n' "$1" "$SECONDS"; }

# once STEP COMMAND: the command, unless it is done; its end is noted in the step's folder.
once() {
  local step="$1"
  shift
  if [ -f "$out/$step/.done" ]; then
    echo "done before"
  else
    "$@"
    echo "$SECONDS" > "$out/$step/.done"
  fi
}

echo "about 5 minutes on two CPU cores; after the first pictures it says how long this machine takes"

say "1/7 reconstructing scans with the weights that come along: $out/first_look"
$python launch/make_phantoms.py --seed=4 --volumes=3 --slices=6 --output="$out/data/new_scans"
once first_look $python launch/reconstruct.py --input="$out/data/new_scans" \
  --output="$out/first_look" --method=unrolled,tv
echo "look at $out/first_look/*.png: zero-filled, total variation, small, reference, error"

plan "$(cat "$out/first_look/.done")"
mapfile -t to_do < <(left "$out")
echo "the rest takes about $(minutes "$(seconds "${to_do[@]}")") minutes on this machine:" \
  "${to_do[*]:-all is done}"
[ "$size" = 8 ] || echo "less is trained and evaluated than on a faster one"

say "2/7 generating anatomy: $out/data/phantoms"
once data/phantoms $python launch/prepare_data.py --format=phantom --count=$((100 * size)) \
  --size=128 --seed=1 --output="$out/data/phantoms" --preview

say "3/7 writing fastMRI-format scans: $out/data/scans"
once data/scans $python launch/make_phantoms.py --seed=2 --volumes=20 --slices=6 \
  --output="$out/data/scans"

say "4/7 pretraining on 20 tasks for $(minutes "$pretraining") minutes: $out/pretrained"
once pretrained $python launch/train.py --config=configs/unrolled.py \
  --workdir="$out/pretrained" --config.data.source=arrayrecord \
  --config.data.path="$out/data/phantoms" --minutes="$(minutes "$pretraining")"

say "5/7 fine-tuning on the scans: $out/finetuned"
once finetuned $python launch/train.py --config=configs/unrolled.py --workdir="$out/finetuned" \
  --config.data.source=fastmri --config.data.path="$out/data/scans" \
  --config.data.undersampling=kspace --config.data.mixture='()' \
  --config.init_from="$out/pretrained" --config.total_steps=$((5 * size)) \
  --config.evaluate_every_steps=0 --config.optimizer.learning_rate=3e-4 \
  --config.optimizer.warmup_steps=2

say "6/7 evaluating all tasks on anatomy that was never trained on: $out/evaluation"
once evaluation $python launch/evaluate.py --checkpoint=small=small --compare="$out/finetuned" \
  --baselines=total_variation --tuning_slices=2 --output="$out/evaluation" \
  --config.data.source=arrayrecord --config.data.path="$out/data/phantoms" \
  --config.evaluation.max_slices="$size"

say "7/7 reconstructing scan files: $out/reconstruction"
once reconstruction $python launch/reconstruct.py --checkpoint="$out/finetuned" \
  --input="$out/data/new_scans" --output="$out/reconstruction"

say "done"
echo "report:     $out/evaluation/report.html"
echo "pictures:   $out/first_look/*.png, $out/reconstruction/*.png"
echo "training:   $out/data/phantoms/preview.png, $out/pretrained/tensorboard"
echo "checkpoint: $out/finetuned"
