// SPDX-License-Identifier: MIT
#include "delivery/adapters/multipart.hpp"

#include <algorithm>
#include <utility>

namespace meantime::delivery {
namespace {

std::string head_of(std::string_view name, std::string_view file_name, std::string_view type) {
  std::string head = "Content-Disposition: form-data; name=\"";
  head.append(name).append("\"");
  if (!file_name.empty()) head.append("; filename=\"").append(file_name).append("\"");
  if (!type.empty()) head.append("\r\nContent-Type: ").append(type);
  return head;
}

}  // namespace

Multipart& Multipart::field(std::string name, std::string value, std::string type) {
  parts_.push_back({head_of(name, {}, type), std::move(value)});
  return *this;
}

Multipart& Multipart::file(std::string name, std::string file_name, std::string type, std::string bytes) {
  parts_.push_back({head_of(name, file_name, type), std::move(bytes)});
  return *this;
}

std::string Multipart::body(std::string& content_type) const {
  std::string boundary = "meantime-part";
  for (unsigned tries = 0;
       std::ranges::any_of(parts_, [&](const Part& part) { return part.bytes.contains(boundary); });) {
    boundary = "meantime-part-" + std::to_string(++tries);
  }
  std::size_t size = 0;
  for (const Part& part : parts_) size += part.head.size() + part.bytes.size() + boundary.size() + 16;
  std::string out;
  out.reserve(size + boundary.size() + 16);
  for (const Part& part : parts_) {
    out.append("--")
        .append(boundary)
        .append("\r\n")
        .append(part.head)
        .append("\r\n\r\n")
        .append(part.bytes)
        .append("\r\n");
  }
  out.append("--").append(boundary).append("--\r\n");
  content_type = "multipart/form-data; boundary=" + boundary;
  return out;
}

std::string_view media_type_of(std::string_view file_name) noexcept {
  return file_name.ends_with(".json") ? "application/json" : "text/plain; charset=utf-8";
}

}  // namespace meantime::delivery
