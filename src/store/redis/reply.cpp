// SPDX-License-Identifier: MIT
#include "store/redis/reply.hpp"

#include <charconv>
#include <cstring>

namespace meantime::store::redis {
namespace {

namespace resp3 = boost::redis::resp3;

constexpr std::size_t first_room = 16UL << 10U;
constexpr std::size_t most_room = 1UL << 20U;
const Reply nothing;

Reply::Kind kind_of(resp3::type type) noexcept {
  switch (type) {
    case resp3::type::array:
    case resp3::type::set:
    case resp3::type::map:
    case resp3::type::attribute:
      return Reply::Kind::list;
    case resp3::type::push:
      return Reply::Kind::push;
    case resp3::type::number:
      return Reply::Kind::integer;
    case resp3::type::simple_error:
    case resp3::type::blob_error:
      return Reply::Kind::error;
    case resp3::type::null:
      return Reply::Kind::null;
    default:
      return Reply::Kind::text;
  }
}

}  // namespace

ReplyView Reply::view() const noexcept {
  return {*this, 0};
}

const Reply::Node& ReplyView::self() const noexcept {
  static const Reply::Node null_node;
  return node_ < reply_->nodes_.size() ? reply_->nodes_[node_] : null_node;
}

std::int64_t ReplyView::integer() const noexcept {
  std::int64_t out = 0;
  const std::string_view digits = text();
  std::from_chars(digits.data(), digits.data() + digits.size(), out);
  return out;
}

ReplyView::Iterator& ReplyView::Iterator::operator++() noexcept {
  --left_;
  const auto& nodes = reply_->nodes_;
  if (node_ >= nodes.size()) return *this;
  const auto depth = nodes[node_].depth;
  do {
    ++node_;
  } while (node_ < nodes.size() && nodes[node_].depth > depth);
  return *this;
}

ReplyView ReplyView::operator[](std::size_t index) const noexcept {
  if (index >= size()) return {nothing, 0};
  Iterator at = begin();
  for (; index > 0; --index) ++at;
  return *at;
}

std::pair<char*, std::size_t> ReplyReader::room() {
  if (start_ == used_) {
    start_ = used_ = 0;
  } else if (start_ > buffer_.size() / 2) {
    std::memmove(buffer_.data(), buffer_.data() + start_, used_ - start_);
    used_ -= start_;
    start_ = 0;
  }
  // A long text is read in growing pieces: what a broken length promises is never reserved.
  const std::size_t want = std::clamp(used_ - start_, first_room, most_room);
  if (buffer_.size() - used_ < want) buffer_.resize(used_ + want);
  return {buffer_.data() + used_, buffer_.size() - used_};
}

// The parser ends the program on a header without a body ("$\r\n") and reads absurd lengths: neither may reach it.
bool ReplyReader::header_is_sound(std::string_view rest) const noexcept {
  constexpr std::size_t longest_length_line = 32;
  constexpr std::size_t longest_line = 1UL << 20U;  // of a status, an error, a number
  switch (rest.front()) {
    case '+':
    case '-':
    case ':':
    case '_':
    case ',':
    case '#':
    case '(':
      return rest.size() < longest_line || rest.substr(0, longest_line).contains("\r\n");
    case '$':
    case '!':
    case '=':
    case '*':
    case '~':
    case '%':
    case '>':
    case '|':
      break;
    default:
      return false;
  }
  const std::size_t end = rest.substr(0, longest_length_line).find('\r');
  if (end == std::string_view::npos) return rest.size() < longest_length_line;
  std::size_t length = 0;
  const char* last = rest.data() + end;
  const auto [stop, error] = std::from_chars(rest.data() + 1, last, length);
  return error == std::errc() && stop == last && end > 1 && length <= max_text_bytes;
}

void ReplyReader::take(const resp3::basic_node<std::string_view>& node, std::size_t base) {
  Reply::Node out;
  out.kind = kind_of(node.data_type);
  out.depth = static_cast<std::uint8_t>(node.depth);
  if (out.kind == Reply::Kind::list || out.kind == Reply::Kind::push) {
    out.children = static_cast<std::uint32_t>(node.aggregate_size * resp3::element_multiplicity(node.data_type));
  } else if (!node.value.empty()) {
    out.at = static_cast<std::size_t>(node.value.data() - buffer_.data()) - base;
    out.size = node.value.size();
  }
  nodes_.push_back(out);
}

std::optional<Reply> ReplyReader::next() {
  while (!failed_ && start_ < used_) {
    const std::string_view message(buffer_.data() + start_, used_ - start_);
    while (!parser_.done()) {
      const std::size_t before = parser_.get_consumed();
      if (!in_text_) {
        if (before >= message.size()) return std::nullopt;
        if (!header_is_sound(message.substr(before))) {
          failed_ = true;
          return std::nullopt;
        }
      }
      boost::system::error_code error;
      const auto node = parser_.consume(message, error);
      if (error) {
        failed_ = true;
        return std::nullopt;
      }
      if (!node) {
        in_text_ = in_text_ || parser_.get_consumed() != before;
        return std::nullopt;
      }
      in_text_ = false;
      take(*node, start_);
    }
    const std::size_t size = parser_.get_consumed();
    Reply reply;
    reply.bytes_.assign(message.substr(0, size));
    reply.nodes_ = std::move(nodes_);
    nodes_.clear();
    const bool attribute = message.front() == '|';  // says something about the next reply; we ask for none
    start_ += size;
    parser_.reset();
    if (!attribute) return reply;
  }
  return std::nullopt;
}

void ReplyReader::reset() {
  parser_.reset();
  nodes_.clear();
  start_ = used_ = 0;
  in_text_ = failed_ = false;
}

}  // namespace meantime::store::redis
