// SPDX-License-Identifier: MIT
// boost_ssl.cpp: the body of Boost.Asio's TLS, compiled once here.
#include <boost/asio/ssl/impl/src.hpp>
