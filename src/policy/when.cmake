# The `when` language: include() this from src/policy/CMakeLists.txt.
# Appends to MOAT_WHEN_SOURCES, which belongs to moat_policy, and adds the tests.
find_package(Python3 3.11 REQUIRED COMPONENTS Interpreter)

set(gen_constants ${CMAKE_SOURCE_DIR}/tools/gen_constants.py)
set(constants_spec ${CMAKE_SOURCE_DIR}/spec/constants.toml)
set(constants_table ${CMAKE_CURRENT_BINARY_DIR}/constants_table.cc)
set(constants_comparisons ${CMAKE_CURRENT_BINARY_DIR}/generated/policy/constants_comparisons.inc)

add_custom_command(OUTPUT ${constants_table} ${constants_comparisons}
  COMMAND ${CMAKE_COMMAND} -E make_directory ${CMAKE_CURRENT_BINARY_DIR}/generated/policy
  COMMAND ${Python3_EXECUTABLE} ${gen_constants} --spec ${constants_spec}
    --out-cc ${constants_table} --out-comparisons ${constants_comparisons}
  DEPENDS ${gen_constants} ${constants_spec}
  COMMENT "Generating the table of constants" VERBATIM)

list(APPEND MOAT_WHEN_SOURCES
  ${CMAKE_CURRENT_LIST_DIR}/constants.cc ${CMAKE_CURRENT_LIST_DIR}/when.cc
  ${CMAKE_CURRENT_LIST_DIR}/when_tokens.cc ${constants_table})

moat_test(policy_when_test
  SOURCES ${CMAKE_CURRENT_LIST_DIR}/when_test.cc DEPS moat_policy moat_bpf rapidcheck)
moat_test(policy_constants_test
  SOURCES ${CMAKE_CURRENT_LIST_DIR}/constants_test.cc ${constants_comparisons} DEPS moat_policy moat_bpf)
if(TARGET policy_constants_test)
  target_include_directories(policy_constants_test PRIVATE ${CMAKE_CURRENT_BINARY_DIR}/generated)
endif()
