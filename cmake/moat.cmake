# How every part of moat is compiled. One target per folder, PRIVATE links.
include(GNUInstallDirs)

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS ON)  # statement expressions: MOAT_TRY
set(CMAKE_C_STANDARD 11)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)

# g++ 12 sees overlapping copies in `"text" + std::string` (its bug 105651) and unset strings
# in a disengaged optional. The clang build and the sanitizers look for the real cases.
set(MOAT_FALSE_WARNINGS $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict> $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)

add_library(moat_options INTERFACE)
target_compile_options(moat_options INTERFACE
  -Wall -Wextra -Werror -Wshadow -Wconversion -Wno-sign-conversion -Wnon-virtual-dtor
  $<$<CXX_COMPILER_ID:Clang>:-Wno-gnu-statement-expression -Wno-missing-field-initializers>
  $<$<CXX_COMPILER_ID:GNU>:-Wno-missing-field-initializers>
  ${MOAT_FALSE_WARNINGS} -fno-strict-aliasing -fstack-protector-strong
  $<$<CONFIG:Release>:-D_FORTIFY_SOURCE=2>)
# Instrumentation hangs on this target and not on CMAKE_CXX_FLAGS, so that core code and the
# link of the static launcher never see it: neither sanitizer has a musl runtime here.
if(MOAT_SANITIZE)
  target_compile_options(moat_options INTERFACE -fsanitize=${MOAT_SANITIZE}
    -fno-sanitize-recover=all -fno-omit-frame-pointer
    # That check makes a pipe to look at memory, which a sealed process must not.
    $<$<COMPILE_LANGUAGE:CXX>:-fno-sanitize=vptr>)
  string(REPLACE "fuzzer-no-link," "" link_sanitize "${MOAT_SANITIZE}")
  target_link_options(moat_options INTERFACE -fsanitize=${link_sanitize})
endif()
if(MOAT_COVERAGE)
  target_compile_options(moat_options INTERFACE --coverage -fprofile-update=atomic)
  target_link_options(moat_options INTERFACE --coverage)
endif()
target_include_directories(moat_options INTERFACE ${CMAKE_SOURCE_DIR}/src ${CMAKE_SOURCE_DIR}/include)
target_compile_definitions(moat_options INTERFACE _GNU_SOURCE MOAT_VERSION="${PROJECT_VERSION}")

# moat_library(NAME SOURCES a.cc ... DEPS moat_base ... [CORE])
# CORE code is also built for the static launcher, as an object library NAME_core: musl
# headers, no exceptions, no RTTI, nothing of the C++ runtime library (the linker checks).
function(moat_library name)
  cmake_parse_arguments(ARG "CORE;PIC" "" "SOURCES;DEPS" ${ARGN})
  add_library(${name} STATIC ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE moat_options PUBLIC ${ARG_DEPS})
  target_include_directories(${name} PUBLIC ${CMAKE_SOURCE_DIR}/src ${CMAKE_SOURCE_DIR}/include)
  if(ARG_CORE AND MOAT_LAUNCHER)
    add_library(${name}_core OBJECT ${ARG_SOURCES})
    moat_core_options(${name}_core)
  endif()
  if(ARG_PIC AND MOAT_LAUNCHER)
    add_library(${name}_pic OBJECT ${ARG_SOURCES})
    moat_core_options(${name}_pic)
    target_compile_options(${name}_pic PRIVATE -fPIC)
  endif()
endfunction()

