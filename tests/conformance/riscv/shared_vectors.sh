#!/usr/bin/env bash
# shared_vectors.sh PROGRAM FOLDER [OPTION]: replays the golden vectors of a folder beside the repository; skips (status
# 77, and says so) where it is not there.
set -eu
program=$1 folder=$2
shift 2
if [ ! -d "$folder" ]; then
  echo "SKIPPED: no golden vectors at $folder: the RISC-V architecture is NOT checked against its reference model here" >&2
  exit 77
fi
exec "$program" "$@" "$folder"
