// SPDX-License-Identifier: MIT
#include "delivery/render/render.hpp"

#include <algorithm>

#include "delivery/render/clean.hpp"
#include "delivery/render/markup.hpp"
#include "delivery/render/split.hpp"

namespace meantime::render {
namespace {

Result<void> check(const Limits& limits) {
  if (limits.budget() >= min_limit) return {};
  return fail(errc::invalid_argument, "render.limits",
              "A message limit below " + std::to_string(min_limit) + " leaves no room for a message: raise it.");
}

// `(2/5)` with as many digits as it can have.
std::string widest_counter(std::uint32_t at_most) {
  constexpr std::size_t digits_of_many = 7;
  const std::size_t digits = at_most == 0 ? digits_of_many : std::to_string(at_most).size();
  return " (" + std::string(digits, '0') + '/' + std::string(digits, '0') + ')';
}

std::string counter(std::size_t number, std::size_t of) {
  return '(' + std::to_string(number) + '/' + std::to_string(of) + ')';
}

// Lays a body out over messages and writes them.
class Layout {
 public:
  Layout(const Limits& limits, std::vector<Span> header) : limits_(limits), header_(std::move(header)) {}

  // The body as it is shown: nothing in it can close a fence or call somebody.
  void make_safe(Body& body) const {
    const bool fenced = limits_.markup != Markup::plain && limits_.markup != Markup::entities;
    const bool guarded = limits_.mentions != MentionGuard::none;
    for (Block& block : body.blocks) {
      const bool code = block.kind == Block::Kind::code;
      if (fenced && (block.text.contains("```") || (!code && block.text.contains("~~~")))) {
        std::string text(block.text);
        block.text =
            body.keep(code ? fenceable(std::move(text), limits_.inner_fence) : without_fences(std::move(text)));
      }
      if (!code && guarded) block.text = body.keep(without_mentions(std::string(block.text), limits_.mentions));
    }
  }

  // The chunks; one more than `at_most` when they are not enough. 0: no limit.
  Result<std::vector<Chunk>> lay_out(Body body, std::size_t budget, std::uint32_t at_most) const {
    make_safe(body);
    const std::vector<Block>& blocks = body.blocks;
    std::vector<Frame> frames;
    frames.reserve(blocks.size());
    for (const Block& block : blocks) {
      frames.push_back(frame_of(limits_, block.language, fence_marker(block.text, limits_.inner_fence)));
    }
    const Measure measure = measure_of(limits_);
    const std::size_t line_end = measure.of("\n");
    const std::size_t header = header_cost() + (header_.empty() ? 0 : line_end);
    if (header >= budget) return too_small();
    SplitRules rules{measure, budget, budget - header, line_end, 1};
    auto messages = split(blocks, frames, rules);
    if (messages && messages->size() > 1 && at_most != 1) {  // again, with room for counters
      const std::size_t counters = measure.of(widest_counter(at_most)) + line_end;
      if (header + counters >= budget) return too_small();
      rules = {measure, budget - counters, budget - counters - header, line_end, at_most};
      messages = split(blocks, frames, rules);
    }
    if (!messages) return std::unexpected(std::move(messages.error()));
    return write(*messages, blocks);
  }

 private:
  static std::unexpected<Error> too_small() {
    return fail(errc::invalid_argument, "render.layout", "The message limit is too small for the header: raise it.");
  }

  [[nodiscard]] std::size_t header_cost() const {
    Chunk chunk;
    ChunkWriter(limits_, chunk).header(header_);
    return length_of(chunk, limits_);
  }

  void reserve(Chunk& chunk, const Pieces& pieces) const {
    constexpr std::size_t frames = 256;
    std::size_t bytes = frames;
    for (const Piece& piece : pieces) bytes += piece.text.size();
    chunk.text.reserve(bytes);
    if (limits_.markup == Markup::html) chunk.html.reserve(bytes + bytes / 8);  // its escapes
  }

