"""Answers with what it got. Writes a log line, or ends without an answer, when the event asks."""

import os


def handle(event):
    if event.get("log"):
        print(event["log"], flush=True)
    if event.get("exit"):
        os._exit(1)
    return event
