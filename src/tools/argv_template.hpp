// SPDX-License-Identifier: MIT
// argv_template.hpp: a command line with holes for a call's arguments. One written element makes at most one argument,
// whatever the values hold: nothing is split, joined or read by a shell. Pure.
#pragma once

#include <boost/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "meantime/error.hpp"

namespace meantime {

/// A text with holes. `{name}`: the argument's value. `{name?}`: the same; the text is left out when the argument is
/// absent or null. `{?name}`: nothing; the text is left out unless the argument is there and not false. `{{`, `}}`:
/// braces.
class TextTemplate {
 public:
  struct Hole {
    std::string name;
    bool optional = false;
    bool flag = false;      ///< `{?name}`
    bool at_start = false;  ///< No text of the template stands before it: values decide how the argument begins.
  };

  /// Errors: invalid_argument, with what is wrong at which place of the text.
  [[nodiscard]] static Result<TextTemplate> parse(std::string_view text);

  /// The text for `arguments`; absent: left out. `defaults` stand in for what is absent.
  /// Errors: invalid_argument: an argument that must be there is not, or holds a zero byte.
  [[nodiscard]] Result<std::optional<std::string>> fill(const boost::json::object& arguments,
                                                        const boost::json::object& defaults) const;

  [[nodiscard]] std::vector<Hole> holes() const;

 private:
  struct Piece {
    std::string literal;  ///< Before the hole.
    std::optional<Hole> hole;
  };
  std::vector<Piece> pieces_;
};

/// A whole command line.
class ArgvTemplate {
 public:
  /// Elements that stand and fall together: one, or a flag and its value.
  using Group = std::vector<std::string>;

  /// Values that begin with '-' are refused where the program could take them for an option: at the start of an
  /// element, unless `dash_allowed` names the argument or a literal "--" stands before.
  /// Errors: invalid_argument, as TextTemplate::parse.
  [[nodiscard]] static Result<ArgvTemplate> parse(const std::vector<Group>& groups,
                                                  std::vector<std::string> dash_allowed);

  /// Errors: invalid_argument, with the argument's name.
  [[nodiscard]] Result<std::vector<std::string>> fill(const boost::json::object& arguments,
                                                      const boost::json::object& defaults) const;

  [[nodiscard]] std::vector<TextTemplate::Hole> holes() const;

 private:
  struct Element {
    TextTemplate text;
    bool ends_options = false;  ///< A literal "--".
  };
  std::vector<std::vector<Element>> groups_;
  std::vector<std::string> dash_allowed_;
};

/// An argument's value as text: strings as they are, all else as JSON.
[[nodiscard]] std::string argument_text(const boost::json::value& value);

}  // namespace meantime
