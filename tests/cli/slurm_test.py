#!/usr/bin/python3
"""`iommusim sweep --slurm` against a real Slurm of two nodes on loopback: elements and nodes that die, requeues, refusals.

Exit status 77 when Slurm is not installed: the test is then reported as skipped.
"""
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

from cli_test import EXPERIMENT, SOURCE, CliTest

SCRIPT = os.path.join(SOURCE, "scripts", "slurm_loopback")
STUDY = f"""schema: 1
title: on a cluster
run: {EXPERIMENT}
set: {{run.warm_up: 2 us, run.measure: MEASURE}}
vary:
  - {{name: size, path: "workloads[0].buffer.size", range: from 64 KiB to 2 MiB factor 2}}
  - {{name: walkers, path: platform.iommu.unit.walkers, values: [1, 6]}}
metrics: {{gbps: nfp.dma.throughput, walks: iommu.walker.walks}}
"""
TABLES = ("results.csv", "results.columns.json", "study.json")
SHORT, LONG = "20 us", "1500 us"  # the latter long enough to be hit in the middle


CLUSTER = tempfile.mkdtemp(prefix="iommusim-slurm-")
GUARD = []


def setUpModule():
    started = subprocess.run([SCRIPT, "start", CLUSTER], capture_output=True, text=True, check=False)
    if started.returncode == 3:
        shutil.rmtree(CLUSTER)
        print("SKIPPED: sweeps on Slurm are not tested:", started.stderr, file=sys.stderr)
        sys.stderr.flush()
        os._exit(77)
    assert started.returncode == 0, started.stderr
    # Outlives this process, and stops the cluster when it ends, however that comes about.
    GUARD.append(subprocess.Popen(["sh", "-c", 'cat >/dev/null; "$0" stop "$1"; rm -rf "$1"', SCRIPT, CLUSTER], stdin=subprocess.PIPE,
                                  start_new_session=True))
    os.environ["SLURM_CONF"] = os.path.join(CLUSTER, "etc", "slurm.conf")


def tearDownModule():
    GUARD[0].stdin.close()
    GUARD[0].wait(timeout=60)


class SlurmTest(CliTest):
    whole = {}  # of a study: the tables of a local sweep

    def slurm(self, *args):
        return subprocess.run(args, capture_output=True, text=True, check=True, timeout=60).stdout

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as f:
            f.write(text)

    def read(self, *parts):
        return self.bytes_of(*parts).decode()

    def until(self, what, message, seconds=180):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            value = what()
            if value:
                return value
            time.sleep(0.2)
        self.fail(f"{message}\n{self.slurm('squeue')}")

    def queue_is_empty(self):
        return not self.slurm("squeue", "-h").strip()

    def undisturbed(self, study):
        """The tables of a local sweep."""
        self.write("s.yaml", study)
        if study not in self.whole:
            folder = os.path.join(CLUSTER, f"whole{len(self.whole)}")
            self.iommusim("sweep", "s.yaml", "-o", folder, "-q")
            tables = []
            for name in TABLES:
                with open(os.path.join(folder, name), "rb") as f:
                    tables.append(f.read())
            self.whole[study] = tables
        return self.whole[study]

    def submit(self, measure, *more, study=STUDY, out="out"):
        self.study = study.replace("MEASURE", measure)
        self.undisturbed(self.study)
        text = self.iommusim("sweep", "s.yaml", "-o", out, "--slurm", *more).stdout
        return re.search(r"(\d+) points in (\d+) elements of job (\d+), collected by job (\d+)", text).groups()

    def assert_whole(self, out="out"):
        for name, whole in zip(TABLES, self.undisturbed(self.study)):
            self.assertEqual(self.read(out, name), whole.decode(), name)

    def finish(self, out="out"):
        self.until(self.queue_is_empty, "the queue did not empty")
        self.assert_whole(out)
        self.assertRegex(self.read(out, "slurm", "log", "collect.log"), r"(\d+) of \1 runs")

    def processes(self, job, task="", node=""):
        """What runs of an array's element, or on a node: the batch script first."""
        wanted = [f"SLURM_CONF={os.environ['SLURM_CONF']}", f"SLURM_ARRAY_JOB_ID={job}"]
        wanted += [f"SLURM_ARRAY_TASK_ID={task}"] * (task != "") + [f"SLURMD_NODENAME={node}"] * (node != "")
        found = []
        for pid in sorted(int(p) for p in os.listdir("/proc") if p.isdigit()):
            try:
                with open(f"/proc/{pid}/environ", "rb") as f:
                    environment = f.read().decode(errors="replace").split("\0")
            except OSError:
                continue
            if all(w in environment for w in wanted):
                found.append(pid)
        return found

    def at_work(self, job, **where):
        """The same once a run is in its middle: one works in a folder that is not there yet."""
        self.until(lambda: any(".partial." in n for n in os.listdir(self.path("out", "runs"))) and len(self.processes(job, **where)) > 1,
                   "nothing ran")
        return self.processes(job, **where)

    @staticmethod
    def signal(pids, number):
        for pid in pids:
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                pass

    @staticmethod
    def parent(pid):
        with open(f"/proc/{pid}/stat", encoding="utf-8") as f:
            return int(f.read().rsplit(")", 1)[1].split()[1])

    def daemon(self, node):
        with open(os.path.join(CLUSTER, "run", node + ".pid"), encoding="utf-8") as f:
            return int(f.read())

    def start_daemon(self, node):
        subprocess.run(["slurmd", "-N", node], check=True, env={**os.environ, "PATH": os.environ["PATH"] + ":/usr/sbin"})


