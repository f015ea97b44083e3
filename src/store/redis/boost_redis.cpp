// SPDX-License-Identifier: MIT
// boost_redis.cpp: the bodies of Boost.Redis' protocol parts, compiled once here.
#include <boost/redis/impl/error.ipp>
#include <boost/redis/impl/request.ipp>
#include <boost/redis/resp3/impl/parser.ipp>
#include <boost/redis/resp3/impl/serialization.ipp>
#include <boost/redis/resp3/impl/type.ipp>
