#!/usr/bin/python3
"""The program `iommusim` from outside: exit statuses, result folders, reproducibility, signals, bad traces, shipped files."""
import csv
import glob
import gzip
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

BINARY = os.environ["IOMMUSIM"]
SOURCE = os.environ["IOMMUSIM_SOURCE_DIR"]
EXPERIMENT = os.path.join(SOURCE, "experiments", "iotlb_reach", "experiment.yaml")
SHORT = ["-s", "run.warm_up=5 us", "-s", "run.measure=20 us"]


class CliTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="iommusim-cli-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def path(self, *parts):
        return os.path.join(self.folder, *parts)

    def iommusim(self, *args, status=0):
        done = subprocess.run([BINARY, *args], cwd=self.folder, capture_output=True, text=True, timeout=600, check=False)
        self.assertEqual(done.returncode, status, f"{args}\n{done.stdout}\n{done.stderr}")
        return done

    def run_short(self, out, *more, status=0, file=EXPERIMENT):
        return self.iommusim("run", file, *SHORT, "-o", out, *more, status=status)

    def bytes_of(self, *parts):
        with open(self.path(*parts), "rb") as f:
            return f.read()

    def result(self, out):
        return json.loads(self.bytes_of(out, "result.json"))

    def assert_nothing_written(self, *kept):
        self.assertEqual(sorted(os.listdir(self.folder)), sorted(kept))


