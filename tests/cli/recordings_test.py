#!/usr/bin/python3
"""What a run records over time: tlp.csv, trace.json (against the schema of the Trace Event Format), timeline.csv."""
import collections
import csv
import json
import math
import os
import unittest

import jsonschema

from cli_test import EXPERIMENT, SOURCE, CliTest

HERE = os.path.dirname(os.path.abspath(__file__))
MAPPING = os.path.join(SOURCE, "experiments", "mapping_cost", "smoke.yaml")  # a core that maps and unmaps for each DMA
PERFETTO = ["-s", "trace.perfetto.json=true"]


class Recordings(CliTest):
    def events(self, out):
        return json.loads(self.bytes_of(out, "trace.json"))["traceEvents"]

    def test_recordings_are_reproducible_and_change_no_result(self):
        more = ["-s", "trace.tlp.csv=true", "-s", "trace.tlp.sample=3", *PERFETTO, "-s", "trace.timeline.csv=true", "-s", "trace.timeline.interval=1 us"]
        for out in ("a", "b"):
            self.run_short(out, *more)
        self.run_short("none")
        for name in ("tlp.csv", "trace.json", "timeline.csv"):
            self.assertEqual(self.bytes_of("a", name), self.bytes_of("b", name), name)
            self.assertFalse(os.path.exists(self.path("none", name)))
        for name in ("result.json", "latency.csv", "worst.json"):
            self.assertEqual(self.bytes_of("a", name), self.bytes_of("none", name), name)

    def test_a_trace_keeps_to_the_trace_event_format(self):
        with open(os.path.join(HERE, "trace_event.schema.json"), encoding="utf-8") as f:
            schema = json.load(f)
        for file in (EXPERIMENT, MAPPING):
            with self.subTest(file=file):
                self.run_short("out", *PERFETTO, "--force", file=file)
                document = json.loads(self.bytes_of("out", "trace.json"))
                jsonschema.validate(document, schema)
                for wrong in ({"ph": "X", "pid": 1, "tid": 1, "ts": 0, "name": "no dur"}, {"ph": "X", "pid": 1, "tid": 1, "ts": "0", "dur": 1, "name": ""}):
                    with self.assertRaises(jsonschema.ValidationError):
                        jsonschema.validate({"traceEvents": [wrong]}, schema)

    def test_tracks_are_links_ports_walkers_memory_cores_and_queues(self):
        self.run_short("out", *PERFETTO, file=MAPPING)
        processes, threads, slices, counters = {}, {}, collections.Counter(), set()
        for e in self.events("out"):
            if e["ph"] == "M":
                (processes if e["name"] == "process_name" else threads)[e["pid"] if e["name"] == "process_name" else e["tid"]] = e["args"]["name"]
            elif e["ph"] in "XB":
                slices[processes[e["pid"]], threads[e["tid"]]] += 1
            elif e["ph"] == "C":
                counters.add(e["name"])
        tracks = {f"{group}/{name}" for group, name in slices}
        for wanted in ("links/nfp.link up", "links/nfp.link down", "iommu/IOTLB port", "iommu/command queue", "memory/memory",
                       "cores/cpu0", "nfp.dma/slot 0"):
            self.assertIn(wanted, tracks)
        self.assertTrue(any(t.startswith("iommu/walker ") for t in tracks))
        for wanted in ("iommu.in_flight", "iommu.walker.occupancy", "memory.in_flight", "nfp.dma.dmas_used", "cpu0.queued_tasks"):
            self.assertIn(wanted, counters)

    def test_slices_of_a_track_nest(self):
        self.run_short("out", *PERFETTO, file=MAPPING)
        open_ends, spans = collections.defaultdict(list), collections.defaultdict(list)
        for e in self.events("out"):
            key = (e["pid"], e["tid"])
            if e["ph"] == "B":
                open_ends[key].append(e["ts"])
            elif e["ph"] == "E":
                spans[key].append((open_ends[key].pop(), e["ts"]))
            elif e["ph"] == "X":
                spans[key].append((e["ts"], e["ts"] + e["dur"]))
        self.assertFalse(any(open_ends.values()), "slices that never end")
        tolerance = 1e-7  # us: the sum of a start and a duration is not exact
        for key, list_of in spans.items():
            stack = []
            for start, stop in sorted(list_of, key=lambda s: (s[0], -s[1])):
                while stack and stack[-1] <= start + tolerance:
                    stack.pop()
                if stack:
                    self.assertLessEqual(stop, stack[-1] + tolerance, key)
                stack.append(stop)

    def test_every_traced_dma_has_one_flow_from_the_engine_to_the_wires_the_unit_and_memory(self):
        self.run_short("out", *PERFETTO, "-s", "trace.perfetto.dmas=50")
        processes, flows = {}, collections.defaultdict(list)
        for e in self.events("out"):
            if e["ph"] == "M" and e["name"] == "process_name":
                processes[e["pid"]] = e["args"]["name"]
            if "bind_id" in e:
                flows[e["bind_id"]].append((e["ts"], processes[e["pid"]], e["name"], e.get("flow_in", False), e["args"]["dma"]))
        self.assertEqual(len(flows), 50)
        for steps in flows.values():
            self.assertEqual([s[3] for s in steps], [False] + [True] * (len(steps) - 1), "it begins once")
            self.assertEqual(len({s[4] for s in steps}), 1)
            self.assertEqual([s[0] for s in steps], sorted(s[0] for s in steps), "steps follow each other")
            places = [s[1] for s in steps]
            self.assertEqual(places[:3], ["nfp.dma", "links", "iommu"])
            self.assertEqual(places[-2:], ["memory", "links"])
            self.assertEqual((steps[1][2], steps[-1][2]), ("MRd 64", "CplD 64"))

    def test_a_sample_takes_one_dma_of_so_many_and_leaves_the_rest_out(self):
        self.run_short("all", *PERFETTO, "-s", "trace.perfetto.dmas=100000")
        self.run_short("some", *PERFETTO, "-s", "trace.perfetto.dmas=100000", "-s", "trace.perfetto.sample=10")
        counts = {out: len({e["args"]["dma"] for e in self.events(out) if "dma" in e.get("args", {})}) for out in ("all", "some")}
        self.assertEqual(counts["some"], math.ceil(counts["all"] / 10))
        slices = {out: sum(e["ph"] in "XB" for e in self.events(out)) for out in ("all", "some")}
        self.assertLess(slices["some"], slices["all"] / 8)

    def test_a_timeline_sums_to_the_result(self):
        self.run_short("out", "-s", "trace.timeline.csv=true", "-s", "trace.timeline.interval=3 us",
                       "-s", "trace.timeline.metrics=[iommu.requests, nfp.dma.throughput, iommu.iotlb.hit_rate, nfp.dma.read.latency.mean, iommu.in_flight.mean]")
        with open(self.path("out", "timeline.csv"), newline="", encoding="utf-8") as f:
            rows = list(csv.DictReader(f))
        times = [int(r["time_ps"]) for r in rows]
        # Warm-up ends at 5 us and cuts a row; rows go on at multiples of 3 us until the window's end.
        self.assertEqual(times, [t * 1000000 for t in (3, 5, 6, 9, 12, 15, 18, 21, 24, 25)])
        window = [r for r, t in zip(rows, times) if t > 5000000]
        lengths = [b - a for a, b in zip(times[1:], times[2:])]
        metrics = self.result("out")["metrics"]
        self.assertEqual(sum(float(r["iommu.requests"]) for r in window), metrics["iommu"]["requests"]["value"])
        mean = sum(float(r["nfp.dma.throughput"]) * n for r, n in zip(window, lengths)) / 20000000
        self.assertAlmostEqual(mean, metrics["nfp"]["dma"]["throughput"]["value"], places=6)
        mean = sum(float(r["iommu.in_flight.mean"]) * n for r, n in zip(window, lengths)) / 20000000
        self.assertAlmostEqual(mean, metrics["iommu"]["in_flight"]["mean"], places=6)

    def test_what_happens_at_the_windows_very_end_is_in_the_last_row(self):
        dmas = ["-s", "run.measure=0 s", "-s", "run.dmas=200", "-s", "trace.timeline.csv=true", "-s", "trace.timeline.metrics=[nfp.dma.reads]"]
        self.run_short("a", *dmas)
        end = int(self.result("a")["window"]["end"]["value"])
        self.run_short("b", *dmas, "-s", f"trace.timeline.interval={end} ps")  # a look at the very time of the last DMA
        with open(self.path("b", "timeline.csv"), newline="", encoding="utf-8") as f:
            rows = list(csv.DictReader(f))
        self.assertEqual([int(r["time_ps"]) for r in rows], [5000000, end])
        self.assertEqual(float(rows[-1]["nfp.dma.reads"]), 200)

    def test_a_timeline_without_a_list_has_rates_ratios_levels_and_latencies(self):
        self.run_short("out", "-s", "trace.timeline.csv=true")
        columns = self.bytes_of("out", "timeline.csv").split(b"\n", 1)[0].decode().split(",")
        for wanted in ("time_ps", "nfp.dma.throughput", "iommu.iotlb.hit_rate", "nfp.dma.read.latency.mean", "iommu.walker.occupancy.mean"):
            self.assertIn(wanted, columns)

    def test_a_metric_that_is_not_there_is_refused(self):
        done = self.run_short("out", "-s", "trace.timeline.csv=true", "-s", "trace.timeline.metrics=[nfp.dma.thruput]", status=2)
        self.assertIn("there is no figure 'nfp.dma.thruput' for a time line", done.stderr)
        self.assertIn("Did you mean 'nfp.dma.throughput'?", done.stderr)
        self.assert_nothing_written()


if __name__ == "__main__":
    unittest.main()
