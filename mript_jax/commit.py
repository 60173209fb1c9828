"""The commit of the code that runs, where it is a checkout."""

import functools
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[1]


@functools.cache
def commit() -> str:
    """Twelve digits of the commit, "-dirty" after them if files differ; "" of an installed copy."""
    if not (ROOT / ".git").exists():
        return ""
    command = ["git", "-C", str(ROOT), "describe", "--always", "--dirty", "--abbrev=12"]
    try:
        run = subprocess.run(
            [*command, "--exclude=*"], capture_output=True, text=True, timeout=10, check=True
        )
    except (OSError, subprocess.SubprocessError):  # no git, or a checkout of another user
        return ""
    return run.stdout.strip()