class Commands(CliTest):
    def test_help_and_version_succeed(self):
        self.assertRegex(self.iommusim("--version").stdout, r"^iommusim \d+\.\d+\.\d+\n$")
        text = self.iommusim("--help").stdout
        for command in ["check", "run", "sweep", "collect", "compare", "import", "describe", "list", "schema"]:
            self.assertIn(command, text)
            self.assertIn("Usage: iommusim " + command, self.iommusim(command, "--help").stdout)
        self.assertIn("Exit status", text)

    def test_mistakes_on_the_command_line_end_with_status_2(self):
        for args, message in [
            ([], "a command is missing"),
            (["chekc"], "unknown command 'chekc'. Did you mean 'check'?"),
            (["run"], "a configuration file is missing"),
            (["run", EXPERIMENT, "--forse"], "unknown option '--forse'. Did you mean '--force'?"),
            (["run", EXPERIMENT, "stray"], "iommusim: one argument too many: 'stray'\n"),
            (["man", "stray"], "iommusim: one argument too many: 'stray'\n"),
            (["run", EXPERIMENT, "-o"], "the required argument for option '--output' is missing"),
            (["describe", "iotbl"], "iommusim: no component and no key is called 'iotbl'. Did you mean 'iotlb'? Components: experiment, run,"),
            (["describe", "platform.iommu.unitt.walkers"],
             "iommusim: platform.iommu.unitt.walkers: 'unitt' is no key of iommu. Did you mean 'unit'?\n"),
            (["describe", "run.seed.x"], "iommusim: run.seed.x: 'seed' has no keys in it\n"),
            (["list", "paterns"], "unknown kind 'paterns'. Did you mean 'patterns'?"),
            (["import"], "a capture folder is missing"),
        ]:
            with self.subTest(args=args):
                done = self.iommusim(*args, status=2)
                self.assertIn(message, done.stderr)
                self.assertEqual(done.stdout, "")
        self.assert_nothing_written()

    def test_a_file_that_is_not_there_is_named(self):
        self.assertIn("nowhere.yaml", self.iommusim("check", "nowhere.yaml", status=2).stderr)
        self.assertIn("nowhere.yaml", self.iommusim("run", "nowhere.yaml", status=2).stderr)
        self.assert_nothing_written()

    def test_overrides_are_checked_like_files(self):
        done = self.run_short("out", "-s", "platform.iommu.unit.walker=3", status=2)
        self.assertIn("Did you mean 'walkers'?", done.stderr)
        done = self.run_short("out", "-s", "run.seed", status=2)
        self.assertIn("run.seed", done.stderr)
        self.assert_nothing_written()

    def test_check_prints_tree_groups_and_address_map(self):
        text = self.iommusim("check", EXPERIMENT).stdout
        for part in ["platform", "IOMMU groups", "address map", "iommu.registers", "0x00000000fee00000", "nfp"]:
            self.assertIn(part, text)

    def test_check_reports_every_file_before_it_fails(self):
        with open(self.path("a.yaml"), "w") as f:
            f.write("schema: 1\nnmae: a\n")
        with open(self.path("b.yaml"), "w") as f:
            f.write("schema: 1\nrun: {seed: x}\n")
        done = self.iommusim("check", "a.yaml", EXPERIMENT, "b.yaml", status=2)
        self.assertIn("a.yaml:2:1", done.stderr)
        self.assertIn("b.yaml:2:13", done.stderr)
        self.assertIn("experiment.yaml: ok", done.stdout)

    def test_describe_knows_every_component_it_lists(self):
        names = [line.split()[0] for line in self.iommusim("describe").stdout.splitlines()]
        self.assertGreater(len(names), 20)
        self.assertEqual(len(set(names)), len(names), "no two have one name")
        for name in names:
            self.assertTrue(self.iommusim("describe", name).stdout.startswith(name + ":"), name)
        for name in ("experiment", "study"):
            self.assertIn("Every file has `schema: 1`, the version of the format, and may have `include: [FILE, ...]`",
                          self.iommusim("describe", name).stdout)

    def test_describe_finds_keys_by_path_and_by_name(self):
        walkers = self.iommusim("describe", "platform.iommu.unit.walkers").stdout
        self.assertRegex(walkers, r"^remapping_unit: .*\n  walkers  [^\n]*default \d+\n +[^\n]*\n$")
        self.assertIn(walkers, self.iommusim("describe", "walkers").stdout)
        self.assertEqual(self.iommusim("describe", "platform.iommu.unit").stdout, self.iommusim("describe", "remapping_unit").stdout)
        self.assertEqual(self.iommusim("describe", "workloads[0].buffer").stdout, self.iommusim("describe", "buffer").stdout)
        self.assertTrue(self.iommusim("describe", "claims.where").stdout.startswith("claim: "))
        shared = self.iommusim("describe", "entries").stdout
        self.assertGreater(len(re.findall(r"^\w+: ", shared, re.M)), 1, "a key of several components, each named")

    def test_list_has_choices_of_every_kind(self):
        for line in self.iommusim("list").stdout.splitlines():
            self.assertTrue(self.iommusim("list", line.split()[0]).stdout.strip(), line)

    def test_every_way_to_call_a_command_is_in_its_help_and_in_the_manual(self):
        self.assertIn("[--resume | --force]\n       iommusim sweep status DIR\n", self.iommusim("sweep", "--help").stdout)
        self.assertIn("Usage: iommusim schema [experiment | study]\n", self.iommusim("schema", "--help").stdout)
        manual = self.iommusim("man").stdout
        self.assertIn("\n.B iommusim\nsweep status DIR\n", manual)
        for file in ("trace.json", "timeline.csv", "tlp.csv"):
            self.assertIn(file, self.iommusim("run", "--help").stdout)
            self.assertIn(file, manual)

    def test_a_study_is_not_run(self):
        study = os.path.join(os.path.dirname(EXPERIMENT), "sweep.yaml")
        self.assertEqual(self.iommusim("run", study, status=2).stderr, f"iommusim: {study}: this is a study: use `iommusim sweep`\n")
        self.assert_nothing_written()

    def test_counts_agree_with_their_nouns(self):
        self.assertIn("root_complex: 1 root port\n", self.iommusim("check", EXPERIMENT).stdout)
        done = self.run_short("out", "-s", "workloads[3].buffer.size=1 MiB", status=2)
        self.assertIn("has no item [3]: the list has 1 item\n", done.stderr)

    def test_schema_is_json_and_demands_the_schema_key(self):
        schema = json.loads(self.iommusim("schema").stdout)
        self.assertIn("schema", schema["properties"])
        self.assertIn("workloads", schema["properties"])


