# The arrays behind syscall_table.h, and for the test the numbers of the system's headers.
# Sets MOAT_SYSCALL_TABLE_SOURCES for the library, MOAT_SYSCALL_TABLE_TEST_SOURCES for the test.
find_package(Python3 3.11 REQUIRED COMPONENTS Interpreter)

set(generator ${CMAKE_SOURCE_DIR}/tools/gen_syscalls.py)
set(syscall_table_data ${CMAKE_CURRENT_BINARY_DIR}/syscall_table_data.cc)
set(syscall_numbers ${CMAKE_CURRENT_BINARY_DIR}/generated/bpf/syscall_numbers.inc)
file(MAKE_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR}/generated/bpf)

add_custom_command(
  OUTPUT ${syscall_table_data}
  COMMAND ${Python3_EXECUTABLE} ${generator} --spec ${CMAKE_SOURCE_DIR}/spec --out ${syscall_table_data}
  DEPENDS ${generator}
    ${CMAKE_SOURCE_DIR}/spec/syscalls/x86_64.tbl
    ${CMAKE_SOURCE_DIR}/spec/syscalls/aarch64.tbl
    ${CMAKE_SOURCE_DIR}/spec/groups.toml
  COMMENT "Generating the syscall table"
  VERBATIM)
add_custom_command(
  OUTPUT ${syscall_numbers}
  COMMAND ${Python3_EXECUTABLE} ${generator} --numbers ${syscall_numbers} --compiler ${CMAKE_CXX_COMPILER}
  DEPENDS ${generator}
  COMMENT "Reading the syscall numbers of the system's headers"
  VERBATIM)

set(MOAT_SYSCALL_TABLE_SOURCES syscall_table.cc ${syscall_table_data})
set(MOAT_SYSCALL_TABLE_TEST_SOURCES syscall_table_test.cc ${syscall_numbers})
set_source_files_properties(syscall_table_test.cc PROPERTIES
  INCLUDE_DIRECTORIES ${CMAKE_CURRENT_BINARY_DIR}/generated)
