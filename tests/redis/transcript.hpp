// SPDX-License-Identifier: MIT
// transcript.hpp: reads the exchanges of transcripts/ (its README.md says how they are written).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "support/redis_server.hpp"

namespace meantime::test {

class Transcript {
 public:
  enum class From : std::uint8_t { original, server, other };
  struct Piece {
    From from = From::original;
    int connection = 1;  ///< Of original and server.
    std::string bytes;
  };

  /// Reads `name`.resp. Errors: throws std::runtime_error with the line that is wrong.
  explicit Transcript(const std::string& name);

  [[nodiscard]] const std::vector<Piece>& pieces() const { return pieces_; }
  /// All that the original writes on a connection.
  [[nodiscard]] std::string written(int connection) const;
  /// The commands of others that stand before, or after, the first byte of the original.
  [[nodiscard]] std::vector<std::string> others_before() const;
  [[nodiscard]] std::vector<std::string> others_after() const;

  /// Plays it to a server, and expects each answer as it is written down.
  void play(const RedisServer& server) const;

  /// The names of all transcripts.
  [[nodiscard]] static std::vector<std::string> names();
  /// Undoes the escapes. Errors: as above.
  [[nodiscard]] static std::string unescaped(std::string_view text);

 private:
  std::vector<Piece> pieces_;
};

}  // namespace meantime::test
