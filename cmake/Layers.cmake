# One static library a layer, made of every .cpp in its folder; tests stand beside their source as *_test.cpp.

add_library(meantime_flags INTERFACE)
target_compile_options(meantime_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual -Wimplicit-fallthrough -Wno-missing-field-initializers
  -fno-omit-frame-pointer)
if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
  target_compile_options(meantime_flags INTERFACE -Wthread-safety)
  target_link_options(meantime_flags INTERFACE -fuse-ld=lld-19)
endif()
if(MEANTIME_SANITIZE STREQUAL "address")
  target_compile_options(meantime_flags INTERFACE -fsanitize=address,undefined -fno-sanitize-recover=all)
  target_link_options(meantime_flags INTERFACE -fsanitize=address,undefined)
elseif(MEANTIME_SANITIZE STREQUAL "thread")
  target_compile_options(meantime_flags INTERFACE -fsanitize=thread)
  target_link_options(meantime_flags INTERFACE -fsanitize=thread)
endif()

# The headers that nearly every file reads, compiled once.
set(meantime_headers
  <algorithm> <array> <chrono> <cstdint> <coroutine> <deque> <expected> <functional> <map> <memory> <optional> <span>
  <string> <string_view> <unordered_map> <utility> <variant> <vector> <boost/json.hpp>)
file(WRITE ${PROJECT_BINARY_DIR}/pch_anchor.cpp "")
add_library(meantime_pch STATIC ${PROJECT_BINARY_DIR}/pch_anchor.cpp)
target_link_libraries(meantime_pch PUBLIC Boost::headers PRIVATE meantime_flags)
target_precompile_headers(meantime_pch PUBLIC ${meantime_headers})

function(meantime_layer name)
  cmake_parse_arguments(ARG "" "" "USES" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/${name}/*.cpp)
  list(FILTER sources EXCLUDE REGEX "_test\\.cpp$")
  if(NOT sources)
    set(sources ${PROJECT_BINARY_DIR}/pch_anchor.cpp)
  endif()
  add_library(meantime_${name} STATIC ${sources})
  target_include_directories(meantime_${name} PUBLIC ${PROJECT_SOURCE_DIR}/include PRIVATE ${PROJECT_SOURCE_DIR}/src)
  set(libraries "")
  foreach(used ${ARG_USES})
    if(TARGET meantime_${used})
      list(APPEND libraries meantime_${used})
    else()
      list(APPEND libraries ${used})
    endif()
  endforeach()
  target_link_libraries(meantime_${name} PUBLIC ${libraries} Boost::headers PRIVATE meantime_flags)
  if(MEANTIME_FUZZ)  # what is fuzzed tells libFuzzer where it has been; -fsanitize=fuzzer-no-link would need a PCH of its own
    target_compile_options(meantime_${name} PRIVATE
      -fsanitize-coverage=inline-8bit-counters,indirect-calls,trace-cmp,pc-table)
  endif()
  target_precompile_headers(meantime_${name} REUSE_FROM meantime_pch)
endfunction()

# A GoogleTest program; ctest sees each of its tests by name. What is tested is optimised as the preset says; the tests
# themselves are not: they compile three times faster.
function(meantime_test name)
  cmake_parse_arguments(ARG "" "" "SOURCES;USES;LABELS" ${ARGN})
  if(NOT ARG_SOURCES)
    return()
  endif()
  add_executable(${name} ${ARG_SOURCES})
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR}/tests)
  target_link_libraries(${name} PRIVATE ${ARG_USES} meantime_test_flags GTest::gmock GTest::gtest_main)
  target_precompile_headers(${name} REUSE_FROM meantime_test_pch)
  gtest_discover_tests(${name} DISCOVERY_MODE PRE_TEST PROPERTIES TIMEOUT 120 LABELS "${ARG_LABELS}")
endfunction()
