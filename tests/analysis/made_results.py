"""Folders of results, made by hand: small enough to know every number, with names that would break a careless page."""
import json
from pathlib import Path

HOSTILE = '<script>alert("x")</script>&\'"'
PARTS = [("issue_wait", 100), ("link_up", 200), ("walk_wait", 300), ("walk", 150), ("memory", 70), ("engine", 30)]


def metric(value, unit="1"):
    return {"value": value, "unit": unit, "description": "d"}


def write_run(folder: Path, scale: float = 1.0, experiment: str = "reach", count: int = 4, seed: int = 1, domain: str = "DMA") -> Path:
    """A run of one endpoint `nic` behind a switch, its reads `scale` times 850 ns long in the mean."""
    folder.mkdir(parents=True)
    breakdown = {n: {"count": count, "sum": v * 1000 * count * scale, "mean": v * 1000 * scale, "unit": "ps", "description": f"until {n} ended"}
                 for n, v in PARTS}
    whole = sum(v for _, v in PARTS) * 1000 * scale
    latency = {"count": count, "sum": whole * count, "mean": whole, "unit": "ps", "description": "time of a DMA"}
    time = {"unit": "ps", "description": "d"}
    document = {
        "schema": 1, "simulator": {"name": "iommusim", "version": "0.1.0"}, "experiment": experiment, "seed": seed, "configuration_sha256": "ab" * 32,
        "window": {"start": {"value": 10**6, **time}, "end": {"value": 3 * 10**6, **time}, "length": {"value": 2 * 10**6, **time},
                   "ended_because": "its length had passed"},
        "metrics": {"memory": {"node0": {"dram": {"channel0": {"utilisation": metric(0.25)}}}},
                    "iommu": {"iotlb": {"hit_rate": metric(0.5)}},
                    "nic": {"link": {"up": {"utilisation": metric(0.1)}, "down": {"utilisation": metric(0.4)}},
                            "dma": {"throughput": metric(10 / scale, "Gb/s"), "read": {"latency": latency, "breakdown": breakdown}}}}}
    (folder / "result.json").write_text(json.dumps(document))
    cells = [(800, 1), (850, 2), (900, 1)]
    total, lines = 0, ["endpoint,direction,low_ps,high_ps,count,cumulative"]
    for ns, n in cells:
        total += n
        lines.append(f"nic,read,{int(ns * 1000 * scale) - 900},{int(ns * 1000 * scale)},{n},{total}")
    (folder / "latency.csv").write_text("\n".join(lines) + "\n")
    rows, start = [], 2_000_000
    for i in range(20):
        at, parts = start, []
        for n, v in PARTS:
            at += int(v * 1000 * scale) - i
            parts.append({"part": n, "until_ps": at})
        rows.append({"endpoint": "nic", "direction": "read", "iova": hex(0x1000 + 64 * i), "bytes": 64, "translated": True, "iotlb_hit": i % 2 == 1,
                     "intended_ps": start, "latency_ps": at - start, "parts": parts})
    (folder / "worst.json").write_text(json.dumps({"schema": 1, "dmas": rows}))
    (folder / "topology.json").write_text(json.dumps({"schema": 1, "nodes": [
        {"name": "sw0", "kind": "switch", "bdf": "01:00.0", "above": None, "port": 0, "first_bus": 1, "last_bus": 3},
        {"name": "nic", "kind": "endpoint", "bdf": "03:00.0", "above": 0, "port": 0, "first_bus": 3, "last_bus": 3}],
        "functions": [{"name": "nic", "endpoint": "nic", "bdf": "03:00.0", "requester": "03:00.0", "group": 0, "domain": domain},
                      {"name": "nic.vf0", "endpoint": "nic", "bdf": "03:00.1", "requester": "03:00.1", "group": 1, "domain": None}]}))
    (folder / "resolved.yaml").write_text(f"""schema: 1
name: reach
description: {json.dumps(HOSTILE)}
platform:
  memory: {{ranges: [{{base: 0x0, size: 2 GiB, node: 0}}], dram: {{channels: 4}}, llc: {{size: 25 MiB}}}}
  cores: [{{name: cpu0, node: 0}}]
  iommu: {{present: {'false' if domain == 'none' else 'true'}, architecture: {{type: vtd}}, unit: {{walkers: 6, iotlb: {{entries: 80}}, service: in_order}}}}
  switches: [{{name: sw0, link: {{generation: 4, width: 16}}}}]
  endpoints: [{{name: nic, behind: sw0, link: {{generation: 3, width: 8, mps: 256 B, mrrs: 512 B}}, dma: {{tags: 26}}}}]
""")
    return folder


