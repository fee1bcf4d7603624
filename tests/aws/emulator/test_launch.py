"""The launcher: its ready file, its end, the end of the Lambda processes, and whose a log line is."""

import base64
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import unittest
import urllib.request

from emulator_case import HERE, EmulatorCase, Launcher, function, role, until


def processes_under(directory):
    """The ids of the processes that run from a folder: the functions of one emulator."""
    found = []
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            if os.readlink(f"/proc/{entry}/cwd").startswith(directory):
                found.append(int(entry))
        except OSError:
            continue
    return found


class Endings(EmulatorCase):
    @classmethod
    def setUpClass(cls):
        """Each test here starts and ends an emulator of its own."""

    def setUp(self):
        super().setUpClass()
        self.addCleanup(self.doClassCleanups)
        self.client("cloudformation").create_stack(StackName="ending", Capabilities=["CAPABILITY_NAMED_IAM"], TemplateBody=json.dumps(
            {"Resources": {"Role": role(), "Function": function("child_starter")}, "Outputs": {"Function": {"Value": {"Ref": "Function"}}}}))
        stack = self.settled("ending", "CREATE_COMPLETE")
        self.addCleanup(self.kill_left)
        self.client("lambda").invoke(FunctionName=stack["Function"], Payload="{}")
        self.assertEqual(len(processes_under(self.directory)), 2, "the function and the child that it started")

    def kill_left(self):
        for process in processes_under(self.directory):
            os.kill(process, signal.SIGKILL)

    def assert_all_ended(self):
        until(lambda: not processes_under(self.directory), "the end of the function and its child")
        with self.assertRaises(OSError):
            urllib.request.urlopen(self.endpoint, timeout=1)

    def test_it_ends_with_its_functions_when_standard_input_closes(self):
        self.assertEqual(self.launcher.stop(), 0)
        self.assert_all_ended()

    def test_it_ends_with_its_functions_on_sigterm(self):
        self.launcher.process.send_signal(signal.SIGTERM)
        self.assertEqual(self.launcher.process.wait(30), 0)
        self.assert_all_ended()

    def test_the_rest_ends_when_the_launcher_is_killed(self):
        self.launcher.process.kill()
        self.launcher.process.wait(30)
        self.assert_all_ended()


class Start(unittest.TestCase):
    def test_the_ready_file_names_an_endpoint_that_answers_on_the_loopback_alone(self):
        with tempfile.TemporaryDirectory() as directory:
            launcher = Launcher(directory)
            self.addCleanup(launcher.stop)
            with open(launcher.ready_file) as file:
                ready = json.load(file)
            self.assertEqual(ready["endpoint"], f"http://127.0.0.1:{ready['port']}")
            with urllib.request.urlopen(f"{ready['endpoint']}/_ministack/health") as response:
                self.assertEqual(response.status, 200)
            with open("/proc/net/tcp") as file:
                listening = [line.split()[1] for line in file.readlines()[1:] if line.split()[3] == "0A"]
            self.assertIn(f"0100007F:{ready['port']:04X}", listening)
            self.assertNotIn(f"00000000:{ready['port']:04X}", listening)
            launcher.stop()

    def test_a_port_in_use_is_an_error(self):
        with socket.create_server(("127.0.0.1", 0)) as taken, tempfile.TemporaryDirectory() as directory:
            ended = subprocess.run(
                [sys.executable, os.path.join(HERE, "launch.py"), "--port", str(taken.getsockname()[1]),
                 "--ready-file", os.path.join(directory, "ready.json")],
                stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=30)
            self.assertEqual(ended.returncode, 1)
            self.assertIn(b"Address already in use", ended.stderr)
            self.assertFalse(os.path.exists(os.path.join(directory, "ready.json")))


class Lines(EmulatorCase):
    def test_each_log_line_belongs_to_its_own_invocation(self):
        stack = self.deploy("lines", {"Role": role(), "Function": function("echo")}, {"Function": {"Ref": "Function"}})
        for number in range(20):
            # many lines at once, so that reading them takes longer than the answer takes
            lines = "".join(f"{place} of {number}\n" for place in range(900)) + f"line {number}."
            answer = self.client("lambda").invoke(
                FunctionName=stack["Function"], Payload=json.dumps({"log": lines}), LogType="Tail")
            self.assertIn(f"line {number}.", base64.b64decode(answer["LogResult"]).decode())


if __name__ == "__main__":
    unittest.main()
