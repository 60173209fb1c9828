"""One run at a time in a run's folder."""

import contextlib
import errno
import fcntl
import logging
import os
import socket
from collections.abc import Iterator
from pathlib import Path

from mript_jax.errors import UserError

log = logging.getLogger(__name__)

LOCK = ".lock"
UNSUPPORTED = (errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP)  # some network folders


@contextlib.contextmanager
def locked(workdir: Path, writes: bool = True) -> Iterator[None]:
    """Hold the folder's lock; a UserError if another run has it.

    The system releases it when the process ends, however that happens. Of several processes of a
    run only the one that `writes` takes it.
    """
    if not writes:
        yield
        return
    workdir.mkdir(parents=True, exist_ok=True)
    with (workdir / LOCK).open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.seek(0)
            owner = file.read(200).strip() or "another process"
            raise UserError(
                f"{workdir} belongs to a run that has not ended ({owner}); use another --workdir "
                "(or --output), or end it"
            ) from error
        except OSError as error:
            if error.errno not in UNSUPPORTED:
                raise
            log.warning("%s has no locks: nothing keeps a second run out of it", workdir)
        file.truncate(0)
        file.write(f"process {os.getpid()} on {socket.gethostname()}\n")
        file.flush()
        yield