class Results(CliTest):
    def test_a_run_writes_its_six_files(self):
        done = self.run_short("out")
        self.assertEqual(sorted(os.listdir(self.path("out"))),
                         ["latency.csv", "resolved.yaml", "result.json", "run.log", "topology.json", "worst.json"])
        self.assertIn("IOTLB hit rate", done.stdout)
        self.assertEqual(done.stderr, "", "no progress bar when standard error is no terminal")
        self.assert_nothing_written("out")

    def test_every_metric_has_unit_and_description(self):
        self.run_short("out")
        seen = 0

        def examine(node, path):
            nonlocal seen
            if "unit" in node and isinstance(node["unit"], str):
                seen += 1
                self.assertTrue(node["unit"], path)
                self.assertTrue(node.get("description"), path)
                return
            for key, value in node.items():
                self.assertIsInstance(value, dict, path + "." + key)
                examine(value, path + "." + key)

        examine(self.result("out")["metrics"], "metrics")
        self.assertGreater(seen, 50)

    def test_breakdown_sums_to_the_latency(self):
        self.run_short("out")
        read = self.result("out")["metrics"]["nfp"]["dma"]["read"]
        self.assertGreater(read["latency"]["count"], 100)
        self.assertEqual(sum(part["sum"] for part in read["breakdown"].values()), read["latency"]["sum"])

    def test_latency_csv_holds_every_dma_of_the_window(self):
        self.run_short("out")
        with open(self.path("out", "latency.csv"), newline="") as f:
            rows = [r for r in csv.DictReader(f) if r["endpoint"] == "nfp" and r["direction"] == "read"]
        count = self.result("out")["metrics"]["nfp"]["dma"]["read"]["latency"]["count"]
        self.assertEqual(sum(int(r["count"]) for r in rows), count)
        self.assertEqual(int(rows[-1]["cumulative"]), count)

    def test_worst_json_holds_the_slowest_dmas_and_where_their_time_went(self):
        self.run_short("out")
        dmas = json.loads(self.bytes_of("out", "worst.json"))["dmas"]
        latency = self.result("out")["metrics"]["nfp"]["dma"]["read"]["latency"]
        self.assertEqual(len(dmas), 20)
        self.assertEqual(dmas[0]["latency_ps"], latency["max"])
        self.assertEqual([d["latency_ps"] for d in dmas], sorted((d["latency_ps"] for d in dmas), reverse=True))
        names = list(self.result("out")["metrics"]["nfp"]["dma"]["read"]["breakdown"])
        for d in dmas:
            times = [d["intended_ps"], *(p["until_ps"] for p in d["parts"])]
            self.assertEqual(times, sorted(set(times)), "each part ends after it begins")
            self.assertEqual(times[-1] - times[0], d["latency_ps"])
            order = [names.index(p["part"]) for p in d["parts"]]
            self.assertEqual(order, sorted(order))

    def test_topology_json_names_functions_groups_and_domains(self):
        self.run_short("out")
        topology = json.loads(self.bytes_of("out", "topology.json"))
        self.assertEqual([(n["name"], n["kind"], n["above"]) for n in topology["nodes"]], [("nfp", "endpoint", None)])
        self.assertEqual(topology["functions"], [{"name": "nfp", "endpoint": "nfp", "bdf": "01:00.0", "requester": "01:00.0",
                                                  "group": 0, "domain": "DMA"}])

    def test_window_ends_exactly_at_the_dma_asked_for(self):
        self.iommusim("run", EXPERIMENT, "-s", "run.measure=0 ns", "-s", "run.warm_up=5 us", "-s", "run.dmas=1234", "-o", "out")
        result = self.result("out")
        self.assertEqual(result["metrics"]["nfp"]["dma"]["reads"]["value"], 1234)
        self.assertEqual(result["window"]["ended_because"], "the number of DMAs was reached")

    def test_window_ends_when_the_workload_has_finished(self):
        self.iommusim("run", EXPERIMENT, "-s", "run.measure=0 ns", "-s", "run.warm_up=0 ns", "-s", "workloads[0].traffic.count=500",
                      "-s", "workloads[0].traffic.streams[0].reads=50 %", "-o", "out")
        dma = self.result("out")["metrics"]["nfp"]["dma"]
        self.assertEqual(dma["reads"]["value"] + dma["writes"]["value"], 500)

    def test_an_existing_folder_is_kept_without_force(self):
        self.run_short("out")
        before = self.bytes_of("out", "result.json")
        done = self.run_short("out", "-s", "run.seed=9", status=2)
        self.assertIn("--force", done.stderr)
        self.assertEqual(self.bytes_of("out", "result.json"), before)
        self.run_short("out", "-s", "run.seed=9", "--force")
        self.assertNotEqual(self.bytes_of("out", "result.json"), before)
        self.assert_nothing_written("out")

    def test_force_does_not_replace_what_is_no_result(self):
        os.mkdir(self.path("precious"))
        with open(self.path("precious", "thesis.tex"), "w") as f:
            f.write("years of work")
        os.mkdir(self.path("swept"))
        with open(self.path("swept", "study.json"), "w") as f:
            f.write("{}")
        for force in ([], ["--force"]):
            self.assertEqual(self.run_short("swept", *force, status=2).stderr,
                             "iommusim: swept is the folder of a sweep. Choose another for this run with -o.\n")
        shutil.rmtree(self.path("swept"))
        self.assertIn("no result folder", self.run_short("precious", "--force", status=2).stderr)
        self.assertEqual(os.listdir(self.path("precious")), ["thesis.tex"])
        self.assert_nothing_written("precious")

    def test_a_failed_run_with_force_keeps_the_old_result(self):
        self.run_short("out")
        before = self.bytes_of("out", "result.json")
        self.run_short("out", "--force", "-s", "run.drain_timeout=1 ns", status=1)
        self.assertEqual(self.bytes_of("out", "result.json"), before)
        self.assert_nothing_written("out")

    def test_a_drain_that_does_not_end_names_the_holders(self):
        done = self.run_short("out", "-s", "run.drain_timeout=1 ns", status=1)
        self.assertIn("run.drain_timeout", done.stderr)
        self.assertIn("nfp.dma", done.stderr)
        self.assert_nothing_written()

    def test_a_window_that_does_not_end_is_an_error(self):
        done = self.iommusim("run", EXPERIMENT, "-s", "run.measure=0 ns", "-s", "run.warm_up=0 ns", "-s", "run.time_limit=10 us", "-o", "out",
                             status=1)
        self.assertIn("run.time_limit", done.stderr)
        self.assert_nothing_written()

    def test_a_file_with_nothing_to_run_is_an_error(self):
        platform = os.path.join(SOURCE, "configs", "platforms", "broadwell-nfp6000.yaml")
        self.assertIn("nothing to run", self.iommusim("run", platform, status=2).stderr)
        self.assert_nothing_written()

    def test_a_folder_that_cannot_be_made_is_an_error(self):
        with open(self.path("file"), "w") as f:
            f.write("x")
        self.run_short("file/out", status=2)
        self.assert_nothing_written("file")

    def test_the_three_baselines_differ_only_where_they_should(self):
        self.run_short("none", "-s", "platform.iommu.present=false")
        self.run_short("identity", "-s", "workloads[0].domain.type=identity")
        self.run_short("translated")
        mean = {name: self.result(name)["metrics"]["nfp"]["dma"]["read"]["latency"]["mean"] for name in ["none", "identity", "translated"]}
        self.assertLess(mean["none"], mean["identity"])
        self.assertLess(mean["identity"], mean["translated"])
        self.assertNotIn("iommu", self.result("none")["metrics"])
        self.assertEqual(self.result("identity")["metrics"]["iommu"]["walker"]["reads_level1"]["value"], 0)

    def test_a_blocked_domain_refuses_every_dma(self):
        self.run_short("out", "-s", "workloads[0].domain.type=blocked")
        dma = self.result("out")["metrics"]["nfp"]["dma"]
        self.assertEqual(dma["reads"]["value"], 0)
        self.assertGreater(dma["failed_unsupported"]["value"], 0)


