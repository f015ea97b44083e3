// SPDX-License-Identifier: MIT
#include "meantime/system_clock.hpp"

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <memory>

namespace meantime {
namespace {

using namespace std::chrono_literals;

// Both timers expire in the same look of the loop, so the second waits in its queue while the first fires.
class TwoExpired : public ::testing::Test {
 protected:
  void expire_both(std::function<void()> when_first_fires) {
    first_ = clock_.make_alarm([&, then = std::move(when_first_fires)] {
      if (++fired_ == 1) then();
    });
    second_ = clock_.make_alarm([&] { ++second_fired_; });
    first_->set(clock_.now() - 2s);
    second_->set(clock_.now() - 1s);
    loop_.run();
  }
  boost::asio::io_context loop_;
  SystemClock clock_{loop_};
  std::unique_ptr<Alarm> first_;
  std::unique_ptr<Alarm> second_;
  int fired_ = 0;
  int second_fired_ = 0;
};

TEST_F(TwoExpired, ADestroyedAlarmNeverFires) {
  expire_both([&] { second_.reset(); });
  EXPECT_EQ(fired_, 1);
  EXPECT_EQ(second_fired_, 0);
}

TEST_F(TwoExpired, AClearedAlarmDoesNotFire) {
  expire_both([&] { second_->clear(); });
  EXPECT_EQ(second_fired_, 0);
}

TEST_F(TwoExpired, AnAlarmThatIsMovedFiresOnceAndLater) {
  expire_both([&] { second_->set(clock_.now() + 1ms); });
  EXPECT_EQ(second_fired_, 1);
}

TEST_F(TwoExpired, AnAlarmMayDestroyItself) {
  expire_both([&] { first_.reset(); });
  EXPECT_EQ(fired_, 1);
  EXPECT_EQ(second_fired_, 1);
}

}  // namespace
}  // namespace meantime
