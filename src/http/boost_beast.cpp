// SPDX-License-Identifier: MIT
// boost_beast.cpp: the body of Boost.Beast, compiled once here.
#include <boost/beast/src.hpp>