function(moat_core_options target)
  find_path(MOAT_MUSL_INCLUDE NAMES features.h NO_DEFAULT_PATH REQUIRED
    PATHS /usr/include/x86_64-linux-musl /usr/include/aarch64-linux-musl)
  target_include_directories(${target} PRIVATE ${CMAKE_SOURCE_DIR}/src ${CMAKE_SOURCE_DIR}/include)
  target_compile_definitions(${target} PRIVATE _GNU_SOURCE MOAT_CORE=1 MOAT_VERSION="${PROJECT_VERSION}"
    _GLIBCXX_EXTERN_TEMPLATE=0)
  # The standard library's headers ask glibc for its version; musl has none to give. musl's macros for control
  # messages compare unlike signs, and clang looks into them.
  target_compile_options(${target} PRIVATE
    "-D__GLIBC_PREREQ(a,b)=0" -D__locale_t=locale_t
    -Wall -Wextra -Werror -Wno-missing-field-initializers ${MOAT_FALSE_WARNINGS}
    $<$<CXX_COMPILER_ID:Clang>:-Wno-gnu-statement-expression -Wno-sign-compare>
    -O2 -fno-exceptions -fno-rtti -fno-stack-protector -fno-sanitize=all -fno-strict-aliasing
    -fno-threadsafe-statics -fno-asynchronous-unwind-tables -fno-pic -ffunction-sections
    -fdata-sections -U_FORTIFY_SOURCE -nostdinc ${MOAT_CORE_INCLUDES})
endfunction()

# The include order of core code: C++ headers, the compiler's own, musl, then the kernel's.
if(MOAT_LAUNCHER)
  execute_process(COMMAND ${CMAKE_CXX_COMPILER} -print-file-name=include
    OUTPUT_VARIABLE MOAT_COMPILER_INCLUDE OUTPUT_STRIP_TRAILING_WHITESPACE)
  file(GLOB cxx_headers LIST_DIRECTORIES true /usr/include/c++/[0-9]*)
  list(SORT cxx_headers COMPARE NATURAL)
  list(GET cxx_headers -1 MOAT_CXX_INCLUDE)
  get_filename_component(cxx_version ${MOAT_CXX_INCLUDE} NAME)
  set(machine ${CMAKE_SYSTEM_PROCESSOR})
  # SHELL: keeps each pair together; CMake drops a repeated option otherwise.
  set(MOAT_CORE_INCLUDES
    "SHELL:-isystem ${MOAT_CXX_INCLUDE}"
    "SHELL:-isystem /usr/include/${machine}-linux-gnu/c++/${cxx_version}"
    "SHELL:-isystem /usr/include/${machine}-linux-musl" "SHELL:-isystem ${MOAT_COMPILER_INCLUDE}"
    "SHELL:-idirafter /usr/include/${machine}-linux-gnu" "SHELL:-idirafter /usr/include")
endif()

# A sanitizer that finds something must fail the test, also when the finder is a child
# process whose exit code nobody looks at: hence the abort.
set(MOAT_SANITIZER_ENVIRONMENT
  "ASAN_OPTIONS=detect_leaks=1:abort_on_error=1:detect_stack_use_after_return=1"
  "UBSAN_OPTIONS=print_stacktrace=1:abort_on_error=1"
  "TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1:suppressions=${CMAKE_SOURCE_DIR}/tests/tsan-suppressions.txt")

# moat_test(NAME SOURCES a_test.cc DEPS moat_x ... [LABELS unit] [TIMEOUT s] [UNSANITIZED why])
# UNSANITIZED: why it cannot run with a sanitizer; it is then not built, and skipped with that reason.
function(moat_test name)
  if(NOT MOAT_TESTS)
    return()
  endif()
  cmake_parse_arguments(ARG "" "TIMEOUT;UNSANITIZED" "SOURCES;DEPS;LABELS" ${ARGN})
  if(ARG_UNSANITIZED AND MOAT_SANITIZE)
    moat_test_script(${name} LABELS ${ARG_LABELS} UNSANITIZED "${ARG_UNSANITIZED}")
    return()
  endif()
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE moat_options ${ARG_DEPS} GTest::gtest GTest::gtest_main)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 120)
  endif()
  if(NOT ARG_LABELS)
    set(ARG_LABELS unit)
  endif()
  add_test(NAME ${name} COMMAND ${name})
  # tools/run-tests counts the cases from the file that GTEST_OUTPUT names.
  moat_test_properties(${name} TIMEOUT ${ARG_TIMEOUT} LABELS "${ARG_LABELS}"
    ENVIRONMENT "GTEST_OUTPUT=xml:${CMAKE_BINARY_DIR}/results/${name}.xml")
