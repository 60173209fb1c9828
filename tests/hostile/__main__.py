"""Read damaged files by the thousand and count what comes of it.

python -m tests.hostile --reader=fastmri --cases=10000 --seed=1
python -m tests.hostile --reader=all --cases=300 --show=20
"""

import argparse
import resource
import sys

from mript_jax.data.readers import READERS, option_names
from mript_jax.errors import UserError, unknown_name_error
from tests.hostile.judge import ALLOWED, FORBIDDEN
from tests.hostile.run import Outcomes, run_reader
from tests.hostile.samples import SAMPLES

WIDEST = 200  # of what is told of a defect


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reader", default="all", help=f"all, or of {', '.join(SAMPLES)}")
    parser.add_argument("--cases", type=int, default=300, help="of each reader")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--show", type=int, default=5, help="so many defects are shown, of a kind")
    parser.add_argument("--case", type=int, help="only this one, with what came of it")
    args = parser.parse_args()
    names = list(SAMPLES) if args.reader == "all" else args.reader.split(",")
    for name in tuple(names):
        if name not in SAMPLES:
            parser.exit(2, f"{unknown_name_error('reader', name, SAMPLES)}\n")
        if missing := _missing_package(name):
            if args.reader != "all":
                parser.exit(2, f"{missing}\n")
            names.remove(name)
            print(f"{name} is left out: {missing}", file=sys.stderr)
    print(f"{'reader':<14}{'cases':>7}{'past':>7}", end="")
    print(*(f"{name:>13}" for name in (*ALLOWED, *FORBIDDEN)), f"{'cpu s':>8}")
    clean = True
    for name in names:
        before = _cpu()
        outcomes = run_reader(name, args.cases, args.seed, only=args.case)
        print(f"{name:<14}{outcomes.cases:>7}{outcomes.past:>7}", end="")
        print(*(f"{outcomes.counts[o]:>13}" for o in (*ALLOWED, *FORBIDDEN)), end=" ")
        print(f"{_cpu() - before:>8.1f}", flush=True)
        _show(outcomes, args.show if args.case is None else 10**6)
        clean &= not outcomes.defects
    return 0 if clean else 1


def _missing_package(name: str) -> str:
    """The line that says which package a reader lacks; "" for none."""
    try:
        if name in READERS:  # others need none
            option_names(name)
    except UserError as error:
        return str(error)
    return ""


def _show(outcomes: Outcomes, most: int) -> None:
    shown: dict[str, int] = {}
    for outcome, line in outcomes.defects:
        shown[outcome] = shown.get(outcome, 0) + 1
        if shown[outcome] <= most:
            print(f"  {outcome}: {line[:WIDEST]}")


def _cpu() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


if __name__ == "__main__":
    sys.exit(main())
