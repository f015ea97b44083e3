// SPDX-License-Identifier: MIT
#include "delivery/bare_curl.hpp"

#include <curl/curl.h>

#include <chrono>
#include <memory>
#include <stdexcept>

namespace meantime::bench {
namespace {

std::size_t drop(char*, std::size_t size, std::size_t count, void*) {
  return size * count;
}

// With the options of our own client (http/client_job.cpp), but for those that look at addresses.
CURL* make_post(const BarePosts& what, curl_slist* headers) {
  CURL* easy = curl_easy_init();
  if (easy == nullptr) throw std::runtime_error("libcurl gives no handle");
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_URL, what.url.c_str());
  curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, 10'000L);
  curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, 30'000L);
  curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
  curl_easy_setopt(easy, CURLOPT_POST, 1L);
  curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(what.body.size()));
  curl_easy_setopt(easy, CURLOPT_POSTFIELDS, what.body.c_str());
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, &drop);
  return easy;
}

}  // namespace

double bare_posts_per_second(const BarePosts& what) {
  curl_global_init(CURL_GLOBAL_DEFAULT);
  CURLM* multi = curl_multi_init();
  curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, static_cast<long>(what.at_once));
  curl_slist* headers = curl_slist_append(nullptr, "Expect:");
  for (const auto& [name, value] : what.headers) headers = curl_slist_append(headers, (name + ": " + value).c_str());
  std::vector<CURL*> handles;
  for (int i = 0; i < what.at_once; ++i) handles.push_back(make_post(what, headers));

  const auto from = std::chrono::steady_clock::now();
  std::int64_t begun = 0;
  std::int64_t ended = 0;
  bool good = true;
  for (CURL* easy : handles) {
    if (begun < what.posts && curl_multi_add_handle(multi, easy) == CURLM_OK) ++begun;
  }
  while (ended < what.posts && good) {
    int running = 0;
    curl_multi_perform(multi, &running);
    int left = 0;
    while (const CURLMsg* message = curl_multi_info_read(multi, &left)) {
      CURL* easy = message->easy_handle;
      long status = 0;
      curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
      good = good && message->data.result == CURLE_OK && status == 204;
      ++ended;
      curl_multi_remove_handle(multi, easy);
      if (begun < what.posts && curl_multi_add_handle(multi, easy) == CURLM_OK) ++begun;
    }
    if (ended < what.posts) curl_multi_poll(multi, nullptr, 0, begun > ended ? 1'000 : 0, nullptr);
  }
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - from).count();
  for (CURL* easy : handles) {
    curl_multi_remove_handle(multi, easy);
    curl_easy_cleanup(easy);
  }
  curl_slist_free_all(headers);
  curl_multi_cleanup(multi);
  if (!good) throw std::runtime_error("a bare post failed");
  return static_cast<double>(what.posts) / seconds;
}

}  // namespace meantime::bench
