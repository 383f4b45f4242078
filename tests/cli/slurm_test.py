#!/usr/bin/python3
"""`iommusim sweep --slurm` against a real Slurm of two nodes on loopback: lost elements, a lost node daemon, a requeue.

Exit status 77 when Slurm is not installed: the test is then reported as skipped.
"""
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import unittest

from cli_test import BINARY, EXPERIMENT, SOURCE, CliTest

SCRIPT = os.path.join(SOURCE, "scripts", "slurm_loopback")
STUDY = f"""schema: 1
title: on a cluster
run: {EXPERIMENT}
set: {{run.warm_up: 2 us, run.measure: MEASURE}}
vary:
  - {{name: size, path: "workloads[0].buffer.size", range: from 64 KiB to 16 MiB factor 2}}
  - {{name: walkers, path: platform.iommu.unit.walkers, values: [1, 6]}}
metrics: {{gbps: nfp.dma.throughput, walks: iommu.walker.walks}}
"""


class SlurmTest(CliTest):
    @classmethod
    def setUpClass(cls):
        cls.cluster = tempfile.mkdtemp(prefix="iommusim-slurm-")
        started = subprocess.run([SCRIPT, "start", cls.cluster], capture_output=True, text=True, check=False)
        if started.returncode == 3:
            print("SKIPPED:", started.stderr, file=sys.stderr)
            os._exit(77)
        assert started.returncode == 0, started.stderr
        os.environ["SLURM_CONF"] = os.path.join(cls.cluster, "etc", "slurm.conf")

    @classmethod
    def tearDownClass(cls):
        subprocess.run([SCRIPT, "stop", cls.cluster], check=False)

    def slurm(self, *args):
        return subprocess.run(args, capture_output=True, text=True, check=True, timeout=60).stdout

    def until(self, what, seconds, message):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if what():
                return
            time.sleep(0.3)
        self.fail(f"{message}\n{self.slurm('squeue')}\n{self.status()}")

    def status(self):
        return self.iommusim("sweep", "status", "out").stdout

    def done(self):
        return int(re.search(r"(\d+) done", self.status())[1])

    def start(self, measure="50 us"):
        with open(self.path("s.yaml"), "w", encoding="utf-8") as f:
            f.write(STUDY.replace("MEASURE", measure))
        self.iommusim("sweep", "s.yaml", "-o", "whole")
        text = self.iommusim("sweep", "s.yaml", "-o", "out", "--slurm", "--points-per-task", "3").stdout
        return re.search(r"in 6 elements of job (\d+), collected by job (\d+)", text).groups()

    def finish(self, seconds=400):
        self.until(lambda: not self.slurm("squeue", "-h").strip(), seconds, "the queue did not empty")
        for name in ("results.csv", "results.columns.json", "study.json"):
            self.assertEqual(self.bytes_of("whole", name), self.bytes_of("out", name), name)
        with open(self.path("out", "slurm", "log", "collect.log"), encoding="utf-8") as f:
            self.assertIn("18 of 18 runs", f.read())

    def node_pid(self, node):
        with open(os.path.join(self.cluster, "run", node + ".pid"), encoding="utf-8") as f:
            return int(f.read())

    def test_a_sweep_on_slurm_gives_the_bytes_of_a_local_one(self):
        self.start()
        self.finish()
        self.assertIn("18 of 18 points complete", self.status())

    def test_a_cancelled_element_leaves_its_points_to_a_resume(self):
        array, _ = self.start("3 ms")
        self.until(lambda: self.done() >= 1, 300, "nothing ran")
        self.slurm("scancel", f"{array}_5", f"{array}_4")
        self.until(lambda: not self.slurm("squeue", "-h").strip(), 400, "the queue did not empty")
        study = json.loads(self.bytes_of("out", "study.json"))
        self.assertGreater(study["summary"]["pending"], 0)
        self.iommusim("sweep", "s.yaml", "-o", "out", "--resume")
        self.assertEqual(self.bytes_of("whole", "results.csv"), self.bytes_of("out", "results.csv"))

    def test_a_requeued_element_goes_on_where_it_was(self):
        array, _ = self.start("3 ms")
        self.until(lambda: self.done() >= 1, 300, "nothing ran")
        self.slurm("scontrol", "requeue", f"{array}_0")
        self.finish()

    def test_a_lost_node_daemon_loses_no_point(self):
        self.start("3 ms")
        self.until(lambda: self.done() >= 1, 300, "nothing ran")
        os.kill(self.node_pid("n1"), signal.SIGKILL)  # its jobs run on and are also queued again: two live copies
        time.sleep(15)
        subprocess.run(["slurmd", "-N", "n1"], check=True, env={**os.environ, "PATH": os.environ["PATH"] + ":/usr/sbin"})
        self.finish()


if __name__ == "__main__":
    unittest.main()
