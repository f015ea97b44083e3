// SPDX-License-Identifier: MIT
#include "fakes/multipart.hpp"

#include <algorithm>
#include <optional>

namespace meantime::test {
namespace {

std::string value_of(std::string_view line, std::string_view name) {
  const std::string start = "; " + std::string(name) + "=\"";
  const std::size_t at = line.find(start);
  if (at == line.npos) return {};
  const std::size_t from = at + start.size();
  return std::string(line.substr(from, line.find('"', from) - from));
}

std::optional<Part> part_of(std::string_view head, std::string_view bytes) {
  Part part{.bytes = std::string(bytes)};
  bool disposed = false;
  while (!head.empty()) {
    const std::size_t end = std::min(head.find("\r\n"), head.size());
    const std::string_view line = head.substr(0, end);
    if (line.starts_with("Content-Disposition: form-data")) {
      part.name = value_of(line, "name");
      part.file_name = value_of(line, "filename");
      disposed = true;
    } else if (line.starts_with("Content-Type: ")) {
      part.type = line.substr(sizeof("Content-Type: ") - 1);
    } else {
      return std::nullopt;
    }
    head.remove_prefix(std::min(end + 2, head.size()));
  }
  if (!disposed || part.name.empty()) return std::nullopt;
  return part;
}

}  // namespace

std::expected<std::vector<Part>, std::string> read_multipart(std::string_view content_type, std::string_view body) {
  constexpr std::string_view start = "multipart/form-data; boundary=";
  if (!content_type.starts_with(start)) return std::unexpected("it is no multipart/form-data with a boundary");
  const std::string_view boundary = content_type.substr(start.size());
  constexpr std::size_t longest = 70;
  if (boundary.empty() || boundary.size() > longest) return std::unexpected("its boundary has a wrong length");
  const std::string delimiter = "\r\n--" + std::string(boundary);
  std::string all = "\r\n";
  all += body;
  std::string_view left = all;
  std::vector<Part> parts;
  if (!left.starts_with(delimiter)) return std::unexpected("it does not begin with its boundary");
  left.remove_prefix(delimiter.size());
  while (left != "--\r\n") {
    if (!left.starts_with("\r\n")) return std::unexpected("something follows a boundary");
    left.remove_prefix(2);
    const std::size_t head = left.find("\r\n\r\n");
    if (head == left.npos) return std::unexpected("a part has no head");
    const std::size_t end = left.find(delimiter, head + 2);
    if (end == left.npos || end < head + 4) return std::unexpected("a part has no end");
    auto part = part_of(left.substr(0, head), left.substr(head + 4, end - head - 4));
    if (!part) return std::unexpected("a part's head cannot be read");
    parts.push_back(std::move(*part));
    left.remove_prefix(end + delimiter.size());
  }
  return parts;
}

const Part* find_part(const std::vector<Part>& parts, std::string_view name) {
  const auto found = std::ranges::find(parts, name, &Part::name);
  return found == parts.end() ? nullptr : &*found;
}

}  // namespace meantime::test
