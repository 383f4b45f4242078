#!/usr/bin/python3
"""`iommusim sweep`, `collect`, `compare` from outside: tables, resuming, failures, limits, claims, signals, sharing."""
import csv
import json
import os
import random
import re
import resource
import signal
import subprocess
import time
import unittest

from cli_test import BINARY, EXPERIMENT, SOURCE, CliTest

LONG = os.environ.get("IOMMUSIM_LONG") == "1"

STUDY = f"""schema: 1
title: short
run: {EXPERIMENT}
set: {{run.warm_up: 2 us, run.measure: MEASURE}}
vary:
  - name: domain
    cases: [{{label: none, set: {{platform.iommu.present: false}}}}, {{label: DMA}}]
  - {{name: size, path: "workloads[0].buffer.size", values: [64 KiB, 1 MiB, 16 MiB]}}
metrics:
  gbps: nfp.dma.throughput
  hit_rate: iommu.iotlb.hit_rate
  p99_ns: {{path: nfp.dma.read.latency.p99, scale: 0.001}}
"""


class SweepTest(CliTest):
    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as f:
            f.write(text)

    def study(self, more="", measure="10 us", text=STUDY):
        self.write("s.yaml", text.replace("MEASURE", measure) + more)

    def sweep(self, out, *more, status=0):
        return self.iommusim("sweep", "s.yaml", "-o", out, *more, status=status)

    def rows(self, out):
        with open(self.path(out, "results.csv"), newline="", encoding="utf-8") as f:
            return list(csv.DictReader(f))

    def json(self, *parts):
        return json.loads(self.bytes_of(*parts))

    def assert_same(self, a, b, names=("results.csv", "results.columns.json", "study.json")):
        for name in names:
            self.assertEqual(self.bytes_of(a, name), self.bytes_of(b, name), name)

    def leftovers(self, out):
        return [os.path.join(folder, n) for folder, folders, files in os.walk(self.path(out)) for n in folders + files
                if ".partial." in n or ".replaced." in n]

    def at_work(self, out):
        """Process number and point of a run that has begun, from the folder it works in."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            if os.path.isdir(self.path(out, "runs")):
                for name in os.listdir(self.path(out, "runs")):
                    if found := re.fullmatch(r"\.(.*)\.partial\..*\.(\d+)", name):
                        return int(found[2]), found[1]
            time.sleep(0.01)
        self.fail("no run has begun")

    def start(self, out, *more, **how):
        return subprocess.Popen([BINARY, "sweep", "s.yaml", "-o", out, *more], cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                text=True, **how)


class Sweeps(SweepTest):
    def test_a_sweep_is_one_tidy_table_with_units_and_a_result_folder_per_point(self):
        self.study()
        done = self.sweep("out", "-j", "2")
        rows = self.rows("out")
        self.assertEqual([r["point"] for r in rows], ["none-64KiB", "none-1MiB", "none-16MiB", "DMA-64KiB", "DMA-1MiB", "DMA-16MiB"])
        self.assertEqual(list(rows[0]), ["point", "domain", "size", "seed", "gbps", "hit_rate", "p99_ns"])
        self.assertEqual([r["size"] for r in rows], ["65536", "1048576", "16777216"] * 2)
        self.assertEqual([r["hit_rate"] for r in rows[:3]], ["", "", ""], "a machine without the metric leaves it blank")
        result = self.json("out", "runs", "DMA-1MiB", "result.json")
        figure = result["metrics"]["nfp"]["dma"]["read"]["latency"]["p99"]
        self.assertAlmostEqual(float(rows[4]["p99_ns"]), figure / 1000)
        columns = self.json("out", "results.columns.json")
        self.assertEqual({c: columns[c]["unit"] for c in ("size", "gbps", "p99_ns")}, {"size": "B", "gbps": "Gb/s", "p99_ns": "ns"})
        self.assertEqual(columns["domain"]["kind"], "factor")
        study = self.json("out", "study.json")
        self.assertEqual(study["summary"], {"points": 6, "runs": 6, "done": 6, "failed": 0, "pending": 0})
        self.assertEqual(study["points"][4]["settings"]["workloads[0].buffer.size"], "1 MiB")
        self.assertEqual(study["points"][4]["runs"], [{"seed": 1, "folder": "runs/DMA-1MiB", "state": "done"}])
        self.assertIn("results in out", done.stdout)
        self.assertEqual(done.stderr, "", "no progress bar when standard error is no terminal")
        self.assertEqual(self.leftovers("out"), [])

    def test_zipped_factors_are_a_column_each_and_conditions_leave_out_points(self):
        zipped = STUDY.replace('  - {name: size, path: "workloads[0].buffer.size", values: [64 KiB, 1 MiB, 16 MiB]}\n', """  - zip:
      - {name: size, path: "workloads[0].buffer.size", values: [64 KiB, 1 MiB, 16 MiB]}
      - {name: walkers, path: platform.iommu.unit.walkers, values: [1, 6, 6]}
