"""What a stream mapping does with its batch, for every place of a poison record."""

import unittest

from batch_cursor import BatchCursor, Discarded, Limits


def drive(cursor, end, limits, poison, report):
    """Runs the cursor against a function that fails on `poison`; gives what was handled, and what was given up."""
    handled, given_up, invocations = [], [], 0
    while cursor.position < end:
        invocations += 1
        assert invocations < 100, "the cursor does not come to an end"
        if not cursor.in_batch:
            cursor.begin(end)
        part = range(cursor.position, cursor.part_end)
        if poison not in part:
            handled += part
            cursor.succeeded()
            continue
        at = part.index(poison) if report else 0
        handled += part[:at]
        discarded = cursor.failed(at, limits, 0)
        if discarded:
            given_up.append(discarded)
    return handled, given_up


class Bisection(unittest.TestCase):
    def test_only_the_poison_is_given_up_wherever_it_stands(self):
        for report in (False, True):
            for size in range(1, 12):
                for poison in range(size):
                    with self.subTest(report=report, size=size, poison=poison):
                        handled, given_up = drive(BatchCursor(0), size, Limits(2, bisect=True), poison, report)
                        self.assertEqual(handled, [n for n in range(size) if n != poison])
                        expected = Discarded(poison, poison + 1, 3, "RetryAttemptsExhausted")
                        self.assertEqual(given_up, [expected])

    def test_a_batch_that_fails_once_is_halved_and_nothing_is_given_up(self):
        cursor = BatchCursor(10)
        cursor.begin(15)
        self.assertIsNone(cursor.failed(0, Limits(0, bisect=True), 0))
        self.assertEqual((cursor.position, cursor.part_end), (10, 12))
        cursor.succeeded()
        self.assertEqual((cursor.position, cursor.part_end), (12, 15))
        cursor.succeeded()
        self.assertEqual((cursor.position, cursor.in_batch), (15, False))


class WithoutBisection(unittest.TestCase):
    def test_the_whole_batch_is_given_up_after_the_first_call_and_the_retries(self):
        handled, given_up = drive(BatchCursor(0), 5, Limits(retries=1), 3, report=False)
        self.assertEqual((handled, given_up), ([], [Discarded(0, 5, 2, "RetryAttemptsExhausted")]))

    def test_a_report_settles_the_records_in_front_of_it(self):
        handled, given_up = drive(BatchCursor(0), 5, Limits(retries=1), 3, report=True)
        self.assertEqual((handled, given_up), ([0, 1, 2], [Discarded(3, 5, 2, "RetryAttemptsExhausted")]))

    def test_without_a_limit_nothing_is_given_up(self):
        cursor = BatchCursor(0)
        cursor.begin(3)
        self.assertEqual([cursor.failed(0, Limits(), 10**9) for _ in range(1000)], [None] * 1000)
        self.assertEqual((cursor.position, cursor.invocations), (0, 1000))


class Age(unittest.TestCase):
    def test_a_failure_after_the_age_limit_gives_the_part_up_before_it_is_halved(self):
        cursor = BatchCursor(0)
        cursor.begin(4)
        given_up = cursor.failed(0, Limits(5, 60, bisect=True), 61)
        self.assertEqual(given_up, Discarded(0, 4, 1, "MaxRecordAgeExceeded"))

    def test_records_too_old_to_be_sent_leave_the_rest_of_the_batch(self):
        cursor = BatchCursor(0)
        cursor.begin(4)
        self.assertEqual(cursor.discard_aged(3), Discarded(0, 3, 0, "MaxRecordAgeExceeded"))
        self.assertEqual((cursor.position, cursor.part_end), (3, 4))

    def test_a_cursor_behind_the_horizon_moves_to_it(self):
        cursor = BatchCursor(0)
        cursor.begin(4)
        cursor.skip_expired(6)
        self.assertEqual((cursor.position, cursor.in_batch), (6, False))


if __name__ == "__main__":
    unittest.main()
