// SPDX-License-Identifier: MIT
// boost_asio.cpp: the body of Boost.Asio, compiled once here.
#include <boost/asio/impl/src.hpp>
