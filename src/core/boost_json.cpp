// SPDX-License-Identifier: MIT
// boost_json.cpp: the body of Boost.JSON, compiled once here.
#include <boost/json/src.hpp>