class Determinism(CliTest):
    def test_same_configuration_and_seed_give_the_same_bytes(self):
        self.run_short("a")
        self.run_short("b", "--quiet")
        for name in ["result.json", "resolved.yaml", "latency.csv", "worst.json", "topology.json"]:
            self.assertEqual(self.bytes_of("a", name), self.bytes_of("b", name), name)

    def test_resolved_yaml_reproduces_the_result(self):
        self.run_short("a", "-s", "run.seed=77", "-s", "platform.iommu.unit.walkers=2", "-s", "workloads[0].buffer.placement=scattered")
        self.iommusim("run", "a/resolved.yaml", "-o", "b")
        for name in ["result.json", "resolved.yaml", "latency.csv", "worst.json", "topology.json"]:
            self.assertEqual(self.bytes_of("a", name), self.bytes_of("b", name), name)

    def test_another_seed_gives_another_result(self):
        self.run_short("a")
        self.run_short("b", "-s", "run.seed=2")
        self.assertNotEqual(self.result("a")["metrics"]["iommu"]["iotlb"], self.result("b")["metrics"]["iommu"]["iotlb"])

    def test_an_idle_endpoint_does_not_change_another_ones_figures(self):
        more = "[{name: nfp, bdf: \"01:00.0\"}, {name: idle, bdf: \"02:00.0\"}]"
        self.run_short("a", "-s", "platform.endpoints=[{name: nfp, bdf: \"01:00.0\"}]")
        self.run_short("b", "-s", "platform.endpoints=" + more)
        self.assertEqual(self.result("a")["metrics"]["nfp"], self.result("b")["metrics"]["nfp"])

    def test_a_timed_boot_is_the_first_cores_work_and_ends_in_the_same_state(self):
        boots = {"instant": "0 ns", "timed": "0 ns"}
        for boot in boots:
            self.iommusim("run", EXPERIMENT, "-s", "platform.iommu.driver.boot=" + boot, "-s", "run.warm_up=0 ns", "-s", "run.measure=0 ns",
                          "-s", "run.dmas=2000", "-o", boot)
            metrics = self.result(boot)["metrics"]
            self.assertEqual(metrics["nfp"]["dma"]["reads"]["value"], 2000)
            boots[boot] = metrics["iommu"]["iotlb"]["hit_rate"]["value"]
        self.assertAlmostEqual(boots["instant"], boots["timed"], delta=0.01)
        self.assertGreater(self.result("timed")["metrics"]["cpu0"]["memory_writes"]["value"], 1000)


