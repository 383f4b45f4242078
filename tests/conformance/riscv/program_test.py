#!/usr/bin/python3
"""riscv_conformance from outside: what it prints, and its exit status. Environment: RISCV_CONFORMANCE, the program."""
import gzip
import os
import re
import subprocess
import tempfile
import unittest
from pathlib import Path

PROGRAM = os.environ["RISCV_CONFORMANCE"]
SCENARIOS = Path(__file__).parent / "scenarios"
RIGHT = ["first_stage", "two_stages", "messages", "msi"]


def run(*arguments):
    return subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, text=True, timeout=60)


class Program(unittest.TestCase):
    def scenario(self, text, name="s.jsonl"):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        path = Path(folder.name) / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    def test_our_own_scenarios_pass_in_both_modes_with_caches_of_all_kinds(self):
        for options in [], ["--caches"], ["--tiny"], ["--two-levels"]:
            for name in RIGHT:
                done = run(*options, SCENARIOS / f"{name}.jsonl")
                self.assertEqual(done.returncode, 0, done.stdout)
                match = re.fullmatch(r"untimed: ([1-9]\d*) passed, 0 failed\n"
                                     r"timed: ([1-9]\d*) passed, 0 failed\n"
                                     r"([1-9]\d*) passed, 0 failed\n", done.stdout)
                self.assertTrue(match, done.stdout)
                self.assertEqual(int(match[1]), int(match[2]))
                self.assertEqual(int(match[1]) + int(match[2]), int(match[3]))

    def test_a_mode_may_be_replayed_alone(self):
        for mode in "untimed", "timed":
            done = run("--only", mode, SCENARIOS / "msi.jsonl")
            self.assertEqual(done.stdout, f"{mode}: 8 passed, 0 failed\n8 passed, 0 failed\n")
        self.assertEqual(run("--only", "sometimes", SCENARIOS / "msi.jsonl").returncode, 2)

    def test_disagreements_are_printed_and_counted(self):
        done = run(SCENARIOS / "wrong_on_purpose.jsonl")
        self.assertEqual(done.returncode, 1)
        lines = done.stdout.splitlines()
        self.assertEqual(lines[-3:], ["untimed: 1 passed, 2 failed", "timed: 1 passed, 2 failed", "2 passed, 4 failed"])
        for mode, first in ("untimed", 0), ("timed", 2):
            self.assertTrue(lines[first].startswith(f"{mode}: "))
            self.assertIn('wrong_on_purpose.jsonl:4: {"i":1,"op":"dma"', lines[first])
            self.assertIn('pa: expected "0x2fff", got "0x2000"', lines[first])
            self.assertIn('status: expected "UR", got "OK"', lines[first + 1])

    def test_each_expectation_of_our_scenarios_is_compared(self):
        """Spoils one number of each operation's result in turn: each must be found."""
        import json
        for name in RIGHT:
            lines = (SCENARIOS / f"{name}.jsonl").read_text().splitlines()
            for n, text in enumerate(lines):
                line = json.loads(text)
                if line["t"] != "op" or not line["exp"] or "alt" in line:
                    continue
                for key, value in line["exp"].items():
                    if key in ("mask", "w"):
                        continue
                    spoilt = json.loads(text)
                    spoilt["exp"][key] = {int: lambda: value + 1, str: lambda: "0x123456789", list: lambda: [],
                                          dict: lambda: {k: 0 for k in value}}[type(value)]()
                    copy = lines[:n] + [json.dumps(spoilt)] + lines[n + 1:]
                    path = self.scenario("\n".join(copy) + "\n")
                    for mode in "untimed", "timed":
                        done = run("--only", mode, path)
                        self.assertEqual(done.returncode, 1, f"{mode}: {name}.jsonl:{n + 1}: {key} is not compared")

    def test_compressed_files_and_folders_are_read(self):
        text = (SCENARIOS / "msi.jsonl").read_bytes()
        path = self.scenario(gzip.compress(text), "msi.jsonl.gz")
        self.assertEqual(run(path).stdout, run(SCENARIOS / "msi.jsonl").stdout)
        self.assertEqual(run(path.parent).stdout, run(path).stdout)

    def test_results_left_to_the_implementation_are_counted_apart(self):
        text = (SCENARIOS / "wrong_on_purpose.jsonl").read_text().replace('"ddtp:bare"', '"impl:some_choice"')
        done = run(self.scenario(text))
        self.assertEqual(done.returncode, 0)
        one = "1 passed, 0 failed, 2 skipped (left to the implementation)"
        self.assertEqual(done.stdout.splitlines(), [f"untimed: {one}", f"timed: {one}", "2 passed, 0 failed"])

    def test_files_that_cannot_be_replayed_are_named_with_their_line(self):
        good = (SCENARIOS / "msi.jsonl").read_text()
        first = good.splitlines()[0]
        cases = {
            "no such file or folder": Path("/nonexistent/x.jsonl"),
            ":1: ": self.scenario("not json\n"),
            "the first line, and no other, is of type 'scenario'": self.scenario(good.split("\n", 1)[1]),
            "ends without a line of type 'end'": self.scenario(first + "\n"),
            "is not riscv-iommu-refvec-1": self.scenario(good.replace("refvec-1", "refvec-9")),
            "unknown operation 'nonsense'": self.scenario(good.replace('"op":"dbg"', '"op":"nonsense"')),
            "is damaged (gzip)": self.scenario(gzip.compress(good.encode())[:-20], "s.jsonl.gz"),
        }
        for text, path in cases.items():
            done = run(path)
            self.assertEqual(done.returncode, 2, text)
            self.assertIn(text, done.stderr)
        both = run("/nonexistent/x.jsonl", SCENARIOS / "msi.jsonl")
        self.assertEqual(both.returncode, 2)
        self.assertEqual(both.stdout, run(SCENARIOS / "msi.jsonl").stdout, "the others are replayed")
        self.assertEqual(run().returncode, 2)


if __name__ == "__main__":
    unittest.main()
