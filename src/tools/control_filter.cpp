// SPDX-License-Identifier: MIT
#include "tools/control_filter.hpp"

namespace meantime {
namespace {
constexpr unsigned char escape = 0x1B;
constexpr unsigned char bell = 0x07;
constexpr unsigned char del = 0x7F;
}  // namespace

// The shapes are ECMA-48's: ESC [ ... final byte 0x40-0x7E; ESC ] P X ^ _ ... up to BEL or ESC \ ; ESC and one or two
// more.
std::string_view ControlFilter::clean(std::string_view bytes) {
  out_.clear();
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    switch (state_) {
      case State::text:
        if (byte == escape) {
          state_ = State::escape;
        } else if (byte == '\r') {
          out_ += '\n';
        } else if (byte == '\n') {
          if (!after_return_) out_ += '\n';
        } else if (byte == '\t' || (byte >= 0x20 && byte != del)) {
          out_ += c;
        }
        after_return_ = byte == '\r';
        break;
      case State::escape:
        if (byte == '[') {
          state_ = State::sequence;
        } else if (byte == ']' || byte == 'P' || byte == 'X' || byte == '^' || byte == '_') {
          state_ = State::string;
        } else if (byte >= 0x20 && byte <= 0x2F) {
          state_ = State::charset;
        } else if (byte != escape) {
          state_ = State::text;
        }
        break;
      case State::sequence:
        if (byte == escape) {
          state_ = State::escape;
        } else if (byte >= 0x40 && byte <= 0x7E) {
          state_ = State::text;
        } else if (byte == '\n') {  // no sequence goes on over a line: this was none
          out_ += '\n';
          state_ = State::text;
        }
        break;
      case State::string:
        if (byte == bell) state_ = State::text;
        if (byte == escape) state_ = State::string_escape;
        if (byte == '\n') {
          out_ += '\n';
          state_ = State::text;
        }
        break;
      case State::string_escape:
        state_ = byte == '\\' ? State::text : State::string;
        break;
      case State::charset:
        if (byte >= 0x30) state_ = State::text;
        break;
    }
  }
  return out_;
}

}  // namespace meantime