class Results(SlurmTest):
    def test_a_sweep_on_slurm_gives_the_bytes_of_a_local_one_in_any_folder(self):
        out = "it's a \"50 %a\" $HOME folder"
        points, elements, _, _ = self.submit(SHORT, "--points-per-task", "1", "--sbatch", "-c 2 --comment='two words'", out=out)
        self.assertEqual((points, elements), ("12", "8"), "no more elements than MaxArraySize allows")
        self.finish(out)
        self.assertIn("12 of 12 points complete", self.iommusim("sweep", "status", out).stdout)
        self.assertNotIn("elements of job", self.iommusim("sweep", "s.yaml", "-o", out, "--slurm", "--resume").stdout)
        self.assert_whole(out)

    def test_replications_stop_on_slurm_where_they_stop_locally(self):
        self.submit(SHORT, study=STUDY + "replications: {count: 2, until: {metric: gbps, within: 0.5 %, batch: 2, at_most: 6}}\n")
        self.finish()
        seeds = [p["runs"][-1]["seed"] for p in json.loads(self.read("out", "study.json"))["points"]]
        self.assertGreater(max(seeds), min(seeds), "the rule, not the count, ended them")

    def test_failing_runs_are_reported_with_their_last_lines_by_log_collect_and_status(self):
        points = ("points:\n"
                  "  - {name: good}\n"
                  "  - {name: stuck, set: {run.drain_timeout: 1 ns}}\n"
                  "  - {name: endless, set: {run.measure: 50 s}}\n")
        self.write("s.yaml", re.sub(r"vary:.*(?=metrics:)", lambda _: points, STUDY.replace("MEASURE", SHORT), flags=re.S))
        self.iommusim("sweep", "s.yaml", "-o", "out", "--slurm", "--points-per-task", "1", "--timeout", "1.5 s", "--retry", "2")
        self.iommusim("sweep", "s.yaml", "-o", "small", "--slurm", "--memory", "16 MiB", "--timeout", "3 s")
        self.until(self.queue_is_empty, "the queue did not empty")
        drain = "not everything in flight finished within run.drain_timeout"
        for text in (self.read("out", "slurm", "log", "collect.log"), self.iommusim("sweep", "status", "out").stdout,
                     self.iommusim("collect", "out", status=1).stderr):
            self.assertIn("endless (seed 1): timed out after 1.5 s", text)
            self.assertIn(f"stuck (seed 1): exit status 1\n    {drain}", text)
        self.assertIn(drain, self.read("out", "slurm", "log", "1.log"))
        self.assertEqual(self.read("out", "results.csv").count("\n"), 2)
        self.assertIn("memory", json.loads(self.read("small", "study.json"))["failures"][0]["lines"])
        self.assertIn("--retry 2", self.read("out", "slurm", "run.sh"))


