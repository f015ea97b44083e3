// SPDX-License-Identifier: MIT
#include "core/duration.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>

namespace meantime {
namespace {

struct Unit {
  std::string_view name;
  std::int64_t millis;
};
// Longest names first, so that "ms" is not read as "m".
constexpr std::array<Unit, 5> units{{{"ms", 1}, {"s", 1'000}, {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}}};
// A hundred years: clocks count nanoseconds in 64 bits, and a deadline must not wrap round into the past.
constexpr double most_millis = 36'500 * 86'400'000.0;

std::unexpected<Error> not_a_duration(std::string_view text) {
  return fail(errc::invalid_argument, "duration",
              "'" + std::string(text.substr(0, 64)) +
                  "' is no duration: write a number and a unit (ms, s, m, h, d), as 500ms, 10s or 1h30m");
}

std::unexpected<Error> not_a_time(std::string_view text) {
  return fail(errc::invalid_argument, "time",
              "'" + std::string(text.substr(0, 64)) +
                  "' is no time: write 2026-11-22T10:00:00Z, or how long ago, as 15m or 2h");
}

void append_part(std::string& out, std::int64_t number, std::string_view unit) {
  if (number == 0) return;
  out += std::to_string(number);
  out += unit;
}

// Reads fixed-width fields from the front of a text.
class Fields {
 public:
  explicit Fields(std::string_view text) : rest_(text) {}

  bool skip(char c) {
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  std::optional<int> digits(std::size_t width) {
    if (rest_.size() < width) return std::nullopt;
    int value = 0;
    for (const char c : rest_.substr(0, width)) {
      if (c < '0' || c > '9') return std::nullopt;
      value = value * 10 + (c - '0');
    }
    rest_.remove_prefix(width);
    return value;
  }
  /// Digits after a decimal point, as milliseconds; what is finer is dropped.
  std::optional<int> fraction() {
    int value = 0;
    int scale = 100;
    bool any = false;
    while (!rest_.empty() && rest_.front() >= '0' && rest_.front() <= '9') {
      value += (rest_.front() - '0') * scale;
      scale /= 10;
      any = true;
      rest_.remove_prefix(1);
    }
    return any ? std::optional{value} : std::nullopt;
  }
  [[nodiscard]] bool empty() const { return rest_.empty(); }

 private:
  std::string_view rest_;
};

std::optional<WallTime> parse_iso(std::string_view text) {
  namespace c = std::chrono;
  Fields in(text);
  const auto year = in.digits(4);
  if (!year || !in.skip('-')) return std::nullopt;
  const auto month = in.digits(2);
  if (!month || !in.skip('-')) return std::nullopt;
  const auto day = in.digits(2);
  if (!day) return std::nullopt;
  const c::year_month_day date{c::year{*year}, c::month{static_cast<unsigned>(*month)},
                               c::day{static_cast<unsigned>(*day)}};
  if (!date.ok()) return std::nullopt;
  WallTime time{c::sys_days{date}};
  if (in.empty()) return time;

  if (!in.skip('T') && !in.skip(' ')) return std::nullopt;
  const auto hour = in.digits(2);
  if (!hour || *hour > 23 || !in.skip(':')) return std::nullopt;
  const auto minute = in.digits(2);
  if (!minute || *minute > 59) return std::nullopt;
  time += c::hours{*hour} + c::minutes{*minute};
  if (in.skip(':')) {
    const auto second = in.digits(2);
    if (!second || *second > 60) return std::nullopt;
    time += c::seconds{*second};
    if (in.skip('.')) {
      const auto millis = in.fraction();
      if (!millis) return std::nullopt;
      time += Milliseconds{*millis};
    }
  }
  if (in.empty() || (in.skip('Z') && in.empty())) return time;
  const int sign = in.skip('+') ? -1 : in.skip('-') ? 1 : 0;
  if (sign == 0) return std::nullopt;
  const auto east_hours = in.digits(2);
  in.skip(':');
  const auto east_minutes = in.digits(2);
  if (!east_hours || !east_minutes || *east_hours > 23 || *east_minutes > 59 || !in.empty()) return std::nullopt;
  return time + sign * (c::hours{*east_hours} + c::minutes{*east_minutes});
}

}  // namespace

Result<Milliseconds> parse_duration(std::string_view text) {
  if (text == "0") return Milliseconds{0};
  double millis = 0;
  std::string_view rest = text;
  do {
    // from_chars would take "inf", "nan" and exponents, too.
    const std::size_t length = rest.find_first_not_of("0123456789.");
    if (length == 0 || length == std::string_view::npos) return not_a_duration(text);
    double number = 0;
    const char* const first = rest.data();
    const char* const last = first + length;
    const auto [end, problem] = std::from_chars(first, last, number, std::chars_format::fixed);
    if (problem != std::errc{} || end != last) return not_a_duration(text);
    rest.remove_prefix(length);
    const auto* unit =
        std::find_if(units.begin(), units.end(), [&](const Unit& u) { return rest.starts_with(u.name); });
    if (unit == units.end()) return not_a_duration(text);
    rest.remove_prefix(unit->name.size());
    millis += number * static_cast<double>(unit->millis);
  } while (!rest.empty());
  if (millis > most_millis) {
    return fail(errc::invalid_argument, "duration",
                "'" + std::string(text.substr(0, 64)) + "' is too long: at most 36500d, a hundred years");
  }
  return Milliseconds{std::llround(millis)};
}

std::string format_duration(Milliseconds duration) {
  std::int64_t millis = duration.count();
  if (millis == 0) return "0s";
  std::string out;
  if (millis < 0) {
    out += '-';
    millis = millis == std::numeric_limits<std::int64_t>::min() ? std::numeric_limits<std::int64_t>::max() : -millis;
  }
  if (millis < 1'000) {
    append_part(out, millis, "ms");
    return out;
  }
  append_part(out, millis / 86'400'000, "d");
  append_part(out, millis / 3'600'000 % 24, "h");
  append_part(out, millis / 60'000 % 60, "m");
  const std::int64_t rest = millis % 60'000;
  if (rest % 1'000 == 0) {
    append_part(out, rest / 1'000, "s");
    return out;
  }
  std::string fraction = std::to_string(1'000 + rest % 1'000).substr(1);
  fraction.erase(fraction.find_last_not_of('0') + 1);
  out += std::to_string(rest / 1'000) + "." + fraction + "s";
  return out;
}

std::string seconds_text(Milliseconds duration) {
  const std::int64_t tenths = duration.count() <= 0 ? 0 : duration.count() / 100 + (duration.count() % 100 >= 50);
  return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10);
}

std::string iso_time(WallTime time) {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date{day};
  const std::chrono::hh_mm_ss clock{time - day};
  std::array<char, 64> text{};
  const int length =
      std::snprintf(text.data(), text.size(), "%04d-%02u-%02uT%02d:%02d:%02d.%03dZ", int(date.year()),
                    unsigned(date.month()), unsigned(date.day()), int(clock.hours().count()),
                    int(clock.minutes().count()), int(clock.seconds().count()), int(clock.subseconds().count()));
  return {text.data(), static_cast<std::size_t>(length)};
}

Result<WallTime> parse_time(std::string_view text, WallTime now) {
  if (const auto time = parse_iso(text)) return *time;
  const auto ago = parse_duration(text);
  if (!ago) return not_a_time(text);
  return now - *ago;
}

}  // namespace meantime
