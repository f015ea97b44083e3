// SPDX-License-Identifier: MIT
#include "delivery/render/split.hpp"

#include <algorithm>

#include "delivery/render/breaks.hpp"

namespace meantime::render {
namespace {

constexpr std::string_view white = " \t\n\r";

bool only_white(std::string_view text) noexcept {
  return text.find_first_not_of(white) == std::string_view::npos;
}

// Blank lines at the beginning of a message show nothing; the indentation of its first line does.
std::string_view without_blank_lines(std::string_view text) noexcept {
  const std::size_t start = text.find_first_not_of(white);
  if (start == std::string_view::npos) return {};
  const std::size_t line = text.rfind('\n', start);
  return line == std::string_view::npos ? text : text.substr(line + 1);
}

std::string_view without_white_end(std::string_view text) noexcept {
  const std::size_t last = text.find_last_not_of(white);
  return text.substr(0, last == std::string_view::npos ? 0 : last + 1);
}

class Splitter {
 public:
  Splitter(std::span<const Block> blocks, std::span<const Frame> frames, const SplitRules& rules)
      : blocks_(blocks), frames_(frames), rules_(rules), left_(rules.first_budget) {}

  Result<std::vector<Pieces>> run() {
    for (std::size_t block = 0; block < blocks_.size(); ++block) {
      const bool code = blocks_[block].kind == Block::Kind::code;
      if (auto done = code ? add_code(block) : add_text(block); !done) return std::unexpected(std::move(done.error()));
    }
    flush();
    return std::move(messages_);
  }

 private:
  Result<void> add_code(std::size_t block) {
    std::string_view rest = blocks_[block].text;
    bool language = true;
    std::size_t frame = frames_[block].full;
    if (frame + frame + rules_.measure.of_widest() > rules_.budget) {  // the bare marker leaves more room
      language = false;
      frame = frames_[block].bare;
    }
    if (frame + rules_.measure.of_widest() > rules_.budget) return too_small();
    const std::size_t most = rules_.budget - frame;
    // What fits into a message of its own is not divided.
    const bool fits_alone = rules_.measure.prefix(rest, most).bytes == rest.size();
    if (fits_alone && rules_.measure.prefix(rest, room(frame)).bytes < rest.size()) flush();
    while (!rest.empty() && !too_many()) {
      const Prefix fit = rules_.measure.prefix(rest, room(frame));
      const std::size_t cut = break_before(rest, fit.bytes, Block::Kind::code);
      // The rest of a message that would show a stump only is left empty.
      if (!pieces_.empty() && (cut == 0 || (cut < rest.size() && fit.units < most / 8))) {
        flush();
        continue;
      }
      if (cut == 0 && left_ == rules_.budget) return too_small();
      if (cut > 0) add({block, rest.substr(0, cut), language}, units_until(cut, rest, fit) + frame);
      rest.remove_prefix(cut);
      if (!rest.empty()) flush_always();
    }
    return {};
  }

  Result<void> add_text(std::size_t block) {
    std::string_view rest = blocks_[block].text;
    while (!rest.empty() && !too_many()) {
      if (pieces_.empty()) rest = without_blank_lines(rest);
      if (rest.empty()) break;
      const Prefix fit = rules_.measure.prefix(rest, room(0));
      const std::size_t cut = break_before(rest, fit.bytes, Block::Kind::text);
      if (cut == 0) {
        if (pieces_.empty() && left_ == rules_.budget) return too_small();
        flush_always();
        continue;
      }
      const std::size_t units = units_until(cut, rest, fit);
      const std::string_view piece = rest.substr(0, cut);
      rest.remove_prefix(cut);
      if (rest.empty()) {
        add({block, piece}, units);
        break;
      }
      if (const auto shown = without_white_end(piece); !shown.empty()) add({block, shown}, units);
      flush_always();
    }
    return {};
  }

  // Units for a piece's text in this message.
  [[nodiscard]] std::size_t room(std::size_t frame) const noexcept {
    const std::size_t taken = frame + (pieces_.empty() ? 0 : rules_.line_end);
    return left_ > taken ? left_ - taken : 0;
  }

  // What `fit` costs without what lies behind the cut.
  [[nodiscard]] std::size_t units_until(std::size_t cut, std::string_view text, const Prefix& fit) const noexcept {
    return fit.units - rules_.measure.of(text.substr(cut, fit.bytes - cut));
  }

  void add(Piece piece, std::size_t units) {
    left_ -= units + (pieces_.empty() ? 0 : rules_.line_end);
    pieces_.push_back(piece);
  }

  void flush() {
    if (!pieces_.empty() || (messages_.empty() && left_ < rules_.budget)) flush_always();
  }

  // Ends this message. The first one carries a header and stands even when it holds nothing else.
  void flush_always() {
    const bool nothing = std::ranges::all_of(pieces_, [](const Piece& piece) { return only_white(piece.text); });
    const bool header = messages_.empty() && rules_.first_budget < rules_.budget;
    if (nothing) pieces_.clear();
    if (!nothing || header) messages_.push_back(std::move(pieces_));
    pieces_.clear();
    left_ = rules_.budget;
  }

  [[nodiscard]] bool too_many() const noexcept { return rules_.at_most != 0 && messages_.size() > rules_.at_most; }

  [[nodiscard]] static std::unexpected<Error> too_small() {
    return fail(errc::invalid_argument, "render.split",
                "The limit is too small for a code fence and one character: raise it.");
  }

  std::span<const Block> blocks_;
  std::span<const Frame> frames_;
  const SplitRules& rules_;
  std::vector<Pieces> messages_;
  Pieces pieces_;
  std::size_t left_;
};

}  // namespace

Result<std::vector<Pieces>> split(std::span<const Block> blocks, std::span<const Frame> frames,
                                  const SplitRules& rules) {
  return Splitter(blocks, frames, rules).run();
}

}  // namespace meantime::render
