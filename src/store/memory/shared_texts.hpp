// SPDX-License-Identifier: MIT
// shared_texts.hpp: texts that many records have in common, each kept once and counted.
#pragma once

#include <boost/unordered/unordered_flat_set.hpp>
#include <memory>
#include <string_view>
#include <utility>

#include "store/memory/record.hpp"

namespace meantime::store {

class SharedTexts {
 public:
  /// The one text equal to (`text`, `second`), made when new. Each call is undone by one give_back().
  [[nodiscard]] SharedText* take(std::string_view text, std::string_view second = {});
  void give_back(SharedText* text) noexcept;
  [[nodiscard]] const SharedText* find(std::string_view text, std::string_view second = {}) const;

 private:
  using View = std::pair<std::string_view, std::string_view>;
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(const View& view) const noexcept {
      return std::hash<std::string_view>{}(view.first) * 31 + std::hash<std::string_view>{}(view.second);
    }
    std::size_t operator()(const std::unique_ptr<SharedText>& text) const noexcept {
      return (*this)(View(text->text, text->second));
    }
  };
  struct Equal {
    using is_transparent = void;
    static bool same(const SharedText& text, const View& view) noexcept {
      return text.text == view.first && text.second == view.second;
    }
    bool operator()(const std::unique_ptr<SharedText>& a, const View& b) const noexcept { return same(*a, b); }
    bool operator()(const View& a, const std::unique_ptr<SharedText>& b) const noexcept { return same(*b, a); }
    bool operator()(const std::unique_ptr<SharedText>& a, const std::unique_ptr<SharedText>& b) const noexcept {
      return same(*a, View(b->text, b->second));
    }
  };
  boost::unordered_flat_set<std::unique_ptr<SharedText>, Hash, Equal> texts_;
  SharedText* last_ = nullptr;  // most tasks share them with the one before
};

}  // namespace meantime::store
