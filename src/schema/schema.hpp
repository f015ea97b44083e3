// SPDX-License-Identifier: MIT
// schema.hpp: JSON Schema 2020-12 (and what drafts 4 to 7 wrote differently), compiled once, checked at each call.
// Pure: no I/O; a $ref into another document is never fetched. Threads: a compiled Schema may be shared.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "meantime/error.hpp"

namespace meantime {

namespace schema {
struct Compiled;
}

/// A compiled JSON Schema. Cheap to copy.
///
/// Checked: type enum const; minimum maximum exclusive* multipleOf; minLength maxLength pattern; items prefixItems
/// contains minContains maxContains minItems maxItems uniqueItems; properties patternProperties additionalProperties
/// propertyNames required dependentRequired dependentSchemas minProperties maxProperties; allOf anyOf oneOf not
/// if/then/else; $ref $dynamicRef $defs $anchor $id within the document; boolean schemas. Also, from older drafts:
/// definitions, dependencies, items as an array with additionalItems, exclusiveMinimum: true.
/// Not checked, see ignored(): unevaluatedProperties, unevaluatedItems, and format (an annotation since 2019).
/// A pattern is matched in time linear in the text; look-around and back-references do not compile.
class Schema {
 public:
  /// Errors: invalid_argument, with the place in the schema (a JSON Pointer), what is wrong and what is expected.
  [[nodiscard]] static Result<Schema> compile(std::string_view text);

  /// Checks `arguments`, JSON text; empty text is an empty object.
  /// Errors: invalid_argument: for up to five faults where it is, what is wrong and what is expected. Nesting beyond
  ///         200 levels, and a check beyond a million steps, are faults of the arguments too.
  [[nodiscard]] Result<void> check(std::string_view arguments) const;

  /// The places in the schema (JSON Pointers) whose keywords are not checked.
  [[nodiscard]] const std::vector<std::string>& ignored() const noexcept;

 private:
  explicit Schema(std::shared_ptr<const schema::Compiled> compiled) noexcept : compiled_(std::move(compiled)) {}
  std::shared_ptr<const schema::Compiled> compiled_;
};

}  // namespace meantime
