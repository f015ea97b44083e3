// SPDX-License-Identifier: MIT
#include "mcp/protocol.hpp"

#include <gtest/gtest.h>

#include "mcp/methods.hpp"

namespace meantime::mcp {
namespace {

TEST(Protocol, EveryRevisionHasItsNameAndFamily) {
  for (const auto& [name, family] : {std::pair{"2024-11-05", Family::handshake},
                                     {"2025-03-26", Family::handshake},
                                     {"2025-06-18", Family::handshake},
                                     {"2025-11-25", Family::handshake},
                                     {"2026-07-28", Family::stateless}}) {
    const auto revision = parse_revision(name);
    ASSERT_TRUE(revision) << name;
    EXPECT_EQ(name_of(*revision), name);
    EXPECT_EQ(family_of(*revision), family) << name;
    EXPECT_NE(supported_versions().find(name), std::string_view::npos) << name;
    EXPECT_NE(supported_versions(family).find(name), std::string_view::npos) << name;
  }
  EXPECT_FALSE(parse_revision("2026-07-29"));
  EXPECT_FALSE(parse_revision(""));
}

TEST(Protocol, AnInitializeIsNeverAnsweredWithAStatelessRevision) {
  EXPECT_EQ(negotiate("2025-03-26"), Revision::r2025_03_26);
  EXPECT_EQ(negotiate("2025-11-25"), Revision::r2025_11_25);
  EXPECT_EQ(negotiate("2026-07-28"), Revision::r2025_11_25);
  EXPECT_EQ(negotiate("2030-01-01"), Revision::r2025_11_25);
  EXPECT_EQ(negotiate(""), Revision::r2025_11_25);
}

TEST(Protocol, WhatARevisionHas) {
  EXPECT_TRUE(takes_batches(Revision::r2025_03_26));
  EXPECT_FALSE(takes_batches(Revision::r2025_06_18));
  EXPECT_FALSE(has_structured_results(Revision::r2025_03_26));
  EXPECT_TRUE(has_structured_results(Revision::r2025_06_18));
  EXPECT_TRUE(has_requested_tasks(Revision::r2025_11_25));
  EXPECT_FALSE(has_requested_tasks(Revision::r2026_07_28));
  EXPECT_TRUE(has_priming_event(Revision::r2025_11_25));
  EXPECT_FALSE(has_priming_event(Revision::r2025_06_18));
  EXPECT_EQ(unknown_id(Revision::r2025_06_18), UnknownId::null);
  EXPECT_EQ(unknown_id(Revision::r2026_07_28), UnknownId::absent);
  EXPECT_EQ(resource_not_found(Revision::r2025_11_25), -32002);
  EXPECT_EQ(resource_not_found(Revision::r2026_07_28), -32602);
}

TEST(Methods, EachNameIsToldApartHoweverItIsEscaped) {
  for (int i = 1; i <= static_cast<int>(Method::tasks_result); ++i) {
    const auto method = static_cast<Method>(i);
    ASSERT_FALSE(name_of(method).empty()) << i;
    EXPECT_EQ(method_named(name_of(method)), method);
  }
  EXPECT_EQ(method_of(JsonSpan(R"("tools\/call")")), Method::tools_call);
  EXPECT_EQ(method_of(JsonSpan(R"("tools/Call")")), Method::unknown);
  EXPECT_EQ(method_of(JsonSpan("17")), Method::unknown);
  EXPECT_EQ(method_of(JsonSpan()), Method::unknown);
}

TEST(Methods, WhatWasRemovedInOneFamilyIsUnknownThere) {
  using enum Method;
  for (const Method gone :
       {initialize, ping, logging_set_level, resources_subscribe, resources_unsubscribe, tasks_list, tasks_result}) {
    EXPECT_FALSE(has_method(Revision::r2026_07_28, gone)) << name_of(gone);
    EXPECT_TRUE(has_method(Revision::r2025_11_25, gone)) << name_of(gone);
  }
  for (const Method fresh : {server_discover, subscriptions_listen, tasks_update}) {
    EXPECT_TRUE(has_method(Revision::r2026_07_28, fresh)) << name_of(fresh);
    EXPECT_FALSE(has_method(Revision::r2025_11_25, fresh)) << name_of(fresh);
  }
  for (const Method task : {tasks_get, tasks_cancel, tasks_list, tasks_result}) {
    EXPECT_FALSE(has_method(Revision::r2025_06_18, task)) << name_of(task);
  }
  for (const Method lasting : {tools_list, tools_call, resources_read, prompts_get, completion_complete}) {
    EXPECT_TRUE(has_method(Revision::r2024_11_05, lasting) && has_method(Revision::r2026_07_28, lasting));
  }
  EXPECT_FALSE(has_method(Revision::r2026_07_28, unknown));
}

TEST(Methods, SixAreCacheableAndThreeMayAskForInput) {
  int cacheable = 0;
  int asking = 0;
  for (int i = 0; i <= static_cast<int>(Method::tasks_result); ++i) {
    cacheable += is_cacheable(static_cast<Method>(i)) ? 1 : 0;
    asking += may_ask_input(static_cast<Method>(i)) ? 1 : 0;
  }
  EXPECT_EQ(cacheable, 6);
  EXPECT_EQ(asking, 3);
}

}  // namespace
}  // namespace meantime::mcp