class Interruption(CliTest):
    def interrupt(self, number):
        args = [BINARY, "run", EXPERIMENT, "-s", "run.measure=50 s", "-o", "out"]
        with subprocess.Popen(args, cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            deadline = time.monotonic() + 30
            while not os.listdir(self.folder) and time.monotonic() < deadline:
                time.sleep(0.02)
            self.assertTrue(os.listdir(self.folder), "the run works in a hidden folder beside its result")
            time.sleep(0.3)
            process.send_signal(number)
            out, err = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 1, err)
        self.assertEqual(err, "iommusim: interrupted, nothing written\n")
        self.assertEqual(out, "")
        self.assert_nothing_written()

    def test_sigint_ends_a_run_without_results(self):
        self.interrupt(signal.SIGINT)

    def test_sigterm_ends_a_run_without_results(self):
        self.interrupt(signal.SIGTERM)


class Traces(CliTest):
    REPLAY = ("schema: 1\nname: replay\nreplay: {file: bad.trace.gz}\nplatform:\n"
              "  endpoints: [{name: nvme0, bdf: \"00:03.0\"}]\n  iommu: {architecture: {type: vtd}}\n")

    def replay(self, contents):
        with open(self.path("bad.trace.gz"), "wb") as f:
            f.write(contents)
        with open(self.path("replay.yaml"), "w") as f:
            f.write(self.REPLAY)
        done = self.iommusim("run", "replay.yaml", "-o", "out", status=2)
        self.assertIn("bad.trace.gz", done.stderr)
        self.assert_nothing_written("bad.trace.gz", "replay.yaml")
        return done.stderr

    def test_traces_that_contradict_themselves_or_the_machine_are_refused(self):
        """Well-formed, each wrong in one way: status 2, the reason with the record's line, nothing written, no crash."""
        expected = {
            "beyond_tables": "line 1 of the unit's log: VT-d page tables: range lies beyond the tables' reach",
            "identity_domain_mapped": "domain 1 of type identity has no page tables",
            "larger_than_memory": "line 1 of the unit's log: maps more than the platform's memory",
            "mapped_twice": "line 2 of the kernel's log: VT-d page tables: mapping over a live mapping",
            "refused_descriptor": "the remapping unit has stopped working on its invalidation queue",
            "seeded_twice": "line 2 of the unit's log: VT-d page tables: mapping over a live mapping",
            "unaligned_page": "the physical address is not that of a 4 KiB page",
            "unlisted_device": "an access by 00:03.0, which the header does not list",
        }
        folder = os.path.join(os.environ["IOMMUSIM_SOURCE_DIR"], "tests", "cli", "contradictory_traces")
        self.assertEqual(sorted(f"{name}.trace" for name in expected), sorted(os.listdir(folder)))
        for name, reason in expected.items():
            with self.subTest(name=name):
                with open(self.path("replay.yaml"), "w") as f:
                    f.write(self.REPLAY.replace("}]", "}, {name: nvme1, bdf: \"00:04.0\"}]"))
                done = self.iommusim("run", "replay.yaml", "-o", "out", "-s", f"replay.file={folder}/{name}.trace",
                                     "-s", "replay.domain=" + ("DMA" if name == "unlisted_device" else "recorded"), status=2)
                self.assertIn(reason, done.stderr)
                self.assert_nothing_written("replay.yaml")

    def test_an_empty_trace_is_refused(self):
        self.replay(b"")

    def test_a_binary_trace_is_refused(self):
        self.replay(bytes(range(256)) * 64)

    def test_a_text_that_is_no_trace_is_refused(self):
        self.replay(b"hello\nworld\n")

    def test_a_truncated_gzip_file_is_refused(self):
        self.replay(gzip.compress(b"x" * 100000)[:60])

    def test_a_missing_trace_is_refused(self):
        with open(self.path("replay.yaml"), "w") as f:
            f.write(self.REPLAY)
        self.assertIn("bad.trace.gz", self.iommusim("run", "replay.yaml", status=2).stderr)
        self.assert_nothing_written("replay.yaml")

    def test_an_unreadable_capture_is_refused(self):
        for name, make in [("missing", lambda p: None), ("empty", os.mkdir), ("file", lambda p: open(p, "w").close())]:
            with self.subTest(name=name):
                make(self.path(name))
                done = self.iommusim("import", name, "-o", "out.trace.gz", status=2)
                self.assertIn(name, done.stderr)
                self.assertFalse(os.path.exists(self.path("out.trace.gz")))

    def test_a_capture_of_damaged_logs_is_refused(self):
        os.mkdir(self.path("damaged"))
        with open(self.path("damaged", "META.yaml"), "w") as f:
            f.write("{{{\n")
        for name in ["ftrace.txt.gz", "qemu-trace.log.gz"]:
            with open(self.path("damaged", name), "wb") as f:
                f.write(os.urandom(4096))
        self.iommusim("import", "damaged", "-o", "out.trace.gz", status=2)
        self.assert_nothing_written("damaged")

    def test_a_recorded_capture_replays_reproducibly(self):
        capture = os.path.join(SOURCE, "..", "shared", "traces", "nvme-selfcontained")
        if not os.path.isdir(capture):
            self.skipTest("../shared/traces/nvme-selfcontained is not here")
        self.iommusim("import", capture, "-o", "a.trace.gz")
        with open(self.path("replay.yaml"), "w") as f:
            f.write(self.REPLAY.replace("bad.trace.gz", "a.trace.gz"))
        done = self.iommusim("run", "replay.yaml", "-o", "a")
        os.rename(self.path("a.trace.gz"), self.path("moved.trace.gz"))
        self.iommusim("run", "replay.yaml", "-s", "replay.file=moved.trace.gz", "-o", "b")
        self.assertEqual(self.bytes_of("a", "result.json"), self.bytes_of("b", "result.json"), "paths do not enter results")
        faults = self.result("a")["metrics"]["iommu"]["faults"]
        self.assertEqual(sum(f["value"] for f in faults.values() if "value" in f), 0, done.stdout)


class ShippedFiles(CliTest):
    def test_every_shipped_configuration_passes_check(self):
        files = glob.glob(os.path.join(SOURCE, "configs", "**", "*.yaml"), recursive=True)
        for file in glob.glob(os.path.join(SOURCE, "experiments", "*", "*.yaml")):
            with open(file) as f:
                if not any(line.startswith("metrics:") for line in f):  # a study: sweep_test.py
                    files.append(file)
        self.assertGreaterEqual(len(files), 4)
        for file in sorted(files):
            with self.subTest(file=file):
                self.iommusim("check", file)


if __name__ == "__main__":
    unittest.main()
