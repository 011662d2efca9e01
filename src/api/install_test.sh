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

# The seal alone: from C++ by CMake and by pkg-config, from C, and from C with musl.
mkdir "$where/seal"
cat >"$where/seal/lock.cc" <<'CODE'
#include <moat/seal.h>

#include <fcntl.h>

int main() {
  moat::Seal seal(moat::SealSelfTest::kOn);
  seal.Read(0).Write(1).Write(2).Memory().Strays(moat::SealStrays::kClose);
  if (!seal.OnViolation(moat::SealViolation::kErrno).Apply().ok()) return 1;
  return open("/etc/hostname", O_RDONLY) < 0 ? 0 : 2;
}
CODE
cat >"$where/seal/lock.c" <<'CODE'
#include <fcntl.h>
#include <moat/moat_seal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void tell(void *context, const char *line) {
  *(int *)context += strncmp(line, "open a file: ", 13) == 0 || strstr(line, "(pipe) was closed") != NULL;
}

int main(void) {
  char why[256];
  int ends[2], told = 0;
  if (pipe(ends) != 0) return 3;
  struct moat_seal *seal = moat_seal_preset("stdio");
  moat_seal_strays(seal, MOAT_SEAL_STRAYS_CLOSE);
  moat_seal_on_violation(seal, MOAT_SEAL_ERRNO, 1);
  if (moat_seal_apply_telling(seal, tell, &told, why, sizeof(why)) != 0) return fputs(why, stderr), 1;
  if (told < 3) return 4;
  moat_seal_free(seal);
  return open("/etc/hostname", O_RDONLY) < 0 ? 0 : 2;
}
CODE
cat >"$where/seal/CMakeLists.txt" <<'CODE'
cmake_minimum_required(VERSION 3.25)
project(lock LANGUAGES C CXX)
find_package(moat 0.1 REQUIRED)
set(CMAKE_CXX_STANDARD 20)
add_executable(lock lock.cc)
add_executable(lock-c lock.c)
target_link_libraries(lock PRIVATE moat::seal)
target_link_libraries(lock-c PRIVATE moat::seal)
CODE
export PKG_CONFIG_PATH="$pc"
cd "$where/seal"
# shellcheck disable=SC2046  # flags are words
"$compiler" -std=gnu++20 lock.cc -o by-pkg-config $(pkg-config --cflags --libs moat-seal) && ./by-pkg-config
# shellcheck disable=SC2046
cc -std=c11 -D_GNU_SOURCE lock.c -o by-c $(pkg-config --cflags --libs moat-seal) && ./by-c
# shellcheck disable=SC2046
musl-gcc -static -std=c11 -D_GNU_SOURCE lock.c -o by-musl $(pkg-config --cflags --libs moat-seal-musl) && ./by-musl
cmake -S . -B build -DCMAKE_PREFIX_PATH="$where/opt" -DCMAKE_CXX_COMPILER="$compiler" >/dev/null
cmake --build build >/dev/null
./build/lock
./build/lock-c
# A project that knows nothing of C++.
mkdir c-only
sed -e 's/ CXX)/)/' -e '/lock\.cc/d' -e '/(lock PRIVATE/d' -e 's,lock\.c),../lock.c),' CMakeLists.txt >c-only/CMakeLists.txt
cmake -S c-only -B c-only/build -DCMAKE_PREFIX_PATH="$where/opt" >/dev/null
cmake --build c-only/build >/dev/null
./c-only/build/lock-c
echo sealed
