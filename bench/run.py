#!/usr/bin/python3
"""Runs the benchmark programs and compares each with the floor of the same pass: one table, one JSON file.

    run.py BUILD_DIR OUTPUT.json [--passes N] [--min-time SECONDS] [--only TEXT] [--quick]

Passes are interleaved (floor, then each program, then again), so that a slow minute of the machine falls on all alike; figures
are medians over the passes, ratios are medians of each pass's ratio. DMA/s is per second of processor time.
"""
import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
SCHEDULERS = ("wheel", "stage_events")


def cases(build):
    """(name, command, name of its floor or None) of every benchmark, floors first."""
    found = []
    for endpoints, outstanding in ((1, 64), (4, 64), (64, 64), (1024, 4)):
        for scheduler in SCHEDULERS:
            name = f"floor/{scheduler}/{endpoints}x{outstanding}"
            base = f"floor/wheel/{endpoints}x{outstanding}"
            command = [build / "bench" / "bench_floor", f"--scheduler={scheduler}", f"--endpoints={endpoints}",
                       f"--outstanding={outstanding}"]
            found.append((name, command, base))
    program = build / "bench" / "bench_platform"
    if program.exists():
        for file in sorted(HERE.glob("dma_*.yaml")):
            found.append((f"{file.stem}/1", [program, str(file)], "floor/wheel/1x64"))
        hit = HERE / "dma_iotlb_hit.yaml"
        found.append((f"{hit.stem}/64", [program, str(hit), "--endpoints=64"], "floor/wheel/64x64"))
        trace = HERE.parent / "experiments" / "nvme_trace" / "experiment.yaml"
        found.append(("trace_replay/1", [program, str(trace)], "floor/wheel/1x64"))
    return found


def measure(command, min_time):
    """One run of a benchmark program: its counters."""
    with tempfile.NamedTemporaryFile(suffix=".json") as out:
        done = subprocess.run([*map(str, command), f"--benchmark_min_time={min_time}", f"--benchmark_out={out.name}",
                               "--benchmark_out_format=json"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                              env={**os.environ, "SYSTEMC_DISABLE_COPYRIGHT_MESSAGE": "1"})
        text = Path(out.name).read_text(encoding="utf-8")
    if done.returncode or not text:
        sys.exit(f"{' '.join(map(str, command))}: exit status {done.returncode}\n{done.stderr}")
    run = json.loads(text)["benchmarks"][0]
    if run.get("error_occurred"):
        sys.exit(f"{' '.join(map(str, command))}: {run['error_message']}")
    return {k: run[k] for k in ("DMA/s", "kernel_events/DMA", "stages/DMA")}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--passes", type=int, default=3)
    parser.add_argument("--min-time", type=float, default=1.0)
    parser.add_argument("--only", default="", help="benchmarks whose name contains this, and their floors")
    parser.add_argument("--quick", action="store_true", help="one short pass: shows that everything runs, not how fast")
    args = parser.parse_args()
    if args.quick:
        args.passes, args.min_time = 1, 0.01
    todo = cases(args.build)
    wanted = {n for n, _, _ in todo if args.only in n}
    wanted |= {floor for n, _, floor in todo if n in wanted}
    todo = [c for c in todo if c[0] in wanted]

    passes = []
    for i in range(args.passes):
        figures = {}
        for name, command, _ in todo:
            if sys.stderr.isatty():
                print(f"\rpass {i + 1}/{args.passes}: {name:40}", end="", file=sys.stderr, flush=True)
            figures[name] = measure(command, args.min_time)
        passes.append(figures)
    if sys.stderr.isatty():
        print("\r" + " " * 60 + "\r", end="", file=sys.stderr)

    rows = []
    for name, _, floor in todo:
        row = {"name": name, "floor": floor}
        row.update({k: statistics.median(p[name][k] for p in passes) for k in passes[0][name]})
        row["ratio_to_floor"] = statistics.median(p[name]["DMA/s"] / p[floor]["DMA/s"] for p in passes)
        row["passes"] = [p[name]["DMA/s"] for p in passes]
        rows.append(row)
    print(f"{'benchmark':32} {'DMA/s':>12} {'kernel events/DMA':>18} {'stages/DMA':>11} {'ratio to floor':>15}")
    for r in rows:
        print(f"{r['name']:32} {r['DMA/s']:12,.0f} {r['kernel_events/DMA']:18.2f} {r['stages/DMA']:11.2f} {r['ratio_to_floor']:15.2f}")
    args.output.parent.mkdir(parents=True, exist_ok=True)
    document = {"machine": {"processors": os.cpu_count(), "architecture": platform.machine()}, "passes": args.passes,
                "min_time_s": args.min_time, "benchmarks": rows}
    args.output.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    print(f"written: {args.output}")


if __name__ == "__main__":
    main()
