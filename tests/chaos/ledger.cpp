// SPDX-License-Identifier: MIT
#include "chaos/ledger.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <chrono>
#include <sstream>
#include <stdexcept>

namespace meantime::test {

std::int64_t steady_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

Ledger::Ledger(const std::filesystem::path& file)
    : file_(open(file.c_str(), O_CREAT | O_APPEND | O_RDWR | O_CLOEXEC, 0600)) {
  if (!file_) throw std::runtime_error("the ledger cannot be opened: " + file.string());
}

void Ledger::write(std::string_view what, const std::vector<std::string>& words) const {
  std::string line(what);
  line += ' ' + std::to_string(steady_ms()) + ' ' + std::to_string(getpid());
  for (const std::string& word : words) line += ' ' + word;
  line += '\n';
  if (::write(file_.get(), line.data(), line.size()) != static_cast<ssize_t>(line.size())) {
    throw std::runtime_error("the ledger takes no more");
  }
}

std::vector<LedgerLine> Ledger::read_more() {
  constexpr std::size_t piece = 1UL << 16U;
  std::string text;
  for (;;) {
    const std::size_t had = text.size();
    text.resize(had + piece);
    const ssize_t got = pread(file_.get(), text.data() + had, piece, static_cast<off_t>(read_to_ + had));
    text.resize(had + static_cast<std::size_t>(got > 0 ? got : 0));
    if (got <= 0) break;
  }
  const auto end = text.rfind('\n');
  if (end == std::string::npos) return {};
  text.resize(end + 1);
  read_to_ += text.size();
  std::vector<LedgerLine> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) {
    std::istringstream parts(line);
    LedgerLine& each = lines.emplace_back();
    parts >> each.what >> each.at_ms >> each.pid;
    for (std::string word; parts >> word;) each.words.push_back(std::move(word));
  }
  return lines;
}

}  // namespace meantime::test
