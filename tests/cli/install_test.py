#!/usr/bin/python3
"""install_test.py BUILD: `cmake --install` into an empty place, and what it put there at work from a folder that knows nothing of the source."""
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

BUILD = Path(sys.argv[1])


class Installed(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        place = tempfile.TemporaryDirectory(prefix="iommusim-install-")
        cls.addClassCleanup(place.cleanup)
        cls.root, cls.work = Path(place.name) / "root", Path(place.name) / "work"
        cls.work.mkdir()
        subprocess.run(["cmake", "--install", str(BUILD), "--prefix", "/usr"], env={**os.environ, "DESTDIR": str(cls.root)},
                       capture_output=True, timeout=120, check=True)
        cls.usr = cls.root / "usr"
        cls.share = cls.usr / "share" / "iommusim"

    def run_it(self, *command, cwd=None, **more):
        done = subprocess.run([str(c) for c in command], cwd=cwd or self.work, capture_output=True, text=True, timeout=300, check=False, **more)
        self.assertEqual(done.returncode, 0, f"{command}\n{done.stdout}\n{done.stderr}")
        return done.stdout

    def iommusim(self, *arguments):
        return self.run_it(self.usr / "bin" / "iommusim", *arguments)

    def test_every_file_is_where_its_kind_belongs(self):
        for name in ("bin/iommusim", "share/man/man1/iommusim.1", "share/bash-completion/completions/iommusim",
                     "share/zsh/site-functions/_iommusim", "share/fish/vendor_completions.d/iommusim.fish",
                     "share/doc/iommusim/LICENSE", "share/doc/iommusim/README.md", "share/doc/iommusim/CHANGELOG.md",
                     "share/doc/iommusim/experiments/runner/sweep/FORMAT.md", "share/doc/iommusim/experiments/runner/trace/README.md",
                     "share/iommusim/configs/schema/study.json"):
            self.assertGreater((self.usr / name).stat().st_size, 500, name)
        sources = [f for f in self.usr.rglob("*") if f.suffix in (".cpp", ".h", ".pyc", ".a", ".so")]
        self.assertEqual(sources, [])
        self.assertEqual([f for f in self.usr.rglob("*") if f.is_dir() and not any(f.iterdir())], [], "no empty folder")

    def test_what_is_made_when_installing_is_what_the_program_prints(self):
        for arguments, name in [(["man"], "man/man1/iommusim.1"), (["completion"], "bash-completion/completions/iommusim"),
                                (["completion", "zsh"], "zsh/site-functions/_iommusim"),
                                (["completion", "fish"], "fish/vendor_completions.d/iommusim.fish")]:
            self.assertEqual(self.iommusim(*arguments), (self.usr / "share" / name).read_text(encoding="utf-8"))

    def test_installed_configurations_and_studies_run_elsewhere(self):
        for file in sorted((self.share / "configs").rglob("*.yaml")):
            self.iommusim("check", "-q", file)
        study = self.share / "experiments" / "iotlb_reach"
        self.iommusim("check", study / "sweep.yaml")
        self.iommusim("run", "-q", study / "smoke.yaml", "-o", self.work / "out")
        os.symlink(self.usr / "bin" / "iommusim-analysis", self.work / "linked")
        table = self.run_it(self.work / "linked", "table", "out", env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"})
        self.assertIn("nfp.dma.throughput", table)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
