# Sourced by the scripts beside it: where things are, how to speak, how to build. Leaves the shell in the repository's root.
set -euo pipefail

cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."
root=$PWD
build_dir=$root/build/release
python=/usr/bin/python3  # Debian's, which has the packages; `python3` on the PATH may be another

# A TMPDIR inherited through chroot or sudo may not exist here.
if [ -n "${TMPDIR-}" ] && { [ ! -d "$TMPDIR" ] || [ ! -w "$TMPDIR" ]; }; then unset TMPDIR; fi
export MPLCONFIGDIR=$root/build/matplotlib  # font cache; HOME may be absent or read-only
export SYSTEMC_DISABLE_COPYRIGHT_MESSAGE=1

say() { echo "iommusim: $*" >&2; }
# die STATUS LINE...: prints the lines to standard error and ends the script.
die() {
  local status=$1
  shift
  printf 'iommusim: %s\n' "$@" >&2
  exit "$status"
}
cpus() { nproc 2>/dev/null || echo 1; }

# Configures once and builds what changed. Arguments are targets; none builds everything.
build() {
  if [ ! -f "$build_dir/build.ninja" ]; then
    mkdir -p "$build_dir"
    cmake --preset release >"$build_dir/configure.log" 2>&1 || { cat "$build_dir/configure.log" >&2; die 1 "configuring failed"; }
  fi
  cmake --build "$build_dir" -j "$(cpus)" ${1+--target "$@"}
}
