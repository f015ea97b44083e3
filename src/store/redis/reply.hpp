// SPDX-License-Identifier: MIT
// reply.hpp: one answer of the server, and the reader that cuts a stream of bytes into answers. No sockets.
#pragma once

#include <boost/redis/resp3/parser.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace meantime::store::redis {

class ReplyView;

/// One whole answer: the bytes as they came, and where its values are in them.
class Reply {
 public:
  enum class Kind : std::uint8_t { null, text, integer, error, list, push };

  [[nodiscard]] ReplyView view() const noexcept;
  [[nodiscard]] std::size_t bytes() const noexcept { return bytes_.size(); }

 private:
  friend class ReplyReader;
  friend class ReplyView;
  struct Node {
    Kind kind = Kind::null;
    std::uint8_t depth = 0;
    std::uint32_t children = 0;
    std::size_t at = 0;
    std::size_t size = 0;
  };
  std::string bytes_;
  std::vector<Node> nodes_;
};

/// A value inside a Reply. Valid as long as it. A map is a list of keys and values in turn.
class ReplyView {
 public:
  using Kind = Reply::Kind;
  ReplyView(const Reply& reply, std::size_t node) noexcept : reply_(&reply), node_(node) {}

  [[nodiscard]] Kind kind() const noexcept { return self().kind; }
  [[nodiscard]] bool is_null() const noexcept { return kind() == Kind::null; }
  [[nodiscard]] bool is_error() const noexcept { return kind() == Kind::error; }
  /// Of a text, an error or an integer as it came; empty for others.
  [[nodiscard]] std::string_view text() const noexcept {
    return std::string_view(reply_->bytes_).substr(self().at, self().size);
  }
  /// 0 when it is no number.
  [[nodiscard]] std::int64_t integer() const noexcept;
  [[nodiscard]] std::size_t size() const noexcept { return self().children; }

  class Iterator {
   public:
    Iterator(const Reply& reply, std::size_t node, std::size_t left) noexcept
        : reply_(&reply), node_(node), left_(left) {}
    ReplyView operator*() const noexcept { return {*reply_, node_}; }
    Iterator& operator++() noexcept;
    friend bool operator==(const Iterator& a, const Iterator& b) noexcept { return a.left_ == b.left_; }

   private:
    const Reply* reply_;
    std::size_t node_;
    std::size_t left_;
  };
  [[nodiscard]] Iterator begin() const noexcept { return {*reply_, node_ + 1, size()}; }
  [[nodiscard]] Iterator end() const noexcept { return {*reply_, 0, 0}; }
  /// Number `index` of a list; a null value when there is none.
  [[nodiscard]] ReplyView operator[](std::size_t index) const noexcept;

 private:
  [[nodiscard]] const Reply::Node& self() const noexcept;
  const Reply* reply_;
  std::size_t node_;
};

/// Cuts what a server sends into replies, over Boost.Redis' parser. What is no RESP3 makes it fail for good.
class ReplyReader {
 public:
  /// No single text of ours comes near this; a length beyond it is garbage.
  static constexpr std::size_t max_text_bytes = 1ULL << 30U;

  /// Where the next bytes go: at least `at_least` of room. Then commit() how many came.
  [[nodiscard]] std::pair<char*, std::size_t> room();
  void commit(std::size_t bytes) noexcept { used_ += bytes; }
  /// The next whole reply, if it is all there.
  [[nodiscard]] std::optional<Reply> next();
  [[nodiscard]] bool failed() const noexcept { return failed_; }
  /// A new connection: forgets what was there.
  void reset();

 private:
  [[nodiscard]] bool header_is_sound(std::string_view rest) const noexcept;
  void take(const boost::redis::resp3::basic_node<std::string_view>& node, std::size_t base);

  boost::redis::resp3::parser parser_;
  std::string buffer_;
  std::size_t start_ = 0;  ///< Of the message being read.
  std::size_t used_ = 0;
  std::vector<Reply::Node> nodes_;
  bool in_text_ = false;  ///< The parser waits for the rest of a text whose length it knows.
  bool failed_ = false;
};

}  // namespace meantime::store::redis
