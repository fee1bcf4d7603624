"""Processes of functions: their start, their memory, their invocations, and their end."""

import json
import os
import unittest
import urllib.error

from emulator_case import EmulatorCase, function, reference, role


class Figures(EmulatorCase):
    def setUp(self):
        stack = self.deploy("figures", {"Role": role(), "Function": function("echo")}, {"Function": reference("Function")})
        self.function = stack["Function"]
        self.addCleanup(self.ask, "DELETE", "processes")
        self.addCleanup(self.ask, "DELETE", "invocations")
        self.addCleanup(self.ask, "POST", "processes/end", function=self.function)

    def invoke(self, **event):
        return self.client("lambda").invoke(FunctionName=self.function, Payload=json.dumps(event))

    def processes(self):
        return self.ask("GET", "processes", function=self.function)

    def invocations(self):
        return self.ask("GET", "invocations", function=self.function)

    def test_a_process_tells_how_long_it_took_to_start_and_its_memory(self):
        self.assertEqual(self.processes(), [])
        self.invoke()
        process = self.processes()[0]
        self.assertTrue(process["running"])
        self.assertGreater(process["start_to_ready_ms"], 0)
        with open(f"/proc/{process['pid']}/cmdline") as command:
            self.assertIn("bootstrap", command.read())
        with open(f"/proc/{process['pid']}/status") as status:
            self.assertIn(f"VmHWM:\t{process['peak_kib']:8} kB", status.read())

    def test_each_invocation_tells_how_long_it_took_until_it_is_forgotten(self):
        self.invoke()
        self.invoke()
        first, second = self.invocations()
        self.assertEqual([first["cold"], second["cold"]], [True, False])
        self.assertEqual({first["pid"], second["pid"]}, {self.processes()[0]["pid"]})
        for invocation in (first, second):
            self.assertFalse(invocation["error"])
            self.assertGreater(invocation["milliseconds"], 0)
        self.ask("DELETE", "invocations")
        self.assertEqual(self.invocations(), [])

    def test_an_invocation_that_never_answered_has_no_duration(self):
        self.invoke(exit=True)
        invocation = self.invocations()[0]
        self.assertEqual((invocation["milliseconds"], invocation["error"]), (None, True))

    def test_an_idle_process_can_be_ended_so_that_the_next_invocation_starts_one(self):
        self.invoke()
        self.assertEqual(self.ask("POST", "processes/end", function=self.function), {"ended": 1})
        ended = self.processes()[0]
        self.assertFalse(os.path.exists(f"/proc/{ended['pid']}"))
        self.assertFalse(ended["running"])
        self.assertGreater(ended["peak_kib"], 0)
        self.invoke()
        self.assertEqual([process["running"] for process in self.processes()], [False, True])
        self.assertEqual([invocation["cold"] for invocation in self.invocations()], [True, True])
        # and the ended one can be forgotten
        self.ask("DELETE", "processes")
        self.assertEqual([process["running"] for process in self.processes()], [True])

    def test_a_request_that_makes_no_sense_is_refused(self):
        for method, path, status in (("POST", "processes/end", 400), ("GET", "nothing", 404)):
            with self.assertRaises(urllib.error.HTTPError) as refusal:
                self.ask(method, path)
            with refusal.exception as answer:
                self.assertEqual(answer.code, status)


if __name__ == "__main__":
    unittest.main()
