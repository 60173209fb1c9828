"""One thread for NumPy's matrix products, where examples are made beside a training.

The matrices of an example are small, and several examples are made at once: more threads wait for
each other and for those of the computation. On two cores that trained, an example took 2 to 8 times
as long with NumPy's default (measured: 31 ms to simulate a scan, 5 ms with one thread).
"""

from threadpoolctl import threadpool_limits


def use_one_blas_thread() -> None:
    """Sets the number of BLAS threads of this process to 1."""
    threadpool_limits(1, user_api="blas")
