#!/usr/bin/python3
"""Checks every #include of the tree against the layers of the design, and prints the violations as file:line: reason.

    layering.py ROOT            exit status 1 if there is a violation
    layering.py --self-test     plants one violation of each kind and checks that it is found

A layer may include itself and lower-numbered layers. Layers of one number do not see each other, except where OPEN says so.
"""
import re
import sys
import tempfile
from pathlib import Path

# Folder -> (layer number, may use SystemC). The longest matching folder counts.
LAYERS = {
    "models/base": (0, False),
    "models/tlm": (1, True),
    "models/iommu/api": (1, False),
    "models/iommu/arch": (2, False),
    "models/memory": (2, True),
    "models/pcie": (2, True),
    "models/interconnect": (2, True),
    "models/iommu/core": (3, True),
    "models/host": (4, True),
    "models/endpoints": (5, True),
    "platforms": (6, True),
    "experiments": (7, True),
    "experiments/import": (7, False),
}
# Same-number pairs that are one layer in two folders: the runner offers the importer as a subcommand.
OPEN = {("experiments", "experiments/import")}
# Who may see architectures: nobody; they are reached through models/iommu/api and the registry.
ARCH = "models/iommu/arch"
SYSTEMC = re.compile(r"^(systemc|tlm|sysc/.*|tlm_core/.*|tlm_utils/.*|(systemc|tlm)\.h)$")
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^">]+)[">]')


def layer_of(path):
    """The folder of LAYERS that `path` (from the root, with slashes) belongs to, or None."""
    hits = [f for f in LAYERS if path.startswith(f + "/")]
    return max(hits, key=len) if hits else None


def arch_of(path):
    """The architecture's folder name of a path below models/iommu/arch, or None for others and for files shared by all."""
    parts = path.split("/")
    return parts[3] if path.startswith(ARCH + "/") and len(parts) > 4 else None


def reason(path, kind, target):
    """Why a file at `path` must not include `target`, or None. `kind` is '<' or '"'."""
    mine = layer_of(path)
    if mine is None:
        return None
    number, systemc = LAYERS[mine]
    if target == "systemc.h":
        return "include <systemc>, not <systemc.h>, which imports every name"
    if SYSTEMC.match(target):
        return None if systemc else f"{mine} is free of SystemC"
    theirs = layer_of(target)
    if theirs is None:
        if kind == '"':
            return f'"{target}" is not written from the repository\'s root' if not target.startswith("tests/") else "tests are above"
        return None
    if theirs == mine:
        if mine == ARCH and arch_of(target) not in (None, arch_of(path)):
            return f"architecture {arch_of(path) or 'common code'} does not see architecture {arch_of(target)}"
        return None
    if theirs == ARCH:
        return "architectures are reached through models/iommu/api and the registry"
    if LAYERS[theirs][0] < number or (mine, theirs) in OPEN:
        return None
    return f"{mine} (L{number}) does not see {theirs} (L{LAYERS[theirs][0]})"


def violations(root):
    """All violations below `root`, a Path, as text lines in path order, and the number of files looked at."""
    found, files = [], 0
    for top in ("models", "platforms", "experiments"):
        for file in sorted((root / top).rglob("*")):
            if file.suffix not in (".h", ".cpp"):
                continue
            files += 1
            path = file.relative_to(root).as_posix()
            if layer_of(path) is None:
                found.append(f"{path}:1: in no layer: add its folder to {Path(__file__).name}")
            for line, text in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
                m = INCLUDE.match(text)
                why = reason(path, m[1], m[2]) if m else None
                if why:
                    found.append(f"{path}:{line}: includes {m[2]}: {why}")
    return found, files


PLANTED = [  # file, its include, part of the reason (None: allowed)
    ("models/base/a.h", '"models/base/types.h"', None),
    ("models/base/a.h", "<vector>", None),
    ("models/base/a.h", '"models/tlm/x.h"', "models/base (L0) does not see models/tlm (L1)"),
    ("models/base/a.h", "<systemc>", "free of SystemC"),
    ("models/iommu/api/a.h", "<tlm>", "free of SystemC"),
    ("models/iommu/api/a.h", '"models/tlm/x.h"', "does not see models/tlm"),
    ("models/iommu/arch/vtd/a.cpp", "<tlm_utils/simple_target_socket.h>", "free of SystemC"),
    ("models/iommu/arch/vtd/a.cpp", '"models/iommu/arch/vtd/b.h"', None),
    ("models/iommu/arch/vtd/a.cpp", '"models/iommu/arch/common.h"', None),
    ("models/iommu/arch/vtd/a.cpp", '"models/iommu/arch/smmuv3/b.h"', "does not see architecture smmuv3"),
    ("models/iommu/arch/common.h", '"models/iommu/arch/vtd/b.h"', "does not see architecture vtd"),
    ("models/iommu/arch/vtd/a.cpp", '"models/iommu/core/x.h"', "does not see models/iommu/core"),
    ("models/iommu/core/a.h", '"models/iommu/arch/vtd/b.h"', "through models/iommu/api"),
    ("models/iommu/core/a.h", '"models/memory/b.h"', None),
    ("models/host/a.h", '"models/iommu/arch/vtd/b.h"', "through models/iommu/api"),
    ("models/memory/a.h", '"models/pcie/b.h"', "models/memory (L2) does not see models/pcie (L2)"),
    ("models/memory/a.h", '"b.h"', "not written from the repository's root"),
    ("models/memory/a.h", '"tests/support/b.h"', "tests are above"),
    ("models/memory/a.h", "<systemc.h>", "not <systemc.h>"),
    ("models/endpoints/nic/a.h", '"models/host/b.h"', None),
    ("models/host/a.h", '"models/endpoints/b.h"', "does not see models/endpoints"),
    ("platforms/a.h", '"experiments/runner/b.h"', "does not see experiments"),
    ("models/gpu/a.h", "<vector>", "in no layer"),
]


def self_test():
    """Each planted line alone, in a tree of its own: found with its reason, or accepted when it is legal."""
    wrong = []
    for file, include, expected in PLANTED:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / file
            path.parent.mkdir(parents=True)
            path.write_text(f"#pragma once\n  #  include {include}\n", encoding="utf-8")
            found, _ = violations(Path(folder))
        if (expected is None and found) or (expected is not None and (len(found) != 1 or expected not in found[0])):
            wrong.append(f"{file} including {include}: expected {expected!r}, found {found}")
    return wrong


def main():
    if sys.argv[1:] == ["--self-test"]:
        found, what = self_test(), f"{len(PLANTED)} planted includes judged as expected"
    elif len(sys.argv) == 2:
        found, files = violations(Path(sys.argv[1]))
        if files == 0:
            found = [f"{sys.argv[1]}: no sources found"]
        what = f"every #include of {files} files respects the layers"
    else:
        sys.exit(__doc__)
    print("\n".join(found) or what)
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