DOMAINS = {"none": 1.0, "identity": 1.1, "DMA": 2.0}
WINDOWS = (262144, 1048576, 4194304)


def write_study(folder: Path, replications: int = 3, windows=WINDOWS) -> Path:
    """3 domains x 3 windows x replications, a claim of each status, a failure, published values, a heat map."""
    rows, points = [], []
    for domain, cost in DOMAINS.items():
        for i, window in enumerate(windows):
            name = f"{domain}-{window // 1024}K"
            runs = []
            for seed in range(1, replications + 1):
                scale = cost + 0.2 * i * (domain == "DMA") + 0.01 * seed
                at = f"runs/{name}/{seed}"
                write_run(folder / at, scale, seed=seed, domain=domain)
                rows.append(f"{name},{window},{domain},{seed},{10 / scale},{850 * scale}")
                runs.append({"seed": seed, "folder": at, "state": "done"})
            points.append({"name": name, "run": "base.yaml", "settings": {"buffer": f"{window} B"}, "columns": {}, "runs": runs})
    (folder / "results.csv").write_text("point,window,domain,seed,gbps,mean_ns\n" + "\n".join(rows) + "\n")
    (folder / "results.columns.json").write_text(json.dumps({
        "point": {"kind": "id", "unit": "", "description": ""}, "window": {"kind": "factor", "unit": "B", "description": ""},
        "domain": {"kind": "factor", "unit": "", "description": ""}, "seed": {"kind": "id", "unit": "", "description": ""},
        "gbps": {"kind": "metric", "unit": "Gb/s", "description": "d"}, "mean_ns": {"kind": "metric", "unit": "ns", "description": "d"}}))
    claims = [{"text": f"claim {s} {HOSTILE}", "metric": "gbps", "status": s, "value": 5.0, "figures": "5 at a", "reference": None} for s in ("pass", "fail", "missing")]
    plots = [{"name": "throughput", "kind": "lines", "x": "window", "y": "gbps", "series": "domain", "log_x": True, "x_label": "window",
              "published": [{"series": "DMA", "label": "measured", "x": [262144, 2097152], "y": [5.0, 4.0]}]},
             {"name": "heat", "kind": "heat", "x": "window", "y": "domain", "z": "gbps"}]
    (folder / "study.json").write_text(json.dumps({
        "schema": 1, "title": f"Reach {HOSTILE}", "description": HOSTILE, "plots": plots, "claims": claims, "points": points,
        "failures": [{"point": "DMA-256K", "seed": 9, "status": "exit 1", "lines": f"last line {HOSTILE}"}]}))
    return folder


