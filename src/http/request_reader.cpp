// SPDX-License-Identifier: MIT
#include "http/request_reader.hpp"

#include <algorithm>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>
#include <cstring>

namespace meantime::http {

namespace beast = boost::beast;
using ParserError = beast::http::error;

namespace {

// Faults that only we see; they leave the parser by its own error code's value.
enum class OwnFault : int {
  folded = 1000,
  too_many_headers,
  repeated_length,
  unknown_coding,
  coding_in_1_0,
  long_extension
};

const boost::system::error_category& own_category() {
  class Category final : public boost::system::error_category {
   public:
    const char* name() const noexcept override { return "meantime.http"; }
    std::string message(int) const override { return "the request is refused"; }
  };
  static const Category category;
  return category;
}

std::string_view view(beast::string_view text) noexcept {
  return {text.data(), text.size()};
}

bool all_digits(std::string_view text) noexcept {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

class RequestReader::Parser final : public beast::http::basic_parser<true> {
 public:
  explicit Parser(RequestReader& reader) : reader_(reader) {
    eager(true);
    header_limit(static_cast<std::uint32_t>(reader.limits_.max_head));
    body_limit(reader.limits_.max_body);
  }

 private:
  using Code = beast::error_code;
  static void refuse(Code& code, OwnFault fault) { code.assign(static_cast<int>(fault), own_category()); }

  void on_request_impl(beast::http::verb, beast::string_view method, beast::string_view target, int version,
                       Code& code) override {
    code = {};
    reader_.request_.method = view(method);
    reader_.target_ = view(target);
    reader_.request_.version = version;
  }
  // Never called for a request.
  void on_response_impl(int, beast::string_view, int, Code& code) override { code = {}; }
  void on_field_impl(beast::http::field field, beast::string_view name, beast::string_view value, Code& code) override {
    code = {};
    // Folded values are put together elsewhere, or begin on a line after their name's.
    const char* after_name = name.data() + name.size();
    const bool inside = value.data() > after_name && value.data() <= reader_.buffer_.get() + reader_.filled_;
    if (!inside || std::find(after_name, value.data(), '\r') != value.data()) return refuse(code, OwnFault::folded);
    if (trailers_) return;  // nothing may depend on them, so nobody sees them
    if (reader_.headers_.size() >= reader_.limits_.max_headers) return refuse(code, OwnFault::too_many_headers);
    if (field == beast::http::field::content_length) {
      if (has_length_ || !all_digits(view(value))) return refuse(code, OwnFault::repeated_length);
      has_length_ = true;
    } else if (field == beast::http::field::transfer_encoding) {
      if (!equal_names(view(value), "chunked")) return refuse(code, OwnFault::unknown_coding);
      if (reader_.request_.version < 11) return refuse(code, OwnFault::coding_in_1_0);
    } else if (field == beast::http::field::expect) {
      expects_continue_ = equal_names(view(value), "100-continue");
    }
    reader_.headers_.push_back({view(name), view(value)});
  }
  void on_header_impl(Code& code) override {
    code = {};
    trailers_ = true;
    reader_.expects_continue_ = expects_continue_ && reader_.request_.version >= 11;
  }
  void on_body_init_impl(const boost::optional<std::uint64_t>&, Code& code) override { code = {}; }
  std::size_t on_body_impl(beast::string_view piece, Code& code) override {
    code = {};
    add_to_body(piece);
    return piece.size();
  }
  void on_chunk_header_impl(std::uint64_t, beast::string_view extensions, Code& code) override {
    code = {};
    constexpr std::size_t longest = 1024;
    if (extensions.size() > longest) refuse(code, OwnFault::long_extension);
  }
  std::size_t on_chunk_body_impl(std::uint64_t, beast::string_view piece, Code& code) override {
    code = {};
    add_to_body(piece);
    return piece.size();
  }
  void on_finish_impl(Code& code) override { code = {}; }

  void add_to_body(beast::string_view piece) {
    if (piece.empty()) return;
    reader_.body_bytes_ += piece.size();
    if (reader_.direct_body_.empty() && reader_.body_.empty()) {
      reader_.direct_body_ = view(piece);
      return;
    }
    reader_.body_ += std::exchange(reader_.direct_body_, {});
    reader_.body_ += view(piece);
  }

  RequestReader& reader_;
  bool trailers_ = false;
  bool has_length_ = false;
  bool expects_continue_ = false;
};

// The parser is made anew for each message, in the same place.
struct RequestReader::Memory {
  std::optional<Parser> parser;
};

RequestReader::RequestReader(const Limits& limits)
    : limits_(limits), parser_(std::make_unique<Memory>()), buffer_(new char[small_buffer]), capacity_(small_buffer) {}

RequestReader::~RequestReader() = default;

void RequestReader::grow(std::size_t capacity) {
  std::unique_ptr<char[]> larger(new char[capacity]);
  std::memcpy(larger.get(), buffer_.get(), filled_);
  const auto move = [&](std::string_view& text) {
    // The path of a target without one is no text of the buffer.
    const bool inside = text.data() >= buffer_.get() && text.data() <= buffer_.get() + filled_;
    if (inside) text = {larger.get() + (text.data() - buffer_.get()), text.size()};
  };
  move(request_.method);
  move(request_.path);
  move(request_.query);
  move(target_);
  for (Header& header : headers_) {
    move(header.name);
    move(header.value);
  }
  buffer_ = std::move(larger);
  capacity_ = capacity;
}

std::span<char> RequestReader::room() {
  if (state_ == State::body) {
    if (capacity_ < head_end_ + body_buffer) grow(head_end_ + body_buffer);
  } else if (state_ == State::head && filled_ == capacity_ && capacity_ < limits_.max_head + small_buffer) {
    grow(std::min(capacity_ * 4, limits_.max_head + small_buffer));
  }
  return {buffer_.get() + filled_, capacity_ - filled_};
}

void RequestReader::add(std::size_t bytes) {
  filled_ += bytes;
}

RequestReader::State RequestReader::refuse(int status, std::string_view text) {
  fault_ = {status, text};
  keep_alive_ = false;
  return state_ = State::refused;
}

RequestReader::State RequestReader::refuse_for(int own_fault) {
  switch (static_cast<OwnFault>(own_fault)) {
    case OwnFault::folded:
      return refuse(400, "A header goes on in a second line: send each header in one line.");
    case OwnFault::too_many_headers:
      return refuse(431, "The request has too many headers: send fewer.");
    case OwnFault::repeated_length:
      return refuse(400, "Content-Length must be there once and be one decimal number.");
    case OwnFault::unknown_coding:
      return refuse(501, "The only transfer coding known here is 'chunked': send the body plain or chunked.");
    case OwnFault::coding_in_1_0:
      return refuse(400, "HTTP/1.0 has no Transfer-Encoding: send Content-Length, or use HTTP/1.1.");
    case OwnFault::long_extension:
      return refuse(400, "A chunk's first line is too long: leave its extensions out.");
  }
  return refuse(400, "The request cannot be read.");
}

RequestReader::State RequestReader::parse() {
  if (state_ == State::complete || state_ == State::refused) return state_;
  if (state_ == State::empty) {
    // One empty line before a request is an old custom; more are not.
    while (skipped_ < 2 && filled_ > parsed_ && buffer_[parsed_] == (skipped_ == 0 ? '\r' : '\n')) {
      ++parsed_;
      ++skipped_;
    }
    if (filled_ == parsed_) return state_;
    parser_->parser.emplace(*this);
    state_ = State::head;
  }
  Parser& parser = *parser_->parser;
  beast::error_code code;
  while (parsed_ < filled_) {
    const std::size_t taken = parser.put({buffer_.get() + parsed_, filled_ - parsed_}, code);
    parsed_ += taken;
    if (code || parser.is_done() || taken == 0) break;
  }
  if (code && code != ParserError::need_more) {
    if (code.category() == own_category()) return refuse_for(code.value());
    if (code == ParserError::header_limit) {
      if (request_.method.empty())
        return refuse(414, "The request line is too long: move what is in the URL to the body.");
      return refuse(431, "The headers are too big: send fewer or shorter ones.");
    }
    if (code == ParserError::body_limit) return refuse(413, "The body is too big for this server: send less.");
    if (code == ParserError::bad_version) {
      const std::string_view line(buffer_.get() + parsed_, filled_ - parsed_);
      const auto at = line.substr(0, line.find('\n')).rfind(" HTTP/");
      const auto version = at == line.npos ? std::string_view() : line.substr(at + 6, 3);
      const bool shaped = version.size() == 3 && all_digits(version.substr(0, 1)) && version[1] == '.' &&
                          all_digits(version.substr(2, 1));
      if (shaped && version != "1.0" && version != "1.1") return refuse(505, "This server speaks HTTP/1.1: use that.");
      return refuse(400, "The request line must end in HTTP/1.1, CR and LF.");
    }
    if (code == ParserError::bad_content_length || code == ParserError::multiple_content_length ||
        code == ParserError::bad_transfer_encoding)
      return refuse(400, "Send either one Content-Length or 'Transfer-Encoding: chunked', not both and neither twice.");
    if (code == ParserError::bad_chunk || code == ParserError::bad_chunk_extension)
      return refuse(400, "The chunked body is broken: each chunk is its size in hexadecimal, CR LF, its bytes, CR LF.");
    if (state_ == State::head && request_.method.empty() && parsed_ < filled_ && buffer_[parsed_] == 0x16)
      return refuse(400, "This port speaks plain HTTP, not TLS: use http:// in the URL.");
    return refuse(400,
                  "This is not an HTTP/1.1 request: check the request line and the headers, each ending in CR LF.");
  }
  if (state_ == State::head && parser.is_header_done()) {
    if (head_done() == State::refused) return state_;
  }
  if (parser.is_done()) {
    if (!body_.empty()) {
      body_ += std::exchange(direct_body_, {});
      request_.body = body_;
      request_.owned_body_ = &body_;
    } else {
      request_.body = direct_body_;
    }
    return state_ = State::complete;
  }
  if (state_ == State::body) {
    // What has been read of the body leaves the buffer, to make room for the rest; the head stays.
    body_ += std::exchange(direct_body_, {});
    const std::size_t left = filled_ - parsed_;
    std::memmove(buffer_.get() + head_end_, buffer_.get() + parsed_, left);
    parsed_ = head_end_;
    filled_ = head_end_ + left;
    if (left >= body_buffer / 2) return refuse(400, "A chunk's first line is too long: leave its extensions out.");
  }
  return state_;
}

RequestReader::State RequestReader::head_done() {
  Parser& parser = *parser_->parser;
  keep_alive_ = parser.keep_alive();
  request_.headers = headers_;
  if (request_.version >= 11 && request_.count("host") != 1)
    return refuse(400, "An HTTP/1.1 request must have the Host header, once.");
  if (const auto expected = request_.header("expect"); expected && !equal_names(*expected, "100-continue"))
    return refuse(417, "The only expectation known here is 100-continue: leave the Expect header out.");
  if (!read_target())
    return refuse(400,
                  "The target must be a path that begins with '/', or a URL of the host that the Host header names.");
  if (const auto length = parser.content_length(); length && !parser.is_done())
    body_.reserve(std::min<std::uint64_t>(*length, 1UL << 20U));
  // The body's first bytes may stand behind the head already: then what was parsed tells where the head ends.
  const std::string_view read(buffer_.get(), filled_);
  const std::string_view last = headers_.empty() ? target_ : headers_.back().value;
  head_end_ = read.find("\r\n\r\n", static_cast<std::size_t>(last.data() + last.size() - buffer_.get())) + 4;
  return state_ = State::body;
}

// Splits the target. A whole URL must name the host that the Host header names, since only that one is looked at later.
bool RequestReader::read_target() {
  std::string_view target = target_;
  if (target == "*" || request_.method == "CONNECT") {
    request_.path = target;
    return request_.method == "CONNECT" || request_.method == "OPTIONS";
  }
  if (target.find('#') != target.npos) return false;
  if (!target.starts_with('/')) {
    const auto scheme = target.find("://");
    if (scheme == target.npos ||
        !(equal_names(target.substr(0, scheme), "http") || equal_names(target.substr(0, scheme), "https")))
      return false;
    target.remove_prefix(scheme + 3);
    const auto path = target.find_first_of("/?");
    const auto host = request_.header("host");
    if (!host || !equal_names(target.substr(0, path), *host)) return false;
    if (path == target.npos) {
      request_.path = "/";
      return true;
    }
    target.remove_prefix(path);
  }
  const auto question = target.find('?');
  request_.path = question == 0 ? std::string_view("/") : target.substr(0, question);
  if (question != target.npos) request_.query = target.substr(question + 1);
  return true;
}

void RequestReader::drop_request() {
  const std::size_t left = filled_ - parsed_;
  if (capacity_ > small_buffer && left <= small_buffer) {
    std::unique_ptr<char[]> smaller(new char[small_buffer]);
    std::memcpy(smaller.get(), buffer_.get() + parsed_, left);
    buffer_ = std::move(smaller);
    capacity_ = small_buffer;
  } else if (left != 0) {
    std::memmove(buffer_.get(), buffer_.get() + parsed_, left);
  }
  filled_ = left;
  parsed_ = head_end_ = body_bytes_ = 0;
  direct_body_ = target_ = {};
  if (body_.capacity() > small_buffer) body_ = std::string();
  body_.clear();
  if (headers_.capacity() > 32) headers_ = {};
  headers_.clear();
  const Peer* peer = request_.peer;
  request_ = Request();
  request_.peer = peer;
  expects_continue_ = false;
  skipped_ = 0;
  state_ = State::empty;
}

}  // namespace meantime::http
