// SPDX-License-Identifier: MIT
// request_reader.hpp: bytes in, requests out. Knows no socket: what it decides is tested and fuzzed without one.
// Owns a connection's read buffer, which is small except while a big request is on its way.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "http/request.hpp"

namespace meantime::http {

/// Why a request is refused; the connection ends with it.
struct Fault {
  int status = 400;
  std::string_view text;  ///< For people: what is wrong and the remedy.
};

class RequestReader {
 public:
  struct Limits {
    std::size_t max_head = 16UL << 10U;
    std::size_t max_headers = 100;
    std::size_t max_body = 64UL << 20U;
  };
  enum class State : unsigned char {
    empty,     ///< Nothing of a request has been parsed.
    head,      ///< A part of the head.
    body,      ///< The head; request() is good but for its body.
    complete,  ///< A whole request.
    refused,   ///< fault() says why. Final.
  };

  /// `limits` outlives the reader.
  explicit RequestReader(const Limits& limits);
  RequestReader(const RequestReader&) = delete;
  RequestReader& operator=(const RequestReader&) = delete;
  ~RequestReader();

  /// Where the next bytes go. Empty when requests that were sent ahead fill the buffer.
  [[nodiscard]] std::span<char> room();
  /// So many bytes stand in room() now.
  void add(std::size_t bytes);
  /// Looks at what was added.
  State parse();
  [[nodiscard]] State state() const noexcept { return state_; }
  /// Views into the buffer, good until the next call of anything but this.
  [[nodiscard]] Request& request() noexcept { return request_; }
  [[nodiscard]] const Fault& fault() const noexcept { return fault_; }
  [[nodiscard]] bool keep_alive() const noexcept { return keep_alive_; }
  /// The client waits for "100 Continue" before it sends the body. True once.
  [[nodiscard]] bool take_expectation() noexcept { return std::exchange(expects_continue_, false); }
  /// Forgets the request; what came after it stays, to be parsed next.
  void drop_request();
  /// Bytes have come that belong to no request yet.
  [[nodiscard]] bool has_more() const noexcept { return filled_ > parsed_; }
  /// Bytes of bodies so far, for the rate they come at.
  [[nodiscard]] std::size_t body_bytes() const noexcept { return body_bytes_; }

 private:
  class Parser;
  struct Memory;
  static constexpr std::size_t small_buffer = 2048;
  static constexpr std::size_t body_buffer = 32UL << 10U;

  void grow(std::size_t capacity);
  State refuse(int status, std::string_view text);
  State refuse_for(int parser_error);
  State head_done();
  bool read_target();

  const Limits& limits_;
  std::unique_ptr<Memory> parser_;
  std::unique_ptr<char[]> buffer_;
  std::size_t capacity_ = 0;
  std::size_t filled_ = 0;    // bytes in the buffer
  std::size_t parsed_ = 0;    // of which the parser has taken so many
  std::size_t head_end_ = 0;  // known from State::body on
  std::size_t body_bytes_ = 0;
  std::string_view target_;
  std::string_view direct_body_;  // the body where it was read, as long as it is in one piece
  std::string body_;
  std::vector<Header> headers_;
  Request request_;
  Fault fault_;
  State state_ = State::empty;
  bool keep_alive_ = true;
  bool expects_continue_ = false;
  unsigned char skipped_ = 0;
};

}  // namespace meantime::http
