"""Takes the emulator's own waiting out of a warm invocation.

Stock waits for a first log line for up to 50 ms after each answer, and 5 ms more after the last.
A function writes its lines before it answers, so they are already in the pipe: it is enough to
read the pipe until it is empty. Headers and body of the Runtime API also leave without waiting for
each other's acknowledgement.
"""

import os
import queue
import select
import threading
import time

from ministack.core.lambda_runtime import ProvidedWorker

LONGEST_DRAIN_SECONDS = 0.25


def install():
    stock_init = ProvidedWorker.__init__
    stock_handler_class = ProvidedWorker._build_handler_class

    def init(self, *arguments, **options):
        stock_init(self, *arguments, **options)
        self._pipe_lock = threading.Lock()
        self._pipe = None

    def handler_class(self, *arguments):
        handler = stock_handler_class(self, *arguments)
        handler.disable_nagle_algorithm = True
        return handler

    ProvidedWorker.__init__ = init
    ProvidedWorker._build_handler_class = handler_class
    ProvidedWorker._pump_output = pump_output
    ProvidedWorker._drain_stderr_bounded = drain


def pump_output(self, stream, lines):
    """Moves the function's output into `lines` for the life of its process.

    Reading and queueing are one step under the lock, so that an empty pipe means a complete queue.
    """
    pipe = stream.fileno()
    self._pipe = pipe
    unfinished = b""
    with stream:
        while True:
            wait_for_output(pipe)
            with self._pipe_lock:
                output = os.read(pipe, 65536)
                *complete, unfinished = (unfinished + output).split(b"\n")
                for line in complete:
                    put_dropping_oldest(lines, line)
                if not output:
                    if unfinished:
                        put_dropping_oldest(lines, unfinished)
                    self._pipe = None
                    return


def drain(self, first_line_wait=0.0, idle_confirm=0.0, hard_cap=LONGEST_DRAIN_SECONDS):
    """The lines written so far. The waits of the stock signature are not needed."""
    give_up = time.monotonic() + hard_cap
    while time.monotonic() < give_up:
        with self._pipe_lock:
            if self._pipe is None or not has_output(self._pipe):
                break
        time.sleep(0.0002)
    return self._drain_stderr()


def wait_for_output(pipe):
    poller = select.poll()
    poller.register(pipe, select.POLLIN)
    poller.poll()


def has_output(pipe):
    poller = select.poll()
    poller.register(pipe, select.POLLIN)
    return any(event & select.POLLIN for _, event in poller.poll(0))


def put_dropping_oldest(lines, line):
    text = line.decode("utf-8", errors="replace").rstrip("\r")
    while True:
        try:
            lines.put_nowait(text)
            return
        except queue.Full:
            try:
                lines.get_nowait()
            except queue.Empty:
                pass
