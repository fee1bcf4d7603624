"""What a function's process costs: from its start to its first question for work, its memory, and each invocation.

The times are taken in the Runtime API's own handler, so the emulator's threads, queues and reading of logs around an
invocation are in none of them.
"""

import collections
import subprocess
import time
import types

from ministack.core import lambda_runtime
from ministack.core.lambda_runtime import ProvidedWorker

import control

NEXT = "/runtime/invocation/next"
KEPT_PROCESSES = 10_000
KEPT_INVOCATIONS = 200_000

_processes = collections.deque(maxlen=KEPT_PROCESSES)
_invocations = collections.deque(maxlen=KEPT_INVOCATIONS)


class TimedPopen(subprocess.Popen):
    """Knows when it was about to be started."""

    def __init__(self, *arguments, **options):
        self.started = time.time()
        self.started_at = time.perf_counter()
        super().__init__(*arguments, **options)


class Times:
    """The moments of one process that the Runtime API's handler sees."""

    first_asked_at = None
    answered_at = None
    posted_at = None


class Process:
    """A process that asked for work."""

    def __init__(self, function, program, times):
        self.function, self.program = function, program
        self.start_to_ready_ms = milliseconds(program.started_at, times.first_asked_at)
        self.peak_kib = None

    def read_peak(self):
        """Keeps the high-water mark; that of a process that has ended is what was read last."""
        if self.program.poll() is None:
            self.peak_kib = peak_kib(self.program.pid) or self.peak_kib

    def figures(self):
        self.read_peak()
        return {
            "function": self.function, "pid": self.program.pid, "started": self.program.started,
            "start_to_ready_ms": self.start_to_ready_ms, "peak_kib": self.peak_kib, "running": self.program.poll() is None,
        }


def install():
    stock_handler_class = ProvidedWorker._build_handler_class
    stock_spawn = ProvidedWorker._spawn
    stock_invoke = ProvidedWorker.invoke

    def handler_class(self, *arguments):
        self._times = Times()
        return timed(stock_handler_class(self, *arguments), self._times)

    def spawn(self, *arguments, **options):
        self._process = None
        stock_spawn(self, *arguments, **options)
        program = self._proc
        if program is not None:
            self._process = Process(self.func_name, program, self._times)
            _processes.append(self._process)

    def invoke(self, event, request_id, **options):
        # A process that answered before has the moments of that answer.
        if getattr(self, "_times", None):
            self._times.posted_at = None
        result = stock_invoke(self, event, request_id, **options)
        if self._process is not None:
            self._process.read_peak()
            _invocations.append(invocation(self._process, self._times, result))
        return result

    lambda_runtime.subprocess = with_timed_popen()
    ProvidedWorker._build_handler_class = handler_class
    ProvidedWorker._spawn = spawn
    ProvidedWorker.invoke = invoke


def with_timed_popen():
    """The module `subprocess` for the emulator's runtime alone."""
    module = types.ModuleType("subprocess")
    module.__dict__.update(vars(subprocess), Popen=TimedPopen)
    return module


def timed(handler, times):
    """The Runtime API's handler, which also writes down when it read and answered."""

    class Timed(handler):
        def parse_request(self):
            self.read_at = time.perf_counter()
            return super().parse_request()

        def do_GET(self):
            if NEXT in self.path and times.first_asked_at is None:
                times.first_asked_at = self.read_at
            super().do_GET()

        def end_headers(self):
            if self.command == "GET" and NEXT in self.path:
                times.answered_at = time.perf_counter()
            super().end_headers()

        def _read_body(self):
            body = super()._read_body()
            times.posted_at = time.perf_counter()
            return body

    return Timed


def invocation(process, times, result):
    answered = times.posted_at is not None
    return {
        "function": process.function, "pid": process.program.pid, "ended": time.time(),
        "milliseconds": milliseconds(times.answered_at, times.posted_at) if answered else None,
        "cold": bool(result.get("cold_start")), "error": result.get("status") != "ok",
    }


def milliseconds(start, end):
    return round((end - start) * 1000, 4)


def peak_kib(pid):
    try:
        with open(f"/proc/{pid}/status") as status:
            return next((int(line.split()[1]) for line in status if line.startswith("VmHWM:")), None)
    except OSError:
        return None


def of_function(figures, parameters):
    wanted = parameters.get("function")
    return [each for each in figures if wanted in (None, each["function"])]


@control.endpoint("GET", "processes")
def processes(parameters):
    return of_function([process.figures() for process in list(_processes)], parameters)


@control.endpoint("DELETE", "processes")
def forget_ended(_parameters):
    for process in list(_processes):
        if process.program.poll() is not None:
            _processes.remove(process)
    return {}


@control.endpoint("GET", "invocations")
def invocations(parameters):
    return of_function(list(_invocations), parameters)


@control.endpoint("DELETE", "invocations")
def forget_invocations(_parameters):
    _invocations.clear()
    return {}
