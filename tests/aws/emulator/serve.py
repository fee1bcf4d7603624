"""The emulator's server process: stock MiniStack with the patches of this folder.

Started by launch.py with a process group of its own. It ends on SIGTERM, or when its standard input closes
because the launcher is gone, and takes the whole group, which is every Lambda process, with it.
"""

import asyncio
import json
import os
import signal
import socket
import sys
import threading
import time
import urllib.request

ADDRESS = "127.0.0.1"
HEALTH_SECONDS = 30


def main():
    port, ready_file, state_directory = int(sys.argv[1]), sys.argv[2], sys.argv[3]
    listener = socket.create_server((ADDRESS, port), backlog=512)
    port = listener.getsockname()[1]
    endpoint = f"http://{ADDRESS}:{port}"
    os.environ.update(environment(port, endpoint, state_directory))
    install_patches()
    threading.Thread(target=announce, args=(endpoint, port, ready_file), daemon=True).start()
    try:
        asyncio.run(serve(listener))
    finally:
        os.killpg(os.getpgrp(), signal.SIGKILL)


def environment(port, endpoint, state_directory):
    """What the emulator reads when it is imported, and what its Lambda processes inherit."""
    return {
        "GATEWAY_PORT": str(port),
        "AWS_ENDPOINT_URL": endpoint,
        "BIND_HOST": ADDRESS,
        "AUTH": "true",
        "LAMBDA_EXECUTOR": "local",
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "PERSIST_STATE": "0",
        "S3_PERSIST": "0",
        "S3_DATA_DIR": os.path.join(state_directory, "s3"),
        "STATE_DIR": os.path.join(state_directory, "state"),
        "TMPDIR": state_directory,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": os.environ.get("AWS_DEFAULT_REGION", "us-east-1"),
    }


def install_patches():
    import cloudformation
    import control
    import idle_processes
    import invocation_trace
    import latency
    import mail_permission
    import process_figures
    import record_filter
    import rule_targets
    import runtime_latency
    import secure_transport
    import stream_mapping
    import throttling
    import trace_header
    import xray_daemon
    from ministack.services import scheduler

    for patch in (
        cloudformation, mail_permission, record_filter, rule_targets, runtime_latency, secure_transport, stream_mapping,
        throttling, trace_header, xray_daemon, invocation_trace, process_figures, idle_processes, latency, control,
    ):
        patch.install()
    scheduler._SCHEDULE_TICK_INTERVAL = 1


def announce(endpoint, port, ready_file):
    """Writes the ready file, whole or not at all, once the emulator answers."""
    give_up = time.monotonic() + HEALTH_SECONDS
    while time.monotonic() < give_up:
        try:
            with urllib.request.urlopen(f"{endpoint}/_ministack/health", timeout=5):
                break
        except OSError:
            time.sleep(0.02)
    else:
        print(f"the emulator did not answer within {HEALTH_SECONDS} s", file=sys.stderr, flush=True)
        os.kill(os.getpid(), signal.SIGTERM)
        return
    unfinished = f"{ready_file}.unfinished"
    with open(unfinished, "w") as file:
        json.dump({"endpoint": endpoint, "port": port}, file)
    os.replace(unfinished, ready_file)


async def serve(listener):
    from hypercorn.asyncio import serve as hypercorn_serve
    from hypercorn.config import Config
    from ministack import app

    config = Config()
    config.bind = [f"fd://{listener.detach()}"]
    config.keep_alive_timeout = 75
    config.graceful_timeout = 1
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    threading.Thread(target=wait_for_launcher, args=(loop, stop), daemon=True).start()
    await hypercorn_serve(app.app, config, shutdown_trigger=stop.wait)


def wait_for_launcher(loop, stop):
    while os.read(sys.stdin.fileno(), 4096):
        pass
    loop.call_soon_threadsafe(stop.set)


if __name__ == "__main__":
    main()
