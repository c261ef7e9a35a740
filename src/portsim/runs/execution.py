"""Where the work of a run is done: in threads or processes of this machine, or by the workers of a Dask cluster.

Work is functions that take nothing, and share nothing; what they return is the same wherever they run. Results come as
they are finished, in any order. A cluster is whoever's it is: portsim finds it at its address and starts none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from typing import Any, Protocol, TypeVar
from urllib.parse import urlsplit

from portsim.errors import PortsimError

T = TypeVar("T")
Work = Callable[[], T]
Versions = Mapping[str, str]

_SCHEMES = ("tcp", "tls", "ws", "wss")
_PATIENCE_S = 5  # until a cluster that does not answer is said to be out of reach


class Place(Protocol):
    """Where work is done."""

    def results(self, work: Sequence[Work[T]]) -> Iterator[T]:
        """Do all the work, and yield what each returns as it is finished."""
        ...


@dataclass(frozen=True)
class ThisMachine:
    """So many threads, or processes where the work holds Python's lock."""

    jobs: int
    threads: bool

    def results(self, work: Sequence[Work[T]]) -> Iterator[T]:
        """Do all the work, and yield what each returns as it is finished."""
        if self.jobs == 1 or len(work) <= 1:
            yield from (one() for one in work)
            return
        from joblib import Parallel, delayed  # noqa: PLC0415 - only where there is something to share out

        backend = "threading" if self.threads else "loky"
        jobs = min(self.jobs, len(work))
        run_all = Parallel(jobs, backend=backend, return_as="generator_unordered", pre_dispatch="all")
        yield from run_all(delayed(one)() for one in work)


def beside(work: Work[T]) -> Iterator[T]:
    """Start work in a process beside this one; what is returned yields its result, when that is there."""
    from joblib import Parallel, delayed  # noqa: PLC0415 - as above

    results: Iterator[T] = Parallel(2, backend="loky", return_as="generator")([delayed(work)()])
    return results


@dataclass(frozen=True)
class Cluster:
    """The workers of a Dask cluster that have the `versions` of this machine; see `cluster`."""

    client: Any
    address: str
    versions: Callable[[], Versions]

    @property
    def threads(self) -> int:
        """Return how many threads its workers have together."""
        return int(sum(self.client.ncores().values()))

    def results(self, work: Sequence[Work[T]]) -> Iterator[T]:
        """Do all the work, and yield what each returns as it is finished."""
        from joblib import Parallel, delayed, parallel_config  # noqa: PLC0415 - as above

        alike = partial(_where_alike, self.versions(), self.versions)
        with parallel_config(backend="dask", client=self.client, wait_for_workers_timeout=_PATIENCE_S):
            run_all = Parallel(-1, return_as="generator_unordered", pre_dispatch="all", batch_size=1)
        with _in_words(self.address):
            yield from run_all(delayed(alike)(one) for one in work)


@contextmanager
def cluster(address: str, versions: Callable[[], Versions]) -> Iterator[Cluster]:
    """Connect to the Dask scheduler at an address, such as tcp://10.0.0.5:8786, and leave it again at the end.

    `versions` says what must be the same on every worker as here, or results would not be. Raises PortsimError where
    the extra is missing, nobody answers within seconds, there is no worker, or a worker has other versions.
    """
    if not find_spec("distributed"):
        raise PortsimError("a cluster needs dask.distributed, which is not installed: pip install 'portsim[cluster]'")
    _check(address)
    from distributed import Client  # noqa: PLC0415 - an extra, and slow to import

    try:
        client: Any = Client(address, timeout=_PATIENCE_S, set_as_default=False)  # type: ignore[no-untyped-call]
    except OSError as error:
        raise PortsimError(
            f"no Dask scheduler answers at {address} within {_PATIENCE_S} s. "
            "Start one with `dask scheduler`, and give the address that it prints"
        ) from error
    with client:
        _see_workers(client, address, versions)
        yield Cluster(client, address, versions)


def _check(address: str) -> None:
    """Raise PortsimError unless an address is one that a Dask scheduler may have."""
    try:
        parts = urlsplit(address if "//" in address else f"tcp://{address}")
        good = parts.scheme in _SCHEMES and parts.hostname and parts.port
    except ValueError:
        good = False
    if not good:
        raise PortsimError(f"'{address}' is no address of a Dask scheduler: give one such as tcp://10.0.0.5:8786")


def _see_workers(client: Any, address: str, versions: Callable[[], Versions]) -> None:
    """Raise PortsimError unless there are workers, and all are like this machine."""
    with _in_words(address):
        try:
            client.wait_for_workers(1, timeout=_PATIENCE_S)
        except TimeoutError as error:
            raise PortsimError(
                f"the Dask scheduler at {address} has no workers: start some with `dask worker {address}`"
            ) from error
        for worker, theirs in client.run(versions).items():
            _compare(versions(), theirs, worker)


def _where_alike(ours: Versions, versions: Callable[[], Versions], work: Work[T]) -> T:
    """Do some work on a worker; one that joined the cluster later may have other versions."""
    _compare(ours, versions(), "a worker")
    return work()


def _compare(ours: Versions, theirs: Versions, worker: str) -> None:
    for name, version in ours.items():
        if theirs.get(name) != version:
            raise PortsimError(
                f"{worker} has {name} {theirs.get(name)}, and this machine {name} {version}: "
                "results would not be the same. Install the same versions on all"
            )


@contextmanager
def _in_words(address: str) -> Iterator[None]:
    """Word it for people where a cluster does not do its part."""
    from concurrent.futures import CancelledError  # noqa: PLC0415 - with what follows

    from distributed import KilledWorker  # noqa: PLC0415 - an extra

    try:
        yield
    except ImportError as error:
        raise PortsimError(f"a worker of the cluster at {address} cannot import {error.name}") from error
    except (CancelledError, KilledWorker, OSError) as error:
        raise PortsimError(
            f"the cluster at {address} was lost: {error}. Finished replications are kept; the same command goes on"
        ) from error
