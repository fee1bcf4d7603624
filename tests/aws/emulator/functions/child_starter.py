"""Starts a child that would outlive the function if nobody ended it."""

import subprocess
import sys


def handle(event):
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    return {"child": child.pid}