class Refusals(SlurmTest):
    def test_what_sbatch_refuses_ends_with_its_message_and_can_go_on(self):
        self.study = STUDY.replace("MEASURE", SHORT)
        self.undisturbed(self.study)
        refused = self.iommusim("sweep", "s.yaml", "-o", "out", "--slurm", "--sbatch", "-p nowhere", status=2)
        self.assertRegex(refused.stderr, r"invalid partition specified: nowhere\n(.*\n)*Nothing is submitted\. .*/out is prepared: go on with --slurm --resume")
        self.assertTrue(self.queue_is_empty())
        self.iommusim("sweep", "s.yaml", "-o", "out", "--resume", "-q")
        self.assert_whole()

    def test_wrong_options_write_nothing(self):
        self.write("s.yaml", STUDY.replace("MEASURE", SHORT))
        self.assertIn("--sbatch", self.iommusim("sweep", "s.yaml", "-o", "out", "--slurm", "--sbatch", "-J \\q", status=2).stderr)
        self.assertIn("sbatch gives '\\' a meaning", self.iommusim("sweep", "s.yaml", "-o", "a\\b", "--slurm", status=2).stderr)
        self.assert_nothing_written("s.yaml")

    def test_a_folder_whose_jobs_are_queued_is_not_submitted_again(self):
        _, _, array, collect = self.submit(SHORT, "--sbatch", "--hold")
        for how in ("--resume", "--force"):
            again = self.iommusim("sweep", "s.yaml", "-o", "out", "--slurm", how, status=2)
            self.assertIn(f"job {array} of this sweep is in Slurm's queue still", again.stderr)
        self.assertIn("exists already", self.iommusim("sweep", "s.yaml", "-o", "out", status=2).stderr)
        self.slurm("scancel", array, collect)
        self.until(self.queue_is_empty, "the queue did not empty")
        self.iommusim("sweep", "s.yaml", "-o", "out", "--slurm", "--resume")
        self.finish()


class Losses(SlurmTest):
    def start(self):
        return self.submit(LONG, "--points-per-task", "2")[2]

    def test_a_cancelled_element_leaves_its_points_to_a_resume(self):
        job = self.start()
        self.at_work(job, task="0")
        self.slurm("scancel", f"{job}_0", f"{job}_5")
        self.until(self.queue_is_empty, "the queue did not empty")
        self.assertGreater(json.loads(self.read("out", "study.json"))["summary"]["pending"], 0)
        self.iommusim("sweep", "s.yaml", "-o", "out", "--resume", "-q")
        self.assert_whole()

    def test_a_killed_element_is_completed_by_submitting_again(self):
        job = self.start()
        self.signal(self.at_work(job, task="1"), signal.SIGKILL)
        self.until(self.queue_is_empty, "the queue did not empty")
        self.assertRegex(self.read("out", "slurm", "log", "collect.log"), "[12] runs have no result yet")
        self.iommusim("sweep", "s.yaml", "-o", "out", "--slurm", "--resume")
        self.finish()

    def test_a_requeued_element_goes_on_where_it_was(self):
        job = self.start()
        self.at_work(job, task="0")
        self.slurm("scontrol", "requeue", f"{job}_0")
        self.finish()

    def test_two_live_copies_of_an_element_after_a_lost_daemon_spoil_nothing(self):
        job = self.start()
        first = self.at_work(job, node="n1")
        self.signal(first, signal.SIGSTOP)  # so that they are in the middle of a run still when their successors are done
        os.kill(self.daemon("n1"), signal.SIGKILL)
        self.finish()
        self.assertTrue(all(os.path.exists(f"/proc/{pid}") for pid in first), "the first copies live")
        self.signal(first, signal.SIGCONT)
        self.until(lambda: not self.processes(job), "the first copies did not end")
        self.start_daemon("n1")
        self.assert_whole()
        self.assertEqual(self.leftovers(), [])
        self.iommusim("collect", "out")
        self.assert_whole()

    def leftovers(self):
        return [n for n in os.listdir(self.path("out", "runs")) if n.startswith(".")]

    def test_a_node_that_goes_down_with_all_it_runs_loses_no_point(self):
        job = self.start()
        jobs = self.at_work(job, node="n1")
        steps = {self.parent(pid) for pid in jobs} - set(jobs)
        self.signal([self.daemon("n1")], signal.SIGKILL)
        self.signal(steps, signal.SIGKILL)
        self.signal(jobs, signal.SIGKILL)
        self.until(lambda: "down" in self.slurm("sinfo", "-h", "-n", "n1", "-o", "%t"), "Slurm did not notice")
        self.start_daemon("n1")
        self.finish()

if __name__ == "__main__":
    unittest.main()
