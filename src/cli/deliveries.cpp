// SPDX-License-Identifier: MIT
// deliveries.cpp: `meantime deliveries`: what was sent, what waits, what was given up; and `deliveries replay`.
#include <unistd.h>

#include "cli/commands.hpp"
#include "cli/exit_code.hpp"
#include "cli/show/delivery_text.hpp"
#include "cli/view.hpp"

namespace meantime::cli {
namespace {

Task<int> list(View& view, const DeliveriesArguments& arguments) {
  DeliveryQuery query{.owner = arguments.view.owner,
                      .destination = arguments.destination,
                      .states = arguments.states,
                      .limit = arguments.limit,
                      .cursor = arguments.cursor};
  if (!arguments.task.empty()) {
    auto record = co_await view.resolve(arguments.task);
    if (!record) co_return view.report(record.error(), arguments.task);
    query.task_id = record->task_id;
  }
  const auto page = co_await view.store().outbox().list_deliveries(std::move(query));
  if (!page) co_return view.report(page.error());
  if (arguments.view.json) {
    co_return print(delivery_list_json(*page) + "\n") ? exit_code::ok : exit_code::failure;
  }
  std::string text;
  if (arguments.view.quiet) {
    for (const Delivery& each : page->deliveries) text += each.id.text() + "\n";
  } else if (!page->deliveries.empty()) {
    text = delivery_table(page->deliveries, view.wall_now(), Paint(STDOUT_FILENO));
  }
  if (!print(text)) co_return exit_code::failure;
  if (!arguments.view.quiet && page->deliveries.empty()) complain("no deliveries");
  if (!arguments.view.quiet && !page->next_cursor.empty()) {
    complain("more: meantime deliveries --cursor " + page->next_cursor);
  }
  co_return exit_code::ok;
}

Task<int> replay(View& view, const DeliveriesArguments& arguments) {
  const auto id = DeliveryId::parse(arguments.replay);
  if (!id) co_return view.report(id.error());
  if (arguments.view.owner) {
    const auto record = co_await view.find(id->task_id);
    if (!record) co_return view.report(record.error(), id->task_id.text());
  }
  if (auto again = co_await view.store().outbox().replay(*id); !again) co_return view.report(again.error());
  const auto page = co_await view.store().outbox().find_delivery(*id);
  if (arguments.view.json && page) {
    co_return print(delivery_list_json({.deliveries = {*page}, .next_cursor = {}}) + "\n") ? exit_code::ok
                                                                                           : exit_code::failure;
  }
  if (!arguments.view.quiet) complain("delivery " + id->text() + " is sent again");
  co_return exit_code::ok;
}

}  // namespace

int deliveries_command(const DeliveriesArguments& arguments) {
  View view(arguments.view);
  return view.run([&] { return arguments.replay.empty() ? list(view, arguments) : replay(view, arguments); });
}

}  // namespace meantime::cli
