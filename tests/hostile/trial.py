"""Trials of hostile input in a process of their own: limits of time and memory, and a watch on what is executed.

`trials` starts ``python -m tests.hostile.trial MODULE COUNT SEED``, whose module makes the cases; what comes back is every case that
ended in anything but a result or a `PdekitError`. A process that dies or hangs in C is found by the parent, and its last case told.
"""

from __future__ import annotations

import faulthandler
import importlib
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
SECONDS = 20.0  # of the processor, for one case; on the clock six times as many, for others may load the machine
MEMORY = 6 * 2**30
# What no text, config or results file may make the program do.
FORBIDDEN = (
    "os.system",
    "os.exec",
    "os.posix_spawn",
    "os.spawn",
    "os.fork",
    "subprocess.Popen",
    "socket.connect",
    "pickle.find_class",
    "shutil.rmtree",
)
CACHE = os.path.join("numba", "core", "caching.py")  # reads compiled kernels from their folder by pickle


class TooLong(BaseException):
    """A case took longer than it may."""


class Executed(BaseException):
    """A case made the program do what it may not."""


@dataclass
class Tally:
    """What came of the cases of one process."""

    cases: int = 0
    accepted: int = 0
    slowest: float = 0.0
    slowest_case: str = ""
    memory: int = 0
    failures: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Case:
    """A name for messages, and what is done with it."""

    name: str
    action: Callable[[], Any]


def trials(module: str, count: int, seed: int = 0, timeout: float = 3600) -> Tally:
    """Run `count` cases of a module of this folder."""
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "last.txt"
        command = [sys.executable, "-X", "faulthandler", "-m", "tests.hostile.trial", module, str(count), str(seed)]
        done = subprocess.run(
            [*command, str(log)], cwd=ROOT, capture_output=True, text=True, timeout=timeout, check=False
        )
        if done.returncode:
            last = log.read_text() if log.exists() else ""
            return Tally(failures=[f"the process ended with {done.returncode} at {last}\n{done.stderr[-3000:]}"])
    return Tally(**json.loads(done.stdout.splitlines()[-1]))


class Watch:
    """Sees what is executed while a case runs."""

    def __init__(self) -> None:
        self.seen: str | None = None
        self.is_on = False
        sys.addaudithook(self._hook)

    def _hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.is_on and event in FORBIDDEN and not (event == "pickle.find_class" and _is_loading_kernels()):
            self.seen = f"{event} {arguments!r}"[:200]
            raise Executed(self.seen)


def _is_loading_kernels() -> bool:
    """Whether numba's cache is among the callers."""
    frame = sys._getframe()
    while frame is not None and not frame.f_code.co_filename.endswith(CACHE):
        frame = frame.f_back  # type: ignore[assignment]
    return frame is not None


def run(cases: Iterator[Case], log: Path) -> Tally:
    """Run cases, and keep those that fail."""
    from pdekit.errors import PdekitError

    tally, watch = Tally(), Watch()
    signal.signal(signal.SIGPROF, _too_long)
    for case in cases:
        log.write_text(case.name)
        faulthandler.dump_traceback_later(6 * SECONDS, exit=True)
        start = time.process_time()
        signal.setitimer(signal.ITIMER_PROF, SECONDS)
        watch.is_on, watch.seen = True, None
        fault = ""
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                case.action()
            tally.accepted += 1
        except PdekitError as error:
            fault = "" if str(error).strip() else "an error without a message"
        except TooLong:
            fault = f"more than {SECONDS:g} s{_where()}"
        except (Exception, Executed) as error:
            fault = f"{type(error).__name__}: {str(error)[:200]}{_where()}"
        finally:
            watch.is_on = False
            signal.setitimer(signal.ITIMER_PROF, 0)
            faulthandler.cancel_dump_traceback_later()
        seconds = time.process_time() - start
        tally.cases += 1
        if seconds > tally.slowest:
            tally.slowest, tally.slowest_case = seconds, case.name[:500]
        if fault or watch.seen:
            tally.failures.append(f"{case.name[:1500]}\n    -> {fault or watch.seen}")
    tally.memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return tally


def _where() -> str:
    """The innermost lines of pdekit in the traceback."""
    frames = [f for f in traceback.extract_tb(sys.exc_info()[2]) if "/pdekit/" in f.filename]
    return "".join(f" <- {Path(f.filename).name}:{f.lineno}" for f in reversed(frames[-4:]))


def _too_long(*_: Any) -> None:
    raise TooLong


def main(module: str, count: str, seed: str, log: str) -> None:
    """In the process of the trials."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    name, _, function = module.partition(":")
    cases = getattr(importlib.import_module(f"tests.hostile.{name}"), function or "cases")(int(count), int(seed))
    print(json.dumps(asdict(run(cases, Path(log)))))


if __name__ == "__main__":
    main(*sys.argv[1:])
