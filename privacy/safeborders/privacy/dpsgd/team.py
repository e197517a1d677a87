"""Loops compiled to machine code, on the threads that torch already has.

A training step is many small steps over memory that no cache still holds, so a loop that reads each number once is
worth more than calls that each read all of them. numba compiles such loops in memory when the first step needs them:
nothing is built on a node, and no machine code is read from a file (docs/decisions/0198).

A second pool of threads would fight torch's for the cores, because OpenMP's threads wait by spinning. Work of many
parts therefore runs as a parallel region of the very library that torch brought; where there is none it runs alone.
"""

import ctypes
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import numba
import numpy as np
import torch
from numpy.typing import NDArray

Loop = TypeVar("Loop", bound=Callable[..., Any])
compiler: Any = numba  # its types cover little
carray: Any = compiler.carray
Addresses = Any  # what a region sees: where each of its arrays begins
Region = Callable[[Addresses], None]


def compiled(function: Loop) -> Loop:
    """Compile ``function`` when it is first called; every operation rounds as IEEE 754 says."""
    loop: Loop = compiler.njit(nogil=True, error_model="numpy")(function)
    return loop


def compiled_sums(function: Loop) -> Loop:
    """Compile ``function``; its sums may add in any order and fuse, nothing else is relaxed: NaN stays NaN."""
    loop: Loop = compiler.njit(nogil=True, error_model="numpy", fastmath={"reassoc", "contract"})(function)
    return loop


class Task:
    """A region with its arrays: plain code for the compiler, run on each of torch's threads at once.

    The code finds its arrays with ``numba.carray`` and its part of the work with ``share``, and must neither raise nor
    allocate. It believes what it is told about shapes: arrays must be contiguous, and alive while it runs.

    Args:
        region: The code.
        arrays: What it reads and writes; kept alive. None stands for memory that ``point`` names before each run.
    """

    def __init__(self, region: Region, arrays: list[NDArray[Any] | torch.Tensor | None]) -> None:
        self._arrays = arrays
        self._addresses = np.array([0 if one is None else _address(one) for one in arrays], dtype=np.uintp)
        self._table, self._code = self._addresses.ctypes.data, _code(region)

    def point(self, place: int, tensor: torch.Tensor) -> None:
        """Name the memory of one array for the next run."""
        self._addresses[place] = tensor.data_ptr()

    def run(self) -> None:
        """Run, and return when every thread is done."""
        if _OPENMP is None:
            ctypes.CFUNCTYPE(None, ctypes.c_void_p)(self._code.address)(self._table)
        else:
            _OPENMP.GOMP_parallel(self._code.address, self._table, torch.get_num_threads(), 0)


def _address(array: NDArray[Any] | torch.Tensor) -> int:
    address: int = array.data_ptr() if isinstance(array, torch.Tensor) else array.ctypes.data
    return address


@cache
def _code(region: Region) -> Any:  # noqa: ANN401  # numba ships no types
    pointers = compiler.types.CPointer(compiler.types.voidptr)
    return compiler.cfunc(compiler.types.void(pointers), error_model="numpy")(region)


def find_openmp(folder: Path) -> ctypes.CDLL | None:
    """Return the GNU OpenMP library in torch's ``folder``, or None (on other systems torch brings another)."""
    for path in sorted(folder.glob("lib/libgomp*")):
        library = ctypes.CDLL(str(path))  # the one that is loaded already: libraries are known by their file
        library.GOMP_parallel.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint, ctypes.c_uint]
        library.GOMP_parallel.restype = None
        for name in ("omp_get_thread_num", "omp_get_num_threads"):
            getattr(library, name).argtypes = []
            getattr(library, name).restype = ctypes.c_int
        return library
    return None


_OPENMP = find_openmp(Path(torch.__file__).parent)
_ALONE = {"omp_get_thread_num": lambda: 0, "omp_get_num_threads": lambda: 1}


def of_openmp(name: str) -> Callable[[], int]:
    """Return one of OpenMP's functions, for compiled code, or what it would say of a thread that runs alone."""
    found: Callable[[], int] = compiled(_ALONE[name]) if _OPENMP is None else getattr(_OPENMP, name)
    return found


_member, _members = of_openmp("omp_get_thread_num"), of_openmp("omp_get_num_threads")


@compiled
def share(parts: int) -> tuple[int, int]:  # pragma: no cover - compiled
    """Return the first and the end of the calling thread's own part of ``parts``."""
    member, members = _member(), _members()
    return parts * member // members, parts * (member + 1) // members
