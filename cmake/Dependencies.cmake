# Debian's packages; Boost 1.88 from the system, BOOST_ROOT, or the folder that scripts/setup unpacked.
find_package(Threads REQUIRED)
find_package(SQLite3 REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(CURL REQUIRED)
find_package(spdlog REQUIRED)
find_package(fmt REQUIRED)
find_package(prometheus-cpp REQUIRED COMPONENTS core)
find_package(utf8cpp REQUIRED)
find_package(re2 CONFIG QUIET)  # Debian 13; Debian 12's package has no CMake files
if(NOT TARGET re2::re2)
  find_library(MEANTIME_RE2 re2 REQUIRED)
  add_library(re2::re2 UNKNOWN IMPORTED)
  set_target_properties(re2::re2 PROPERTIES IMPORTED_LOCATION ${MEANTIME_RE2})
endif()

# Debian's utf8proc has a pkg-config file only.
find_library(MEANTIME_UTF8PROC utf8proc REQUIRED)
find_path(MEANTIME_UTF8PROC_INCLUDE utf8proc.h REQUIRED)
add_library(meantime_utf8proc UNKNOWN IMPORTED)
set_target_properties(meantime_utf8proc PROPERTIES IMPORTED_LOCATION ${MEANTIME_UTF8PROC}
  INTERFACE_INCLUDE_DIRECTORIES ${MEANTIME_UTF8PROC_INCLUDE})

# Debian's cjose has a pkg-config file that asks for libjansson's, though no header of it is needed.
find_library(MEANTIME_CJOSE cjose REQUIRED)
find_path(MEANTIME_CJOSE_INCLUDE cjose/cjose.h REQUIRED)
add_library(meantime_cjose UNKNOWN IMPORTED)
set_target_properties(meantime_cjose PROPERTIES IMPORTED_LOCATION ${MEANTIME_CJOSE}
  INTERFACE_INCLUDE_DIRECTORIES ${MEANTIME_CJOSE_INCLUDE})

find_path(MEANTIME_BOOST_INCLUDE boost/redis.hpp
  HINTS ${PROJECT_SOURCE_DIR}/build/deps/boost/include $ENV{BOOST_ROOT}/include $ENV{BOOST_ROOT}
  NO_CMAKE_FIND_ROOT_PATH)
if(NOT MEANTIME_BOOST_INCLUDE)
  message(FATAL_ERROR "Boost 1.88 headers not found: run scripts/setup, or set BOOST_ROOT.")
endif()
add_library(meantime_boost INTERFACE)
add_library(Boost::headers ALIAS meantime_boost)
target_include_directories(meantime_boost SYSTEM INTERFACE ${MEANTIME_BOOST_INCLUDE})
# Asio's, JSON's, Beast's and Redis' bodies are compiled once: core/boost_json.cpp, engine/boost_{asio,ssl}.cpp,
# http/boost_beast.cpp, store/redis/boost_redis.cpp.
target_compile_definitions(meantime_boost INTERFACE
  BOOST_ASIO_SEPARATE_COMPILATION BOOST_ASIO_NO_DEPRECATED BOOST_BEAST_SEPARATE_COMPILATION)

if(NOT TARGET SQLite::SQLite3)
  add_library(SQLite::SQLite3 ALIAS SQLite3::SQLite3)
endif()
if(NOT TARGET utf8cpp)
  add_library(utf8cpp ALIAS utf8cpp::utf8cpp)
endif()