  [[nodiscard]] std::vector<Chunk> write(const std::vector<Pieces>& messages, const std::vector<Block>& blocks) const {
    std::vector<Chunk> chunks(std::max<std::size_t>(messages.size(), 1));
    for (std::size_t i = 0; i < chunks.size(); ++i) {
      reserve(chunks[i], i < messages.size() ? messages[i] : Pieces{});
      ChunkWriter writer(limits_, chunks[i]);
      const bool first = i == 0 && !header_.empty();
      if (first) writer.header(header_);
      if (chunks.size() > 1) writer.text((first ? " " : "") + counter(i + 1, chunks.size()));
      if (i >= messages.size()) continue;
      for (const Piece& piece : messages[i]) {
        writer.next_line();
        const Block& block = blocks[piece.block];
        if (block.kind == Block::Kind::text) {
          writer.text(piece.text);
        } else {
          writer.code(piece.text, piece.with_language ? block.language : std::string_view{},
                      fence_marker(piece.text, limits_.inner_fence));
        }
      }
    }
    return chunks;
  }

  const Limits& limits_;
  std::vector<Span> header_;
};

// Fewer and fewer characters of the beginning and the end, until they fit.
Result<std::vector<Chunk>> shortened(const Report& report, const Limits& limits, const Layout& layout) {
  const bool file = limits.takes_files && !report.text.empty();
  const bool elsewhere = file || !report.link.empty();
  const std::string file_name = file ? file_name_of(report) : std::string{};
  const std::uint32_t at_most = elsewhere ? 1 : limits.max_chunks;
  std::size_t budget = limits.budget();
  if (file && limits.caption != 0) budget = std::min(budget, limits.caption);

  Excerpt excerpt;
  std::uint64_t shown = report.max_chars;
  if (elsewhere) shown = std::min(shown, excerpt.head_chars + excerpt.tail_chars);
  if (at_most != 0) shown = std::min<std::uint64_t>(shown, std::uint64_t{at_most} * budget);
  while (true) {
    excerpt = {shown - shown / 3, shown / 3};
    auto chunks = layout.lay_out(Body::excerpt(report, excerpt, file_name), budget, at_most);
    if (!chunks) return chunks;
    const bool fits = at_most == 0 || chunks->size() <= at_most;
    if (!fits && shown > 0) {
      shown = shown * 4 / 5;
      continue;
    }
    if (!fits) {  // the few lines themselves are too long for that many messages: better more than none
      chunks = layout.lay_out(Body::excerpt(report, excerpt, file_name), budget, 0);
      if (!chunks) return chunks;
    }
    if (file) chunks->back().file_name = file_name;
    return chunks;
  }
}

}  // namespace

Result<std::vector<Chunk>> render(const Report& report, const Limits& limits) {
  if (auto fine = check(limits); !fine) return std::unexpected(std::move(fine.error()));
  const Layout layout(limits, header_of(report));
  // A failure's last lines are enough where there is no place for all of its output.
  const bool failed = report.status == TaskStatus::failed;
  if (says_all(report) || (failed && !limits.takes_files)) {
    auto chunks = layout.lay_out(Body::whole(report), limits.budget(), limits.max_chunks);
    if (!chunks || limits.max_chunks == 0 || chunks->size() <= limits.max_chunks) return chunks;
  }
  return shortened(report, limits, layout);
}

Result<std::vector<Chunk>> render_markdown(std::string_view markdown, const Limits& limits) {
  if (auto fine = check(limits); !fine) return std::unexpected(std::move(fine.error()));
  Body body;
  body.blocks = parse_blocks(markdown);
  return Layout(limits, {}).lay_out(std::move(body), limits.budget(), 0);
}

std::size_t length_of(const Chunk& chunk, const Limits& limits) {
  return length(chunk.text, limits.unit) + (limits.markup == Markup::html ? length(chunk.html, limits.unit) : 0);
}

}  // namespace meantime::render
