# How a folder becomes a library and its tests.  One call per folder:
#
#   room(nos_raft SOURCES raft.c log.c LINKS nos_base TESTS raft_test.c)
#
# The include path of every room is the root of the repository.

find_package(PkgConfig REQUIRED)
pkg_check_modules(CHECK_LIB REQUIRED IMPORTED_TARGET check)

add_library(project_options INTERFACE)
target_include_directories(project_options INTERFACE ${PROJECT_SOURCE_DIR})
target_compile_options(project_options INTERFACE
  -ffp-contract=off -fno-common -fno-strict-aliasing
  -ffile-prefix-map=${PROJECT_SOURCE_DIR}=.)
if(SIXNINES_SANITIZE)
  target_compile_options(project_options INTERFACE
    -fsanitize=${SIXNINES_SANITIZE} -fno-sanitize-recover=all
    -fno-omit-frame-pointer)
  target_link_options(project_options INTERFACE
    -fsanitize=${SIXNINES_SANITIZE})
endif()
if(SIXNINES_MUTANTS)
  target_compile_definitions(project_options INTERFACE SIXNINES_MUTANTS=1)
endif()
if(SIXNINES_FUZZ)
  target_compile_options(project_options INTERFACE
    -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all)
  target_link_options(project_options INTERFACE -fsanitize=address,undefined)
endif()

add_library(project_warnings INTERFACE)
target_compile_options(project_warnings INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion
  -Wswitch-enum -Wvla -Wundef -Wcast-qual -Wformat=2 -Wstrict-prototypes
  -Wmissing-prototypes $<$<BOOL:${SIXNINES_WERROR}>:-Werror>)

function(room name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINKS;TESTS;TEST_LINKS" ${ARGN})
  add_library(${name} STATIC ${ARG_SOURCES})
  target_link_libraries(${name} PUBLIC project_options ${ARG_LINKS}
    PRIVATE project_warnings)
  if(ARG_TESTS)
    add_executable(${name}_test ${ARG_TESTS})
    target_link_libraries(${name}_test PRIVATE ${name} ${ARG_TEST_LINKS}
      nos_panic PkgConfig::CHECK_LIB)
    target_compile_options(${name}_test PRIVATE -Wall -Wextra
      $<$<BOOL:${SIXNINES_WERROR}>:-Werror>)
    set_target_properties(${name}_test PROPERTIES
      RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
    add_test(NAME ${name} COMMAND ${name}_test)
    # Check ends a test after 4 s by default, which a busy machine may need.
    set_tests_properties(${name} PROPERTIES TIMEOUT 1200
      ENVIRONMENT "CK_DEFAULT_TIMEOUT=300;CK_TIMEOUT_MULTIPLIER=4")
  endif()
endfunction()

# fuzz_target(fuzz_scenario SOURCE scenario_fuzz.c LINKS sim_scenario)
function(fuzz_target name)
  cmake_parse_arguments(ARG "" "SOURCE" "LINKS" ${ARGN})
  if(SIXNINES_FUZZ)
    add_executable(${name} ${ARG_SOURCE})
    target_link_libraries(${name} PRIVATE ${ARG_LINKS} nos_panic)
    target_link_options(${name} PRIVATE -fsanitize=fuzzer)
    set_target_properties(${name} PROPERTIES
      RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/fuzz)
  endif()
endfunction()
