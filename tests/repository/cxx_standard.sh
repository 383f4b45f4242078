#!/usr/bin/env bash
# cxx_standard.sh ROOT: configuring with another C++ standard stops with the explanation; C++17, named or not, configures.
set -eu
source=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
unset CXXFLAGS

refused() {  # refused CMAKE_ARGUMENT
  if cmake -G Ninja -S "$source" -B "$work/refused" "$@" >"$work/log" 2>&1; then
    echo "cmake $* was accepted"
    exit 1
  fi
  # CMake wraps messages: compare with all white space squeezed.
  tr -s '[:space:]' ' ' <"$work/log" | grep -qF 'built as C++17 exactly' || { cat "$work/log"; exit 1; }
  rm -rf "$work/refused"
}
refused -DCMAKE_CXX_STANDARD=20
refused -DCMAKE_CXX_STANDARD=14
refused -DCMAKE_CXX_FLAGS=-std=gnu++20
CXXFLAGS=-std=c++20 refused
cmake -G Ninja -S "$source" -B "$work/accepted" -DCMAKE_CXX_STANDARD=17 -DIOMMUSIM_TESTS=OFF -DIOMMUSIM_BENCH=OFF >"$work/log" 2>&1 ||
  { cat "$work/log"; exit 1; }
echo "other standards are refused with the reason, C++17 is accepted"
