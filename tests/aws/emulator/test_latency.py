"""A service that is made slow."""

import threading
import time
import unittest

from emulator_case import PATIENCE_SECONDS, EmulatorCase


class Latency(EmulatorCase):
    def setUp(self):
        self.addCleanup(self.ask, "POST", "latency", service="dynamodb", milliseconds=0)

    def test_an_answer_of_a_slow_service_comes_late(self):
        self.assertEqual(self.ask("POST", "latency", service="dynamodb", milliseconds=700), {"dynamodb": 700})
        begun = time.monotonic()
        self.client("dynamodb").list_tables()
        self.assertGreaterEqual(time.monotonic() - begun, 0.7)
        self.assertEqual(self.ask("GET", "latency"), {"dynamodb": 700})
        self.assertEqual(self.ask("POST", "latency", service="dynamodb", milliseconds=0), {})

    def test_other_services_answer_while_one_is_slow_and_its_answer_leaves_when_it_no_longer_is(self):
        # given a service that is slower than this test may be
        self.ask("POST", "latency", service="dynamodb", milliseconds=PATIENCE_SECONDS * 10_000)
        slow = threading.Thread(target=self.client("dynamodb").list_tables, daemon=True)
        slow.start()
        # then another answers, and it does not
        self.client("sqs").list_queues()
        self.assertTrue(slow.is_alive())
        # until it is set to 0
        self.ask("POST", "latency", service="dynamodb", milliseconds=0)
        slow.join(PATIENCE_SECONDS)
        self.assertFalse(slow.is_alive())


if __name__ == "__main__":
    unittest.main()