exclude: [{domain: none, size: "> 1 MiB"}]
plots: [{name: p, x: size, y: gbps, where: {size: "<= 1 MiB", domain: not none}}]
""")
        self.study("claims: [{text: It costs, metric: gbps, where: {size: \"> 64 KiB\"}, ratio_to: {size: 64 KiB}, at_most: 1.01}]\n", text=zipped)
        self.assertIn("It costs", self.sweep("out", "-j", "2").stdout)
        rows = self.rows("out")
        self.assertEqual([(r["point"], r["size"], r["walkers"]) for r in rows],
                         [("none-64KiB-1", "65536", "1"), ("none-1MiB-6", "1048576", "6"), ("DMA-64KiB-1", "65536", "1"),
                          ("DMA-1MiB-6", "1048576", "6"), ("DMA-16MiB-6", "16777216", "6")])
        self.assertEqual(self.json("out", "study.json")["plots"][0]["where"], {"size": [65536, 1048576], "domain": "DMA"})
        exported = self.iommusim("sweep", "s.yaml", "-o", "more", "--export-runs").stdout.splitlines()
        self.assertEqual(len(exported), 5)
        self.assertTrue(all("workloads[0].buffer.size" in line and "platform.iommu.unit.walkers" in line for line in exported), exported)
        self.iommusim("collect", "out")
        self.assertEqual(self.rows("out"), rows)

    def test_a_point_is_what_run_gives_with_the_same_settings(self):
        self.study()
        self.sweep("out")
        self.iommusim("run", EXPERIMENT, "-s", "run.warm_up=2 us", "-s", "run.measure=10 us", "-s", "workloads[0].buffer.size=1 MiB", "-o", "one")
        for name in ("result.json", "resolved.yaml", "latency.csv"):
            self.assertEqual(self.bytes_of("one", name), self.bytes_of("out", "runs", "DMA-1MiB", name), name)

    def test_the_number_of_processes_changes_no_byte(self):
        self.study("replications: {count: 2, until: {metric: gbps, within: 0.5 %, batch: 2, at_most: 6}}\n")
        self.sweep("a", "-j", "1")
        self.sweep("b", "-j", "50")
        self.assert_same("a", "b")
        counts = {}
        for row in self.rows("a"):
            counts[row["point"]] = counts.get(row["point"], 0) + 1
        self.assertEqual({n % 2 for n in counts.values()}, {0}, "whole batches")
        self.assertGreater(max(counts.values()), 2)
        self.assertEqual([r["seed"] for r in self.rows("a")][:2], ["1", "2"])
        self.assertTrue(os.path.isfile(self.path("a", "runs", "DMA-1MiB", "2", "result.json")))

    def test_resume_runs_only_what_lacks_a_valid_result(self):
        self.study()
        self.sweep("out")
        before = {n: self.bytes_of("out", n) for n in ("results.csv", "study.json")}
        times = {p: os.stat(self.path("out", "runs", p, "result.json")).st_mtime_ns for p in os.listdir(self.path("out", "runs"))}
        subprocess.run(["rm", "-r", self.path("out", "runs", "DMA-1MiB")], check=True)
        with open(self.path("out", "runs", "none-1MiB", "result.json"), "r+", encoding="utf-8") as f:  # of another version
            text = f.read().replace('"version": "', '"version": "0')
            f.seek(0)
            f.write(text)
        self.assertIn("2 runs in", self.sweep("out", "--resume").stdout)
        for name, text in before.items():
            self.assertEqual(self.bytes_of("out", name), text, name)
        for point, when in times.items():
            same = os.stat(self.path("out", "runs", point, "result.json")).st_mtime_ns == when
            self.assertEqual(same, point not in ("DMA-1MiB", "none-1MiB"), point)
        self.assertIn("0 runs in", self.sweep("out", "--resume").stdout)

    def test_resume_without_journal_takes_results_as_they_are(self):
        self.study()
        self.sweep("out")
        before = self.bytes_of("out", "results.csv")
        for name in ("journal.jsonl", "results.csv"):
            os.remove(self.path("out", name))
        self.assertIn("0 runs in", self.sweep("out", "--resume").stdout)
        self.assertEqual(self.bytes_of("out", "results.csv"), before)

    def test_a_changed_study_runs_what_it_changes(self):
        self.study()
        self.sweep("out")
        self.study(text=STUDY.replace("values: [64 KiB, 1 MiB, 16 MiB]", "values: [64 KiB, 2 MiB]").replace("title: short", "title: other"))
        self.assertIn("2 runs in", self.sweep("out", "--resume").stdout)
        self.assertEqual(len(self.rows("out")), 4)

    def test_a_study_gains_and_loses_its_replications(self):
        self.study()
        self.sweep("out")
        for more, rows in [("replications: {count: 2}\n", 12), ("", 6)]:
            self.study(more)
            self.sweep("out", "--resume")
            self.sweep(f"whole{rows}")
            self.assert_same(f"whole{rows}", "out")
            self.assertEqual(len(self.rows("out")), rows)

    def test_replications_are_not_thrown_away_when_the_study_loses_them(self):
        self.study("replications: {count: 2}\n")
        self.sweep("out")
        self.study()
        self.assertIn("holds replications, which the study has no more", self.sweep("out", "--resume", status=2).stderr)
        self.study("replications: {count: 2}\n")
        self.assertIn("0 runs in", self.sweep("out", "--resume").stdout)

    def test_new_metrics_of_old_results_need_no_run(self):
        self.study()
        self.sweep("out")
        self.study("  walks: iommu.walker.walks\n")
        self.assertIn("0 runs in", self.sweep("out", "--resume").stdout)
        self.assertGreater(int(self.rows("out")[5]["walks"]), 0)

    def test_an_existing_folder_needs_resume_or_force(self):
        self.study()
        self.sweep("out")
        self.assertIn("--resume", self.sweep("out", status=2).stderr)
        self.assertIn("6 runs in", self.sweep("out", "--force").stdout)
        os.mkdir(self.path("mine"))
        self.write("mine/thesis.tex", "years of work")
        self.assertIn("no folder of a sweep", self.sweep("mine", "--force", status=2).stderr)
        self.assertEqual(os.listdir(self.path("mine")), ["thesis.tex"])

    def test_a_sweep_at_work_keeps_others_out(self):
        self.study(measure="50 s")
        with subprocess.Popen([BINARY, "sweep", "s.yaml", "-o", "out"], cwd=self.folder, stderr=subprocess.PIPE) as first:
            while not os.path.isdir(self.path("out", "runs")):
                time.sleep(0.05)
            for how in ("--resume", "--force"):
                self.assertIn("another sweep works in", self.sweep("out", how, status=2).stderr)
            first.send_signal(signal.SIGTERM)
            first.communicate(timeout=60)

    def test_of_two_sweeps_begun_at_once_in_a_new_folder_one_makes_it(self):
        self.study()
        self.sweep("whole")
        both = [self.start("out"), self.start("out")]
        errors = [p.communicate(timeout=60)[1] for p in both]
        self.assertEqual(sorted(p.returncode for p in both), [0, 2], errors)
        self.assertRegex("".join(errors), "another sweep (works|has begun) in|exists already")
        self.assert_same("whole", "out")

    def test_what_is_lost_or_damaged_in_the_folder_is_made_again(self):
        self.study()
        self.sweep("whole")
        self.sweep("out")
        version = json.loads(self.bytes_of("out", "runs", "DMA-1MiB", "result.json"))["simulator"]["version"]

        def cut(name, size):
            os.truncate(self.path("out", name), size)

        def remove(name):
            subprocess.run(["rm", "-r", self.path("out", name)], check=True)

        def age(name):  # by an older version, which also wrote the journal
            path = self.path("out", "runs", name, "result.json")
            when = os.stat(path)
            text = self.bytes_of("out", "runs", name, "result.json").decode()
            self.write(os.path.relpath(path, self.folder), text.replace(f'"version": "{version}"', '"version": "' + "0" * len(version) + '"', 1))
            os.utime(path, ns=(when.st_atime_ns, when.st_mtime_ns))
            journal = self.bytes_of("out", "journal.jsonl").decode()
            self.write("out/journal.jsonl", re.sub(r'"columns":"[0-9a-f]*"', '"columns":"0123456789abcdef"', journal))

        half = self.bytes_of("out", "results.csv")[:100].decode()
        for what, runs in [
            (lambda: remove("runs"), 6),
            (lambda: remove("results.csv"), 0),
            (lambda: cut("study.json", 0), 0),
            (lambda: cut("study.json", 500), 0),
            (lambda: self.write("out/results.csv", half), 0),
            (lambda: self.write("out/.results.csv.partial.host.1", half), 0),
            (lambda: os.makedirs(self.path("out", "runs", ".DMA-1MiB.partial.host.1", "deeper")), 0),
            (lambda: cut("runs/DMA-1MiB/result.json", 20000), 1),
            (lambda: cut("runs/DMA-1MiB/result.json", 0), 1),
            (lambda: remove("runs/DMA-1MiB/result.json"), 1),
            (lambda: age("none-1MiB"), 1),
        ]:
            what()
            done = self.sweep("out", "--resume")
            self.assertIn(f"{runs} runs in", done.stdout)
            self.assert_same("whole", "out")
            self.assertEqual(self.leftovers("out"), [])

    def test_a_study_json_made_by_somebody_else_does_no_harm(self):
        self.study()
        self.sweep("out")
        study = self.json("out", "study.json")
        for change, message in [
            (lambda s: s["points"][0].update(name="../../elsewhere"), "is no name of a point"),
            (lambda s: s["points"][0].update(configuration_sha256=[]), "no configuration_sha256"),
            (lambda s: s.pop("metrics"), "`iommusim sweep STUDY -o out --resume` writes it again"),
        ]:
            changed = json.loads(json.dumps(study))
            change(changed)
            self.write("out/study.json", json.dumps(changed))
            self.assertIn(message, self.iommusim("collect", "out", status=2).stderr)
            self.assertIn(message, self.iommusim("sweep", "status", "out", status=2).stderr)

    def test_a_folder_may_be_a_link_and_streams_may_be_closed(self):
        self.study()
        self.sweep("whole")
        os.mkdir(self.path("real"))
        os.symlink("real", self.path("out"))
        closed = f"'{BINARY}' sweep s.yaml -o out"
        for streams in (">&-", "2>&-", "<&- >&- 2>&-"):
            done = subprocess.run(f"{closed} --force {streams}", shell=True, cwd=self.folder, check=False)
            self.assertEqual(done.returncode, 0, streams)
            self.assert_same("whole", "real")
            self.assertEqual(self.bytes_of("real", ".lock"), b"", "nothing is printed into a file")
        subprocess.run(f"{closed} --force | true", shell=True, cwd=self.folder, check=False)
        self.assert_same("whole", "real")

    def test_the_work_around_a_simulation_is_small(self):
        """In processor time, which a loaded machine changes little; of the smallest machine and window."""
        self.study("  walks: iommu.walker.walks\nreplications: {count: 15}\n", measure="1 us")
        self.sweep("out")
        log = self.bytes_of("out", "sweep.log").decode()
        useful = float(re.search(r"simulations +([\d.]+) s", log)[1])
        around = sum(float(f) for f in re.search(r"around_them +([\d.]+) s .*, ([\d.]+) s in this", log).groups())
        self.assertLess(around, 0.4 * useful, log)

    def test_mistakes_are_found_before_anything_is_written(self):
        for change, message in [
            (("run.measure: MEASURE", "run.measure: 10 parsecs"), "s.yaml:4:39: run.measure: "),
            (("workloads[0].buffer.size", "workloads[0].bufer.size"), "Did you mean 'buffer'?"),
            (("nfp.dma.throughput", "nfp.dma.thruput"), "no machine of the study has a metric 'nfp.dma.thruput'. Did you mean"),
            (("schema: 1", "schema: 2"), "schema: this program reads schema 1"),
            (("{label: DMA}", "{label: DMA, run: nowhere.yaml}"), "there is no file nowhere.yaml"),
        ]:
            with self.subTest(change=change):
                self.study(text=STUDY.replace(*change))
                self.assertIn(message, self.sweep("out", status=2).stderr)
                self.assertIn(message, self.check())
        self.assert_nothing_written("s.yaml")

    def check(self):
        done = subprocess.run([BINARY, "check", "s.yaml"], cwd=self.folder, capture_output=True, text=True, check=False)
        return done.stdout + done.stderr

    def test_check_prints_the_points(self):
        self.study("exclude: [{domain: none, size: 1 MiB}]\n")
        text = self.check()
        self.assertIn("5 points", text)
        self.assertRegex(text, r"DMA-1MiB +DMA +1 MiB")
        self.assertNotIn("none-1MiB", text)


class Failures(SweepTest):
    POINTS = ("points:\n"
              "  - {name: good}\n"
              "  - {name: stuck, set: {run.drain_timeout: 1 ns}}\n"
              "  - {name: endless, set: {run.measure: 50 s}}\n")

    def failing(self):
        text = re.sub(r"vary:.*(?=metrics:)", lambda _: self.POINTS, STUDY, flags=re.S)
        self.study(text=text)

    def test_failures_are_kept_apart_and_reported_with_their_last_lines(self):
        self.failing()
        done = self.sweep("out", "-j", "2", "--timeout", "3 s", status=1)
        self.assertEqual([r["point"] for r in self.rows("out")], ["good"])
        self.assertIn("2 of 3 runs failed", done.stderr)
        self.assertIn("stuck (seed 1): exit status 1\n    not everything in flight finished within run.drain_timeout", done.stderr)
        self.assertIn("endless (seed 1): timed out after 3 s", done.stderr)
        study = self.json("out", "study.json")
        self.assertEqual([f["point"] for f in study["failures"]], ["stuck", "endless"])
        self.assertEqual([p["runs"][0]["state"] for p in study["points"]], ["done", "failed", "failed"])
        self.assertEqual(sorted(os.listdir(self.path("out", "runs"))), ["good"])

    def test_status_tells_of_ten_failures_and_counts_the_others(self):
        points = "points:\n" + "".join(f"  - {{name: p{i}, set: {{run.drain_timeout: 1 ns}}}}\n" for i in range(12))
        self.study(text=re.sub(r"vary:.*(?=metrics:)", lambda _: points, STUDY, flags=re.S))
        self.sweep("out", status=1)
        text = self.iommusim("sweep", "status", "out").stdout
        self.assertEqual(text.count("exit status 1"), 10)
        self.assertIn("\n... and 2 more: see `failures` in study.json once collected\n", text)

    def test_resume_tries_failed_runs_again(self):
        self.POINTS = self.POINTS.replace("1 ns", "LIMIT").rsplit("  -", 1)[0]
        text = re.sub(r"vary:.*(?=metrics:)", lambda _: self.POINTS, STUDY, flags=re.S)
        self.study(text=text.replace("LIMIT", "1 ns"))
        self.sweep("out", status=1)
        self.assertIn("stuck", self.sweep("out", "--resume", status=1).stderr)
        self.study(text=text.replace("LIMIT", "1 ms"))
        self.sweep("out", "--resume")
        self.assertEqual([r["point"] for r in self.rows("out")], ["good", "stuck"])
        self.assertEqual(self.json("out", "study.json")["failures"], [])

    def test_retry_ends_with_one_failure(self):
        self.failing()
        start = time.monotonic()
        self.sweep("out", "-j", "4", "--timeout", "1 s", "--retry", "2", status=1)
        self.assertGreater(time.monotonic() - start, 3, "three times a second")
        with open(self.path("out", "journal.jsonl"), encoding="utf-8") as f:
            self.assertEqual(sum('"failed"' in line for line in f), 2, "the last try of each counts")

    def test_a_memory_limit_fails_the_run_and_not_the_sweep(self):
        self.failing()
        self.assertIn("3 of 3 runs failed", self.sweep("out", "--memory", "16 MiB", "--timeout", "3 s", status=1).stderr)
        self.assertIn("memory", self.json("out", "study.json")["failures"][0]["lines"])

    def test_a_killed_worker_is_a_failure_that_retry_tries_again(self):
        self.study(measure="3 ms")
        self.sweep("whole")
        for more in ([], ["--retry", "1"]):
            out = "retried" if more else "out"
            with self.start(out, "-j", "2", *more) as process:
                pid, point = self.at_work(out)
                os.kill(pid, signal.SIGKILL)
                _, errors = process.communicate(timeout=60)
            self.assertEqual(process.returncode, 0 if more else 1, errors)
            self.assertEqual(self.leftovers(out), [])
            if not more:
                self.assertIn(f"1 of 6 runs failed\n{point} (seed 1): signal 9 (Killed)", errors)
                self.assertEqual(len(self.rows(out)), 5)
                self.sweep(out, "--resume", "-q")
            self.assert_same("whole", out)

    def test_a_full_disk_fails_runs_and_a_resume_goes_on(self):
        self.study()
        self.sweep("whole")

        def no_large_files():  # what a full disk does to the largest first
            resource.setrlimit(resource.RLIMIT_FSIZE, (30000, resource.RLIM_INFINITY))

        with self.start("out", preexec_fn=no_large_files, restore_signals=False) as process:
            _, errors = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 1, errors)
        self.assertIn("6 of 6 runs failed", errors)
        self.assertIn("cannot write result.json", errors)
        self.assertEqual(self.leftovers("out"), [])
        with self.start("out", "--resume", preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (600, resource.RLIM_INFINITY)),
                        restore_signals=False) as process:
            _, errors = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 2, "not even study.json can be written")
        self.assertRegex(errors, "cannot write .*/out/study.json: File too large")
        self.sweep("out", "--resume")
        self.assert_same("whole", "out")
        self.assertEqual(self.leftovers("out"), [])

    def test_claims_that_do_not_hold_end_with_status_1(self):
        claims = ("claims:\n"
                  "  - {text: translation costs, metric: gbps, where: {domain: DMA, size: 16 MiB}, ratio_to: {domain: none}, less_than: 0.9}\n"
                  "  - {text: it is free, metric: gbps, where: {domain: DMA, size: 16 MiB}, ratio_to: {domain: none}, at_least: 1}\n")
        self.study(claims)
        done = self.sweep("out", "-q", status=1)
        self.assertRegex(done.stdout, r"^claims: 1 of 2 hold\n  pass +translation costs\n .*\n  fail +it is free\n +0\.\d+ at DMA-16MiB, limit >= 1\n$")
        self.assertEqual([c["status"] for c in self.json("out", "study.json")["claims"]], ["pass", "fail"])
        self.assertEqual(self.iommusim("collect", "out", "-q", status=1).stdout, done.stdout)
        self.study(claims.rsplit("  -", 1)[0])
        self.sweep("out", "--resume")

    def test_mistakes_on_the_command_line_end_with_status_2(self):
        self.study()
        for args, message in [
            (["sweep"], "a study is missing"),
            (["sweep", "s.yaml", "-j", "0"], "--jobs"),
            (["sweep", "s.yaml", "--timeout", "9"], "iommusim: --timeout: '9' has no unit: write '9 s'\n"),
            (["sweep", "s.yaml", "--memory", "5"], "iommusim: --memory: '5' has no unit: write '5 GiB'\n"),
            (["sweep", "s.yaml", "-s", "run.seed=2"], "iommusim: a study takes no -s: write settings of every point in it, under `set:`\n"),
            (["sweep", "s.yaml", "--memory", "1 GB"], "Did you mean '1 GiB'?"),
            (["sweep", "s.yaml", "--retry", "-1"], "--retry: expected 0 to 1000"),
            (["sweep", "s.yaml", "--slurm", "--points-per-task", "0"], "--points-per-task: expected 1 to 1000000"),
            (["sweep", "s.yaml", "--resume", "--force"], "give one of them"),
            (["sweep", "s.yaml", "--share", "4/4", "--resume"], "--share"),
            (["sweep", "status"], "sweep status DIR"),
            (["sweep", EXPERIMENT], f"iommusim: {EXPERIMENT}: this is a configuration, no study: use `iommusim run`, or write a study that "
                                    "names it as `run:`\n"),
            (["collect", "."], "no folder of a sweep"),
            (["compare", "."], "two result folders"),
            (["compare", ".", "."], "neither result.json nor results.csv"),
            (["check", "s.yaml", "--resolved"], "is a study"),
            (["schema", "stduy"], "unknown kind"),
        ]:
            with self.subTest(args=args):
                self.assertIn(message, self.iommusim(*args, status=2).stderr)
        self.assert_nothing_written("s.yaml")


class Interruptions(SweepTest):
    def interrupt(self, number, times=1):
        self.study(measure="20 ms")
        with self.start("out", "-j", "2") as process:
            self.at_work("out")
            for _ in range(times):
                process.send_signal(number)
            out, err = process.communicate(timeout=60)
        if times == 1:
            self.assertEqual(process.returncode, 1, err)
            self.assertRegex(err, r"^iommusim: interrupted with \d runs done; go on with --resume\n$")
            self.assertEqual(out, "")
            self.assertEqual(self.leftovers("out"), [])
        self.assertFalse(os.path.exists(self.path("out", "results.csv")))

    def test_ctrl_c_ends_a_sweep_cleanly(self):
        self.interrupt(signal.SIGINT)

    def test_sigterm_ends_a_sweep_cleanly(self):
        self.interrupt(signal.SIGTERM)

    def test_a_closed_terminal_ends_a_sweep_cleanly(self):
        self.interrupt(signal.SIGHUP)

    def test_an_impatient_ctrl_c_ends_a_sweep_at_once(self):
        self.interrupt(signal.SIGINT, times=5)
        self.study()
        self.sweep("out", "--resume")
        self.assertEqual(self.leftovers("out"), [])

    def test_a_signal_that_is_ignored_stays_so(self):
        self.study(measure="1 ms")
        with self.start("out", preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN)) as process:  # as nohup does
            self.at_work("out")
            process.send_signal(signal.SIGHUP)
            _, err = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 0, err)

    def test_a_sweep_killed_at_any_time_resumes_to_the_same_bytes(self):
        """20 kills at random times, of the parent alone or of all its processes."""
        self.study("replications: {count: 2, until: {metric: p99_ns, within: 2 %, batch: 1, at_most: 4}}\n", measure="50 us")
        start = time.monotonic()
        self.sweep("whole", "-j", "2")
        length = time.monotonic() - start
        seed = random.randrange(1 << 30)
        random.seed(seed)
        hit = 0
        for i in range(100 if LONG else 20):
            with self.subTest(seed=seed, i=i):
                with self.start("out", "-j", "2", "--force" if i else "-q") as process:
                    time.sleep(random.random() * length)
                    children = f"/proc/{process.pid}/task/{process.pid}/children"
                    pids = [process.pid]
                    if i % 2:
                        with open(children, encoding="utf-8") as f:
                            pids += [int(p) for p in f.read().split()]
                    hit += process.poll() is None
                    for pid in pids:
                        try:
                            os.kill(pid, signal.SIGKILL)
                        except ProcessLookupError:
                            pass
                self.sweep("out", "--resume", "-j", "2")
                self.assert_same("whole", "out")
                self.assertEqual(self.leftovers("out"), [])
        self.assertGreater(hit, 5, "kills that met a sweep at work")

    def test_a_journal_cut_anywhere_costs_a_reading_and_no_run(self):
        self.study()
        self.sweep("whole")
        journal = self.bytes_of("whole", "journal.jsonl")
        subprocess.run(["cp", "-a", self.path("whole"), self.path("out")], check=True)
        lines = [i for i, c in enumerate(journal) if c == 10]
        for size in sorted({0, 1, lines[0], lines[0] + 1, lines[2] - 1, lines[3] - 40, len(journal) - 1, random.randrange(len(journal))}):
            with self.subTest(size=size):
                with open(self.path("out", "journal.jsonl"), "wb") as f:
                    f.write(journal[:size])
                os.remove(self.path("out", "results.csv"))
                self.assertIn("0 runs in", self.sweep("out", "--resume").stdout)
                self.assert_same("whole", "out")


class Folders(SweepTest):
    def test_exported_commands_give_the_sweep(self):
        self.study("replications: {count: 2}\n")
        self.sweep("whole")
        self.sweep("out", "--prepare")
        lines = self.sweep("out", "--export-runs").stdout.splitlines()
        self.assertEqual(len(lines), 12)
        for line in lines:
            subprocess.run(line, shell=True, check=True, cwd="/")
        self.assertIn("12 of 12 runs", self.iommusim("collect", "out").stdout)
        self.assert_same("whole", "out")

    def test_exported_commands_with_a_stop_rule_are_exported_until_there_are_none(self):
        self.study("replications: {count: 2, until: {metric: gbps, within: 0.5 %, batch: 2, at_most: 6}}\n")
        self.sweep("whole")
        self.sweep("out", "--prepare")
        counts = []
        while lines := self.sweep("out", "--export-runs").stdout.splitlines():
            counts.append(len(lines))
            for line in lines:
                subprocess.run(line, shell=True, check=True, cwd="/")
        self.assertEqual(counts[0], 12)
        self.assertGreater(len(counts), 1)
        self.iommusim("collect", "out")
        self.assert_same("whole", "out")

    def test_a_copied_folder_collects_to_the_same_without_its_journals(self):
        self.study("replications: {count: 2, until: {metric: gbps, within: 0.5 %, batch: 2, at_most: 6}}\n")
        self.sweep("whole")
        subprocess.run(["cp", "-r", self.path("whole"), self.path("copy")], check=True)  # other times of files
        for name in os.listdir(self.path("copy")):
            if name.startswith("journal"):
                os.remove(self.path("copy", name))
        self.assertRegex(self.iommusim("sweep", "status", "copy").stdout, r"6 of 6 points complete; runs: \d+ done, 0 failed, 0 to go")
        self.iommusim("collect", "copy")
        self.assert_same("whole", "copy")

    def test_a_study_outside_of_the_repository_uses_shipped_machines(self):
        self.write("mine.yaml", "schema: 1\nname: mine\ninclude: [<configs/platforms/haswell-nfp6000.yaml>]\nrun: {warm_up: 2 us, measure: 5 us}\n"
                   "workloads: [{endpoint: nfp, buffer: {size: 64 KiB}, traffic: {type: generator, streams: [{reads: 100 %, pattern: {type: random}, size: {type: fixed, bytes: 64 B}}]}}]\n")
        self.iommusim("check", "mine.yaml")
        self.iommusim("run", "mine.yaml", "-o", "out")

    def test_shares_of_a_sweep_collect_to_the_whole(self):
        self.study("replications: {count: 2}\n")
        self.sweep("whole")
        self.sweep("out", "--prepare")
        self.assertEqual(self.rows_or_none("out"), None)
        self.assertIn("0 of 6 points complete; runs: 0 done, 0 failed, 12 to go", self.iommusim("sweep", "status", "out").stdout)
        self.sweep("out", "--resume", "--share", "0/2")
        self.assertIn("3 of 6 points complete; runs: 6 done", self.iommusim("sweep", "status", "out").stdout)
        text = self.iommusim("sweep", "status", "out").stdout
        self.assertRegex(text, r"\n  [\d.]+ runs per minute in the last [\d.]+ minutes; at that rate [\d.]+ minutes to go\n")
        for folder, _, files in os.walk(self.path("out", "runs")):
            if "result.json" in files:
                os.utime(os.path.join(folder, "result.json"), (1, 1))
        self.assertNotIn("per minute", self.iommusim("sweep", "status", "out").stdout, "of one that stands still")
        self.assertIn("6 runs have no result yet", self.iommusim("collect", "out", status=1).stderr)
        first = subprocess.Popen([BINARY, "sweep", "s.yaml", "-o", "out", "--resume", "--share", "1/2"], cwd=self.folder)
        self.sweep("out", "--resume", "--share", "1/2")  # two live copies of one share
        self.assertEqual(first.wait(timeout=60), 0)
        self.iommusim("collect", "out")
        self.assert_same("whole", "out")
        self.assertEqual(self.leftovers("out"), [])

    def rows_or_none(self, out):
        return self.rows(out) if os.path.exists(self.path(out, "results.csv")) else None

    def test_compare_tells_runs_and_sweeps_apart(self):
        self.study("replications: {count: 3}\n")
        self.sweep("a")
        self.study("replications: {count: 3}\n", text=STUDY.replace("run.measure: MEASURE", "run.measure: MEASURE, platform.iommu.unit.walkers: 1"))
        self.sweep("b")
        text = self.iommusim("compare", "a", "b", "-m", "gbps").stdout
        row = next(line for line in text.splitlines() if line.startswith("DMA-16MiB"))
        self.assertRegex(row, r"^DMA-16MiB +gbps .* -\d+\.\d+ % +(< 0.0001|0\.0\d+) +(< 0.0001|0\.0\d+)$")
        self.assertNotIn("none-16MiB", text, "equal figures are left out")
        rows = list(csv.DictReader(self.iommusim("compare", "a", "b", "--csv", "--all").stdout.splitlines()))
        self.assertEqual(len(rows), 6 * 3 - 3)
        tested = [r for r in rows if r["p"]]
        self.assertEqual(len(tested), len(rows))
        for row in tested:
            self.assertLessEqual(float(row["p"]), float(row["p_holm"]))
        least = min(tested, key=lambda r: float(r["p"]))
        self.assertAlmostEqual(float(least["p_holm"]), min(1, len(tested) * float(least["p"])))
        runs = self.iommusim("compare", "a/runs/DMA-16MiB/1", "b/runs/DMA-16MiB/1").stdout
        self.assertIn("iommu.walker.walks", runs)
        self.assertEqual(self.iommusim("compare", "a", "a").stdout, "no figure differs\n")
        for text, near in [("nothing-like-this", "Known: gbps, hit_rate, p99_ns"), ("hit_rat3", "Did you mean 'hit_rate'?")]:
            self.assertEqual(self.iommusim("compare", "a", "b", "-m", "gbps", "-m", text, status=2).stderr,
                             f"iommusim: -m: no metric's path contains '{text}'. {near}\n")
        part = self.iommusim("compare", "a/runs/DMA-16MiB/1", "b/runs/DMA-16MiB/1", "-m", "latancy", status=2).stderr
        self.assertEqual(part, "iommusim: -m: no metric's path contains 'latancy'. Did you mean 'latency'?\n")
        self.assertIn("not comparable", self.iommusim("compare", "a", "a/runs/DMA-16MiB/1", status=2).stderr)

    def test_compare_says_what_it_cannot_compare(self):
        self.study()
        self.sweep("a")
        self.study(text=STUDY.replace("values: [64 KiB, 1 MiB, 16 MiB]", "values: [64 KiB]").replace("scale: 0.001", "scale: 1e-6"))
        self.sweep("b")
        text = self.iommusim("compare", "a", "b").stdout
        self.assertIn("not compared: p99_ns is in ns in A, in us in B\n", text)
        self.assertIn("only in A: 10 figures, the first is none-1MiB: gbps\n", text)

    def test_collect_is_incremental_and_bounded_in_memory(self):
        """Synthetic results: 2,000 points, or 100,000 with IOMMUSIM_LONG=1."""
        count = 100000 if LONG else 2000
        self.study()
        self.sweep("out")
        study = self.json("out", "study.json")
        result = self.json("out", "runs", "DMA-1MiB", "result.json")
        point = next(p for p in study["points"] if p["name"] == "DMA-1MiB")
        study["points"] = []
        for i in range(count):
            digest = f"{i:064x}"
            study["points"].append({**point, "name": f"p{i}", "configuration_sha256": [digest], "runs": []})
            result["configuration_sha256"] = digest
            result["metrics"]["nfp"]["dma"]["throughput"]["value"] = i
            os.makedirs(self.path("big", "runs", f"p{i}"))
            self.write(f"big/runs/p{i}/result.json", json.dumps(result))
        self.write("big/study.json", json.dumps(study))
        times = []
        for _ in range(2):
            start = time.monotonic()
            done = subprocess.run([BINARY, "collect", "big"], cwd=self.folder, capture_output=True, text=True, check=False)
            times.append(time.monotonic() - start)
            self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual([r["gbps"] for r in self.rows("big")], [str(i) for i in range(count)])
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        print(f"collect of {count} points: {times[0]:.1f} s, again {times[1]:.1f} s, peak memory {peak:.0f} MiB")
        self.assertLess(peak, 1024)
        self.assertLess(times[1], times[0])


class Texts(SweepTest):
    def test_the_schema_of_studies_knows_their_keys(self):
        schema = json.loads(self.iommusim("schema", "study").stdout)
        self.assertEqual(schema["required"], ["schema"])
        for key in ("vary", "exclude", "points", "replications", "metrics", "claims", "plots"):
            self.assertIn(key, schema["properties"])

    def test_the_glossary_has_every_figure_of_a_result(self):
        self.run_short("out")
        names = [line.split()[0] for line in self.iommusim("describe", "--metrics", EXPERIMENT).stdout.splitlines()[1:]]
        figures = []

        def walk(node, path):
            if isinstance(node.get("unit"), str):
                figures.extend(path if k == "value" else f"{path}.{k}" for k in node if k not in ("unit", "description"))
                return
            for key, value in node.items():
                walk(value, f"{path}.{key}" if path else key)

        walk(self.result("out")["metrics"], "")
        self.assertEqual(names, figures)

    def test_the_manual_page_has_every_command_and_no_errors(self):
        page = self.iommusim("man").stdout
        for word in ("sweep", "compare", "EXIT STATUS", "SS study", "SS iotlb"):
            self.assertIn(word, page)
        lines = [line for line in page.splitlines() if line.startswith(".")]
        self.assertEqual({line.split()[0] for line in lines} - {".TH", ".SH", ".SS", ".B", ".br", ".PP", ".nf", ".fi", ".TP"}, set())

    def test_every_shipped_study_passes_check(self):
        studies = []
        for folder, _, files in os.walk(os.path.join(SOURCE, "experiments")):
            for name in sorted(files):
                if name.endswith(".yaml"):
                    with open(os.path.join(folder, name), encoding="utf-8") as f:
                        if any(line.startswith("metrics:") for line in f):
                            studies.append(os.path.join(folder, name))
        self.assertGreaterEqual(len(studies), 7)
        for file in studies:
            with self.subTest(file=file):
                self.assertIn("claims", self.iommusim("check", file).stdout)


if __name__ == "__main__":
    unittest.main()
