"""Starts the local AWS emulator and ends it, with every Lambda process that it started.

    python launch.py --port 0 --ready-file ready.json

It ends on SIGTERM or SIGINT, and when its standard input is a pipe or socket that closes.
"""

import argparse
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import threading

STOP_SECONDS = 5
SERVER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "serve.py")


def main():
    options = arguments()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    if os.path.exists(options.ready_file):
        os.remove(options.ready_file)
    directory = options.state_dir or tempfile.mkdtemp(prefix="aws-emulator-")
    os.makedirs(directory, exist_ok=True)
    if closes(sys.stdin):
        threading.Thread(target=wait_for_close, args=(stop,), daemon=True).start()
    server = subprocess.Popen(
        [sys.executable, SERVER, str(options.port), os.path.abspath(options.ready_file), os.path.abspath(directory)],
        stdin=subprocess.PIPE,
        stdout=sys.stderr,
        process_group=0,
    )
    try:
        while not stop.wait(0.1) and server.poll() is None:
            pass
    finally:
        end(server)
        if not options.state_dir:
            shutil.rmtree(directory, ignore_errors=True)
    return 0 if stop.is_set() else 1


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--ready-file", required=True, help="gets the endpoint and port as JSON once the emulator answers")
    parser.add_argument("--state-dir", help="keeps the files that the emulator writes; a temporary folder without it")
    return parser.parse_args()


def closes(stream):
    """Whether the stream is a lifeline: a pipe or a socket, and not a terminal or /dev/null."""
    if stream is None:
        return False
    mode = os.fstat(stream.fileno()).st_mode
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)


def wait_for_close(stop):
    while os.read(sys.stdin.fileno(), 4096):
        pass
    stop.set()


def end(server):
    """Asks the server to end, then kills what is left of its process group."""
    server.terminate()
    try:
        server.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        pass
    try:
        os.killpg(server.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    server.wait()


if __name__ == "__main__":
    sys.exit(main())
