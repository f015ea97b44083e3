// SPDX-License-Identifier: MIT
// client_job.hpp: one transfer as libcurl sees it. On curl's thread only.
#pragma once

#include <curl/curl.h>

#include <array>
#include <memory>
#include <string>

#include "http/client_thread.hpp"

namespace meantime::http {

class ClientThread::Job {
 public:
  /// `easy`: a handle that nobody else uses, without options of its own; null: there was no memory for one.
  Job(std::shared_ptr<Transfer> transfer, CURL* easy);
  Job(const Job&) = delete;
  Job& operator=(const Job&) = delete;
  ~Job();

  /// Ready to be added to a multi handle; as given, for the next job, once this one is destroyed.
  [[nodiscard]] CURL* easy() const noexcept { return easy_; }
  [[nodiscard]] Transfer& transfer() const noexcept { return *transfer_; }
  /// Curl is done with it: hands over what is left and the end.
  void finish(CURLcode code);

 private:
  void set_request();
  void set_headers();
  std::size_t take_header(std::string_view line);
  std::size_t take_body(std::string_view bytes);
  void send_head();
  [[nodiscard]] Error error_of(CURLcode code) const;

  static std::size_t on_header(char* data, std::size_t size, std::size_t count, void* job);
  static std::size_t on_body(char* data, std::size_t size, std::size_t count, void* job);
  static curl_socket_t on_socket(void* job, curlsocktype purpose, curl_sockaddr* address);
  static int on_connected(void* job, char* remote, char* local, int remote_port, int local_port);

  std::shared_ptr<Transfer> transfer_;
  CURL* easy_;
  curl_slist* headers_ = nullptr;
  std::array<char, CURL_ERROR_SIZE> said_{};
  ResponseHead head_;
  std::size_t received_ = 0;
  bool head_sent_ = false;
  bool too_big_ = false;
  bool bad_status_ = false;
  bool forbidden_ = false;
  bool handed_over_ = false;  // to a connection
  bool again_ = false;        // and would have been to another
};

}  // namespace meantime::http
