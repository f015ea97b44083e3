// SPDX-License-Identifier: MIT
#include "cli/run/frames.hpp"

#include <gtest/gtest.h>

namespace meantime::cli {
namespace {

TEST(Frames, ComeBackWholeHoweverTheStreamIsCut) {
  std::string stream;
  append_frame(stream, Frame::out, "hello");
  append_frame(stream, Frame::err, "");
  append_frame(stream, Frame::done, std::string(70'000, 'x') + '\0');
  for (const std::size_t step : {std::size_t{1}, std::size_t{3}, std::size_t{4'096}, stream.size()}) {
    FrameReader reader;
    std::string got;
    for (std::size_t at = 0; at < stream.size(); at += step) {
      reader.feed(std::string_view(stream).substr(at, step));
      while (const auto piece = reader.next()) append_frame(got, piece->kind, piece->bytes);
    }
    EXPECT_EQ(got, stream) << step;
    EXPECT_FALSE(reader.next().has_value());
  }
}

}  // namespace
}  // namespace meantime::cli
