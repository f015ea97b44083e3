// SPDX-License-Identifier: MIT
#include "store/memory/shared_texts.hpp"

namespace meantime::store {

SharedText* SharedTexts::take(std::string_view text, std::string_view second) {
  if (last_ != nullptr && last_->text == text && last_->second == second) {
    ++last_->uses;
    return last_;
  }
  auto found = texts_.find(View(text, second));
  if (found == texts_.end()) {
    auto made = std::make_unique<SharedText>();
    made->text = text;
    made->second = second;
    found = texts_.insert(std::move(made)).first;
  }
  last_ = found->get();
  ++last_->uses;
  return last_;
}

void SharedTexts::give_back(SharedText* text) noexcept {
  if (--text->uses != 0) return;
  if (last_ == text) last_ = nullptr;
  texts_.erase(texts_.find(View(text->text, text->second)));
}

const SharedText* SharedTexts::find(std::string_view text, std::string_view second) const {
  const auto found = texts_.find(View(text, second));
  return found == texts_.end() ? nullptr : found->get();
}

}  // namespace meantime::store
