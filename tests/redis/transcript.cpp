// SPDX-License-Identifier: MIT
#include "redis/transcript.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <map>
#include <stdexcept>

namespace meantime::test {
namespace {

template <class Number>
Number number(std::string_view digits, int base) {
  Number value{};
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, base);
  if (digits.empty() || error != std::errc() || end != digits.data() + digits.size()) {
    throw std::runtime_error("no number in a transcript: " + std::string(digits));
  }
  return value;
}

Transcript::Piece piece_of(const std::string& line) {
  using From = Transcript::From;
  const auto tag = line.substr(0, line.find(' '));
  const auto text = Transcript::unescaped(std::string_view(line).substr(std::min(line.size(), tag.size() + 1)));
  if (tag == "O") return {From::other, 0, text};
  if (tag == "C1" || tag == "C2") return {From::original, tag[1] - '0', text};
  if (tag == "S1" || tag == "S2") return {From::server, tag[1] - '0', text};
  throw std::runtime_error("no line of a transcript: " + line);
}

}  // namespace

Transcript::Transcript(const std::string& name) {
  std::ifstream file(std::filesystem::path(TRANSCRIPTS) / (name + ".resp"));
  if (!file) throw std::runtime_error("there is no transcript " + name);
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line.starts_with('#')) continue;
    auto piece = piece_of(line);
    if (!pieces_.empty() && piece.from != From::other && pieces_.back().from == piece.from &&
        pieces_.back().connection == piece.connection) {
      pieces_.back().bytes += piece.bytes;
    } else {
      pieces_.push_back(std::move(piece));
    }
  }
}

std::string Transcript::written(int connection) const {
  std::string all;
  for (const auto& piece : pieces_) {
    if (piece.from == From::original && piece.connection == connection) all += piece.bytes;
  }
  return all;
}

std::vector<std::string> Transcript::others_before() const {
  std::vector<std::string> commands;
  for (const auto& piece : pieces_) {
    if (piece.from != From::other) break;
    commands.push_back(piece.bytes);
  }
  return commands;
}

std::vector<std::string> Transcript::others_after() const {
  std::vector<std::string> commands;
  for (const auto& piece : pieces_) {
    if (piece.from == From::other) commands.push_back(piece.bytes);
  }
  commands.erase(commands.begin(), commands.begin() + static_cast<std::ptrdiff_t>(others_before().size()));
  return commands;
}

void Transcript::play(const RedisServer& server) const {
  auto other = server.connect();
  std::map<int, RawRedis> connections;
  for (const auto& piece : pieces_) {
    if (piece.from == From::other) {
      other.send(piece.bytes);
      EXPECT_FALSE(other.receive(other.limit())->is_error()) << piece.bytes;
      continue;
    }
    auto& redis = connections.try_emplace(piece.connection, server.connect()).first->second;
    if (piece.from == From::original) {
      redis.send(piece.bytes);
    } else {
      EXPECT_EQ(redis.receive_bytes(piece.bytes.size()), piece.bytes);
    }
  }
}

std::vector<std::string> Transcript::names() {
  std::vector<std::string> found;
  for (const auto& entry : std::filesystem::directory_iterator(TRANSCRIPTS)) {
    if (entry.path().extension() == ".resp") found.push_back(entry.path().stem().string());
  }
  std::ranges::sort(found);
  return found;
}

std::string Transcript::unescaped(std::string_view text) {
  std::string bytes;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '\\') {
      bytes += text[at];
      continue;
    }
    const char kind = ++at < text.size() ? text[at] : '\0';
    if (kind == 'r') {
      bytes += '\r';
    } else if (kind == 'n') {
      bytes += '\n';
    } else if (kind == '\\') {
      bytes += '\\';
    } else if (kind == 'x') {
      bytes += static_cast<char>(number<unsigned char>(text.substr(at + 1, 2), 16));
      at += 2;
    } else if (const auto end = text.find(')', at); kind == '(' && end != std::string_view::npos && end > at + 3) {
      bytes.append(number<std::size_t>(text.substr(at + 3, end - at - 3), 10), text[at + 1]);
      at = end;
    } else {
      throw std::runtime_error("no escape of a transcript: " + std::string(text.substr(at - 1, 8)));
    }
  }
  return bytes;
}

}  // namespace meantime::test