def write_rough_study(folder: Path) -> Path:
    """What plots must bear: 60 series, long names, negative values, zeros on logarithmic axes, bands that reach below zero, missing values."""
    folder.mkdir(parents=True)
    rows, points = [], []
    for k in range(60):
        for size in (64, 4096, 1048576):
            for seed in (1, 2, 3) if k < 2 else (1,):
                point = f"p{k}-{size}"
                values = k * (seed - 1.5), 0 if k == 0 else 10.0**(k % 7) * seed**3, "" if k == 1 else k + seed
                rows.append(f"{point},a-configuration-whose-name-is-far-too-long-for-a-legend-{k},{k},{size},{seed},{','.join(map(str, values))}")
                points.append(point)
    (folder / "results.csv").write_text("point,name,k,size,seed,signed_ns,wide,holes\n" + "\n".join(rows) + "\n")
    kinds = {"point": "id", "seed": "id", "name": "factor", "k": "factor", "size": "factor", "signed_ns": "metric", "wide": "metric", "holes": "metric"}
    units = {"size": "B", "signed_ns": "ns"}
    (folder / "results.columns.json").write_text(json.dumps({n: {"kind": k, "unit": units.get(n, ""), "description": ""} for n, k in kinds.items()}))
    few, large = [0, 1, 2, 3], {"size": 1048576}
    plots = [{"name": "many", "x": "size", "y": "holes", "series": "name", "log_x": True},
             {"name": "many_bars", "kind": "bars", "x": "size", "y": "holes", "series": "name"},
             {"name": "bands", "x": "size", "y": "wide", "series": "k", "log_x": True, "log_y": True, "where": {"k": few}},
             {"name": "dots", "kind": "bars", "x": "size", "y": "wide", "series": "k", "log_y": True, "where": {"k": few}},
             {"name": "below", "kind": "bars", "x": "k", "y": "signed_ns", "where": {**large, "k": few}},
             {"name": "holes", "kind": "heat", "x": "size", "y": "k", "z": "holes", "where": {"k": few}},
             {"name": "single", "x": "size", "y": "holes", "where": {**large, "k": [2]}}]
    (folder / "study.json").write_text(json.dumps({"schema": 1, "title": "Rough", "plots": plots, "points": [{"name": n} for n in dict.fromkeys(points)]}))
    return folder


def write_mixed_study(folder: Path) -> Path:
    """Factors that are quantities (a time, a share), metrics of two units; `drain: 1 ms` with `share: 50 %` is excluded, `1 us` with it failed."""
    folder.mkdir(parents=True)
    drains, shares = {"1 us": 10**6, "1 ms": 10**9, "2000 us": 2 * 10**9}, {"10 %": 0.1, "50 %": 0.5}
    rows, points = [], []
    for i, (drain, ps) in enumerate(drains.items()):
        for share, part in shares.items():
            name = f"{drain}-{part}".replace(" ", "")
            if (drain, share) == ("1 ms", "50 %"):
                continue
            points.append({"name": name, "columns": {"drain": ps, "share": part}})
            if (drain, share) != ("1 us", "50 %"):
                rows.append(f"{name},{ps},{part},1,{71.5 if i else 7.0},{100 + i},{300 + i},{i + part}")
    (folder / "results.csv").write_text("point,drain,share,seed,gbps,mean_ns,p99_ns,q\n" + "\n".join(rows) + "\n")
    units = {"drain": "ps", "share": "1", "gbps": "Gb/s", "mean_ns": "ns", "p99_ns": "ns", "q": "1"}
    kinds = {"drain": "factor", "share": "factor", "point": "id", "seed": "id"}
    (folder / "results.columns.json").write_text(json.dumps({
        n: {"kind": kinds.get(n, "metric"), "unit": units.get(n, ""), "description": ""} for n in (*kinds, *units)}))
    factors = [{"name": "drain", "unit": "ps", "values": [{"text": t, "number": n} for t, n in drains.items()]},
               {"name": "share", "unit": "1", "values": [{"text": t, "number": n} for t, n in shares.items()]}]
    plots = [{"name": "both", "x": "drain", "y": ["gbps", "mean_ns", "p99_ns"], "log_x": True, "x_label": "drain (ps)", "where": {"share": 0.1}},
             {"name": "bars", "kind": "bars", "x": "drain", "y": ["gbps", "q"], "series": "share"},
             {"name": "pile", "kind": "stacked", "x": "drain", "y": ["mean_ns", "p99_ns"], "where": {"share": 0.1}},
             {"name": "map", "kind": "heat", "x": "drain", "y": "share", "z": "gbps", "z_label": "Gb/s"}]
    (folder / "study.json").write_text(json.dumps({"schema": 1, "title": "Mixed", "factors": factors, "plots": plots, "points": points}))
    return folder
