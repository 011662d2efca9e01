#!/usr/bin/env bash
# Installs into a fresh folder and builds a program against what is there, by pkg-config and by
# CMake; each then runs a job with the installed launcher and profiles.
set -euo pipefail
build=$1 compiler=$2
where=$(mktemp -d)
trap 'rm -rf "$where"' EXIT
chmod 755 "$where"
cmake --install "$build" --prefix "$where/opt" >/dev/null

cat >"$where/use.cc" <<'CODE'
#include <moat/sandbox.h>

#include <cstdio>

moat::Result<std::string> Greet() {
  auto policy = MOAT_TRY(moat::Policy::Load("default"));
  moat::Command command;
  command.argv = {"echo", "hello"};
  command.out = moat::Stream::Capture();
  auto outcome = MOAT_TRY(moat::Sandbox(policy).Run(command));
  return outcome.report.Summary() + "\n" + outcome.out;
}

int main() {
  auto text = Greet();
  std::puts(text.ok() ? text->c_str() : text.error().ToString().c_str());
  return text.ok() ? 0 : 1;
}
CODE
cat >"$where/CMakeLists.txt" <<'CODE'
cmake_minimum_required(VERSION 3.25)
project(use LANGUAGES CXX)
find_package(moat 0.1 REQUIRED)
add_executable(use use.cc)
target_link_libraries(use PRIVATE moat::moat)
CODE

pc=$(find "$where/opt" -name moat.pc -printf %h)
# shellcheck disable=SC2046  # flags are words
"$compiler" -std=gnu++20 "$where/use.cc" -o "$where/opt/bin/use" $(PKG_CONFIG_PATH="$pc" pkg-config --cflags --libs moat)
"$where/opt/bin/use" | tee "$where/out"
grep -qx hello "$where/out"

cmake -S "$where" -B "$where/build" -DCMAKE_PREFIX_PATH="$where/opt" -DCMAKE_CXX_COMPILER="$compiler" >/dev/null
cmake --build "$where/build" >/dev/null
cp "$where/build/use" "$where/opt/bin/use-by-cmake"
"$where/opt/bin/use-by-cmake" | tee "$where/out"
grep -qx hello "$where/out"
