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
                if ".partial." in n or ".replaced." in n or n.startswith((".study.json.", ".results.csv."))]


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
        self.sweep("b", "-j", "5")
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
            self.assertIn("another sweep works in", self.sweep("out", "--resume", status=2).stderr)
            first.send_signal(signal.SIGTERM)
            first.communicate(timeout=60)

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
            (["sweep", "s.yaml", "--timeout", "9"], "--timeout"),
            (["sweep", "s.yaml", "--memory", "1 GB"], "--memory"),
            (["sweep", "s.yaml", "--resume", "--force"], "give one of them"),
            (["sweep", "s.yaml", "--share", "4/4", "--resume"], "--share"),
            (["sweep", "status"], "sweep status DIR"),
            (["sweep", EXPERIMENT], "title: is missing"),
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
    def interrupt(self, number):
        self.study(measure="20 ms")
        with subprocess.Popen([BINARY, "sweep", "s.yaml", "-o", "out", "-j", "2"], cwd=self.folder, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True) as process:
            deadline = time.monotonic() + 60
            while not (os.path.isdir(self.path("out", "runs")) and os.listdir(self.path("out", "runs"))) and time.monotonic() < deadline:
                time.sleep(0.02)
            process.send_signal(number)
            out, err = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 1, err)
        self.assertRegex(err, r"^iommusim: interrupted with \d runs done; go on with --resume\n$")
        self.assertEqual(out, "")
        self.assertFalse(os.path.exists(self.path("out", "results.csv")))
        self.assertEqual(self.leftovers("out"), [])

    def test_ctrl_c_ends_a_sweep_cleanly(self):
        self.interrupt(signal.SIGINT)

    def test_sigterm_ends_a_sweep_cleanly(self):
        self.interrupt(signal.SIGTERM)

    def test_a_sweep_killed_at_any_time_resumes_to_the_same_bytes(self):
        self.study("replications: {count: 2, until: {metric: p99_ns, within: 2 %, batch: 2, at_most: 6}}\n", measure="100 us")
        start = time.monotonic()
        self.sweep("whole", "-j", "2")
        length = time.monotonic() - start
        seed = random.randrange(1 << 30)
        random.seed(seed)
        for i in range(20 if LONG else 5):
            out = f"killed{i}"
            kills = 0
            while kills < 3:
                more = ["--resume"] if kills else []
                with subprocess.Popen([BINARY, "sweep", "s.yaml", "-o", out, "-j", "2", *more], cwd=self.folder,
                                      stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
                    time.sleep(random.random() * length)
                    process.kill()
                kills += 1
            self.sweep(out, "--resume", "-j", "2")
            with self.subTest(seed=seed, i=i):
                self.assert_same("whole", out)
                self.assertEqual(self.leftovers(out), [])


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

    def test_shares_of_a_sweep_collect_to_the_whole(self):
        self.study("replications: {count: 2}\n")
        self.sweep("whole")
        self.sweep("out", "--prepare")
        self.assertEqual(self.rows_or_none("out"), None)
        self.assertIn("0 of 6 points complete; runs: 0 done, 0 failed, 12 to go", self.iommusim("sweep", "status", "out").stdout)
        self.sweep("out", "--resume", "--share", "0/2")
        self.assertIn("3 of 6 points complete; runs: 6 done", self.iommusim("sweep", "status", "out").stdout)
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
        self.assertRegex(row, r"^DMA-16MiB +gbps .* -\d+\.\d+ % +(< 0.0001|0\.0\d+)$")
        self.assertNotIn("none-16MiB", text, "equal figures are left out")
        rows = list(csv.DictReader(self.iommusim("compare", "a", "b", "--csv", "--all").stdout.splitlines()))
        self.assertEqual(len(rows), 6 * 3 - 3)
        runs = self.iommusim("compare", "a/runs/DMA-16MiB/1", "b/runs/DMA-16MiB/1").stdout
        self.assertIn("iommu.walker.walks", runs)
        self.assertEqual(self.iommusim("compare", "a", "a").stdout, "no figure differs\n")
        self.assertIn("not comparable", self.iommusim("compare", "a", "a/runs/DMA-16MiB/1", status=2).stderr)

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
