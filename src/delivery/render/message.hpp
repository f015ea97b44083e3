// SPDX-License-Identifier: MIT
// message.hpp: what a delivery says: a header, the result or the failure, what was left out and how to get it. Pure.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "delivery/render/fences.hpp"
#include "meantime/task.hpp"

namespace meantime::render {

/// What became of a task, for people.
struct Report {
  std::string tool;
  std::string task_id;
  TaskStatus status = TaskStatus::completed;
  EndReason reason = EndReason::finished;
  Milliseconds elapsed{0};
  std::optional<WallTime> ended_at;
  std::string text;                ///< The result, or what the tool gave beside its error.
  bool text_cut = false;           ///< The middle of the result is not in `text`.
  std::uint64_t result_chars = 0;  ///< Of the whole result.
  std::uint64_t result_bytes = 0;
  bool result_cut = false;  ///< Nobody has the whole: it was over the limit for results.
  std::string error;        ///< `<class>: <message>`.
  std::optional<int> exit_code;
  std::uint32_t max_chars = default_max_chars;  ///< Of the text, S40.
  std::string link;                             ///< Where the whole can be read; empty: nowhere.

  static constexpr std::uint32_t default_max_chars = 9'000;
};

/// The report of a task that has ended; `text` and `text_cut` as meantime::Message has them. MCP results and errors
/// become the text in them. Everything is clean(ed).
[[nodiscard]] Report report_of(const TaskRecord& record, std::string_view text, bool text_cut, std::uint32_t max_chars,
                               std::string link = {});

/// What an MCP CallToolResult or a JSON-RPC error says to people; any other text as it is.
[[nodiscard]] std::string readable(std::string_view text, MediaType type);

/// The header as parts that are written bold, as code, or plainly.
struct Span {
  enum class Style : std::uint8_t { plain, code, bold_code };
  Style style = Style::plain;
  std::string text;
};
/// S41, S42: `tool` completed in 12.5s · `short id`. At most 200 characters, one line.
[[nodiscard]] std::vector<Span> header_of(const Report& report);

/// Whether Body::whole() leaves nothing out that max_chars allows.
[[nodiscard]] bool says_all(const Report& report);

/// How much of a long text is shown.
struct Excerpt {
  std::uint64_t head_chars = 1'000;
  std::uint64_t tail_chars = 500;
};

/// What follows the header, as views into the report and into texts kept here. Goes before its report.
class Body {
 public:
  Body() = default;
  Body(Body&&) noexcept = default;  // the texts stay where they are
  Body& operator=(Body&&) noexcept = default;
  Body(const Body&) = delete;
  Body& operator=(const Body&) = delete;
  ~Body() = default;

  /// All of it: the result, `(empty result)`, or the failure with the last lines of the output.
  [[nodiscard]] static Body whole(const Report& report);
  /// Beginning and end; between them a line `…[truncated]` that says how much is missing, and last how to get the
  /// rest: from the file `file_name` and the report's link, or by asking for the task.
  [[nodiscard]] static Body excerpt(const Report& report, Excerpt excerpt, std::string_view file_name = {});

  void add_code(std::string_view text);  ///< A view.
  void add_line(std::string text);
  /// Keeps a text as long as this body lives.
  std::string_view keep(std::string text) { return kept_.emplace_back(std::move(text)); }

  std::vector<Block> blocks;

 private:
  std::deque<std::string> kept_;
};

/// Begins the line that names the file with the whole.
inline constexpr std::string_view whole_in_file = "The whole output is in the file ";
/// How the whole of a task's output is read where nothing else leads to it.
[[nodiscard]] std::string how_to_ask(std::string_view task_id);

/// `<tool>-<short id>.txt`, or .json when the text looks like it: letters, digits, `.`, `_`, `-` only.
[[nodiscard]] std::string file_name_of(const Report& report);

/// The last characters of an id, which tell tasks of the same minute apart.
[[nodiscard]] std::string short_id(std::string_view task_id);

}  // namespace meantime::render