endfunction()

# moat_test_script(NAME COMMAND python3 ... [LABELS integration] [TIMEOUT s] [UNSANITIZED why])
# A test that is a script. Exit 77 is a skip; its reason is a line `SKIP: why` in the output.
function(moat_test_script name)
  if(NOT MOAT_TESTS)
    return()
  endif()
  cmake_parse_arguments(ARG "" "TIMEOUT;UNSANITIZED" "COMMAND;LABELS" ${ARGN})
  if(ARG_UNSANITIZED AND MOAT_SANITIZE)
    set(ARG_COMMAND sh -c "echo \"SKIP: $1\" && exit 77" sh "${ARG_UNSANITIZED}")
  endif()
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 120)
  endif()
  if(NOT ARG_LABELS)
    set(ARG_LABELS integration)
  endif()
  add_test(NAME ${name} COMMAND ${ARG_COMMAND})
  moat_test_properties(${name} TIMEOUT ${ARG_TIMEOUT} LABELS "${ARG_LABELS}")
  set_tests_properties(${name} PROPERTIES SKIP_RETURN_CODE 77)
endfunction()

# What every test gets. Labels: unit lint integration escape fault say what it is; serial means
# that nothing may run beside it.
function(moat_test_properties name)
  cmake_parse_arguments(ARG "" "TIMEOUT" "LABELS;ENVIRONMENT" ${ARGN})
  set(environment "MOAT_SOURCE_DIR=${CMAKE_SOURCE_DIR}" "MOAT_BINARY_DIR=${CMAKE_BINARY_DIR}"
    ${MOAT_SANITIZER_ENVIRONMENT} ${ARG_ENVIRONMENT})
  # TIMEOUT is what a test may need on a machine of its own. It is there for what hangs: a busy machine
  # takes several times as long, and that is no failure.
  math(EXPR limit "4 * ${ARG_TIMEOUT}")
  set_tests_properties(${name} PROPERTIES TIMEOUT ${limit} LABELS "${ARG_LABELS}"
    ENVIRONMENT "${environment}")
  if("serial" IN_LIST ARG_LABELS)
    set_tests_properties(${name} PROPERTIES RUN_SERIAL ON)
  endif()
endfunction()

# moat_bench(NAME SOURCES a_bench.cc DEPS ...): a Google Benchmark program; `make bench` runs all that are
# in its folder.
function(moat_bench name)
  if(NOT MOAT_BENCH)
    return()
  endif()
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS" ${ARGN})
  find_package(benchmark REQUIRED)
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE moat_options ${ARG_DEPS} benchmark::benchmark benchmark::benchmark_main)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bench/parts)
endfunction()

# moat_fuzz(NAME SOURCES a_fuzz.cc DEPS ... [CORPUS dir]): a libFuzzer target. As a test it only
# replays the corpus and a short run; `build/fuzz/fuzz/NAME DIR` goes on for as long as wanted.
function(moat_fuzz name)
  if(NOT MOAT_FUZZ)
    return()
  endif()
  cmake_parse_arguments(ARG "" "CORPUS" "SOURCES;DEPS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE moat_options ${ARG_DEPS})
  target_link_options(${name} PRIVATE -fsanitize=fuzzer)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/fuzz)
  # A folder of its own comes first: libFuzzer writes what it finds there, not into the source.
  file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/fuzz/found/${name})
  add_test(NAME ${name} COMMAND ${name} -max_total_time=20 -timeout=10
    ${CMAKE_BINARY_DIR}/fuzz/found/${name} ${ARG_CORPUS}
    WORKING_DIRECTORY ${CMAKE_BINARY_DIR}/fuzz)
  moat_test_properties(${name} TIMEOUT 120 LABELS fuzz)
endfunction()
