// SPDX-License-Identifier: MIT
// section.hpp: one table of a configuration file, read key by key; every key that nobody asked for is a problem.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/config.hpp"
#include "config/toml_tree.hpp"

namespace meantime::config {

/// Gathers the problems of one file: the first hundred.
class Problems {
 public:
  explicit Problems(std::filesystem::path file) : file_(std::move(file)) {}
  void say(Place place, std::string what);
  /// True when no more will be told, only counted.
  [[nodiscard]] bool full() const noexcept;
  [[nodiscard]] const std::filesystem::path& file() const noexcept { return file_; }
  /// The same sentence as something to know only.
  [[nodiscard]] Problem at(Place place, std::string what) const;
  /// Relative to the file's folder; `~/` is the user's home.
  [[nodiscard]] std::filesystem::path resolve(std::string_view path) const;
  /// Adds those of another file, to stand after the own ones.
  void adopt(std::vector<Problem> others);
  /// In the order of the file.
  [[nodiscard]] std::vector<Problem> take();

 private:
  std::filesystem::path file_;
  std::vector<Problem> problems_;
  std::vector<Problem> others_;
  std::size_t untold_ = 0;
};

/// Reads a table. Every reader answers nothing when the key is absent or wrong, and says what is wrong.
class Section {
 public:
  /// `name` as in the file: "tools.grep"; empty: the document itself.
  Section(Problems& problems, const Table& table, std::string name, Place place)
      : problems_(problems), table_(table), name_(std::move(name)), place_(place) {}
  Section(const Section&) = delete;
  Section& operator=(const Section&) = delete;
  /// Says which keys are unknown.
  ~Section();

  [[nodiscard]] std::optional<std::string> text(std::string_view key);
  [[nodiscard]] std::optional<bool> flag(std::string_view key);
  [[nodiscard]] std::optional<std::int64_t> number(std::string_view key, std::int64_t least, std::int64_t most);
  [[nodiscard]] std::optional<Milliseconds> duration(std::string_view key, Milliseconds least = Milliseconds(0));
  [[nodiscard]] std::optional<std::uint64_t> size(std::string_view key, std::uint64_t least = 0);
  [[nodiscard]] std::optional<std::vector<std::string>> texts(std::string_view key);
  /// A list of strings; one string is a list of itself.
  [[nodiscard]] std::optional<std::vector<std::string>> text_or_texts(std::string_view key);
  /// The path of a regular file that we may read.
  [[nodiscard]] std::optional<std::filesystem::path> file(std::string_view key);
  /// An http or https URL without user, password and fragment.
  [[nodiscard]] std::optional<std::string> url(std::string_view key);
  /// An object of JSON, written as a table or as a string; as its text.
  [[nodiscard]] std::optional<std::string> json_object(std::string_view key);
  /// A table of strings.
  [[nodiscard]] std::optional<std::map<std::string, std::string>> named_texts(std::string_view key);
  /// One of some words; answers its number among them.
  [[nodiscard]] std::optional<std::size_t> choice(std::string_view key, const std::vector<std::string>& words);
  /// The tables in a table, each with its name.
  [[nodiscard]] std::vector<const Member*> tables(std::string_view key);
  [[nodiscard]] const Value* value(std::string_view key);
  [[nodiscard]] const Member* member(std::string_view key);
  /// A table; absent and wrong: null.
  [[nodiscard]] const Member* table(std::string_view key);

  template <class Target, class Source>
  static void set(Target& target, std::optional<Source> source) {
    if (source) target = static_cast<Target>(std::move(*source));
  }

  /// Appends `value` as JSON; says what JSON does not have.
  void append_json(std::string& out, std::string_view key, const Value& value);

  void say(Place place, std::string what) { problems_.say(place, std::move(what)); }
  /// Marks `key` as known: what it holds is for somebody else.
  void pass_over(std::string_view key) { static_cast<void>(member(key)); }
  /// Where `key` stands; the section itself when it does not.
  [[nodiscard]] Place place_of(std::string_view key) const;
  [[nodiscard]] Place place() const noexcept { return place_; }
  [[nodiscard]] Problems& problems() noexcept { return problems_; }
  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  /// "'budget' in [tools.grep]"
  [[nodiscard]] std::string named(std::string_view key) const;

 private:
  void wrong_kind(std::string_view key, const Value& value, std::string_view expected);

  Problems& problems_;
  const Table& table_;
  std::string name_;
  Place place_;
  std::vector<std::string> known_;
};

}  // namespace meantime::config
