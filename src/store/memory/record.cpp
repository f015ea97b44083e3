// SPDX-License-Identifier: MIT
#include "store/memory/record.hpp"

#include "core/utf8.hpp"

namespace meantime::store {
namespace {

constexpr std::size_t mark_step = 64UL << 10U;
constexpr std::size_t records_per_block = 1024;

}  // namespace

void LongText::assign(std::string text) {
  text_ = std::move(text);
  marks_.clear();
  if (text_.size() <= mark_step) {
    chars_ = utf8::count(text_);
    return;
  }
  chars_ = 0;
  const std::string_view view = text_;
  for (std::size_t at = 0; at < view.size(); at += mark_step) {
    marks_.push_back(chars_);
    chars_ += utf8::count(view.substr(at, mark_step));
  }
  if (chars_ == text_.size()) marks_ = {};
}

std::size_t LongText::byte_of(std::uint64_t character) const noexcept {
  if (character >= chars_) return text_.size();
  if (chars_ == text_.size()) return static_cast<std::size_t>(character);
  const std::string_view view = text_;
  if (marks_.empty()) return utf8::byte_offset(view, character);
  // marks_[i] characters start before byte i * mark_step, so the wanted one starts after the last mark not above it.
  const auto mark = std::upper_bound(marks_.begin(), marks_.end(), character) - marks_.begin() - 1;
  const std::size_t from = static_cast<std::size_t>(mark) * mark_step;
  return from + utf8::byte_offset(view.substr(from), character - marks_[static_cast<std::size_t>(mark)]);
}

TextPage LongText::page(std::uint64_t offset_chars, std::uint64_t limit_chars) const {
  TextPage page{.text = {}, .offset = offset_chars, .total_chars = chars_, .total_bytes = text_.size()};
  if (offset_chars >= chars_) return page;
  const std::size_t from = byte_of(offset_chars);
  const std::size_t end =
      limit_chars == 0 || limit_chars > chars_ - offset_chars ? text_.size() : byte_of(offset_chars + limit_chars);
  page.text = text_.substr(from, end - from);
  return page;
}

std::uint64_t Rare::bytes() const noexcept {
  std::uint64_t redirected = 0;
  for (const Redirect& each : redirects) {
    redirected += sizeof each + each.destination.size() + each.channel_id.size() + each.platform.size();
  }
  return redirected + sizeof(Rare) + key.size() + arguments.size() + output.size() + result.text().size() +
         error.size() + (late ? sizeof(TaskEnd) + late->result.size() + late->error.size() : 0);
}

Record* RecordPool::take() {
  if (free_ == nullptr) {
    auto block = std::make_unique<std::byte[]>(records_per_block * sizeof(Record));
    for (std::size_t i = records_per_block; i-- > 0;) {
      free_ = ::new (static_cast<void*>(block.get() + i * sizeof(Record))) Free{free_};
    }
    blocks_.push_back(std::move(block));
  }
  void* place = free_;
  free_ = free_->next;
  return ::new (place) Record;
}

void RecordPool::give_back(Record* record) noexcept {
  record->~Record();
  free_ = ::new (static_cast<void*>(record)) Free{free_};
}

}  // namespace meantime::store
