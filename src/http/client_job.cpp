// SPDX-License-Identifier: MIT
#include "http/client_job.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <utility>

#include "http/addresses.hpp"
#include "http/request.hpp"

namespace meantime::http {
namespace {

template <class Value>
void set(CURL* easy, CURLoption option, Value value) {
  // Options fail only when libcurl was built without them, which the transfer's own error then tells.
  curl_easy_setopt(easy, option, value);
}

std::string host_of(const std::string& url) {
  std::unique_ptr<CURLU, decltype(&curl_url_cleanup)> parsed(curl_url(), curl_url_cleanup);
  char* host = nullptr;
  if (curl_url_set(parsed.get(), CURLUPART_URL, url.c_str(), 0) != CURLUE_OK ||
      curl_url_get(parsed.get(), CURLUPART_HOST, &host, 0) != CURLUE_OK)
    return "the server";
  std::string text = "'" + std::string(host) + "'";
  curl_free(host);
  return text;
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; });
  return out;
}

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r\n");
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

// Three digits, and then nothing of the same word: newer versions of libcurl pass over what follows them.
bool has_status(std::string_view line) {
  const auto at = std::min(line.find(' '), line.size() - 1) + 1;
  const std::string_view word = line.substr(at, line.find_first_of(" \r\n", at) - at);
  return word.size() == 3 && word.find_first_not_of("0123456789") == word.npos;
}

}  // namespace

ClientThread::Job::Job(std::shared_ptr<Transfer> transfer, CURL* easy) : transfer_(std::move(transfer)), easy_(easy) {
  if (easy_ == nullptr) return;
  set_request();
  set_headers();
}

ClientThread::Job::~Job() {
  // Nothing of this object is known to the handle any more.
  if (easy_ != nullptr) curl_easy_reset(easy_);
  curl_slist_free_all(headers_);
}

void ClientThread::Job::set_request() {
  const ClientRequest& request = transfer_->request;
  set(easy_, CURLOPT_PRIVATE, static_cast<void*>(transfer_.get()));
  set(easy_, CURLOPT_ERRORBUFFER, said_.data());
  set(easy_, CURLOPT_NOSIGNAL, 1L);
  set(easy_, CURLOPT_URL, request.url.c_str());
  set(easy_, CURLOPT_PROTOCOLS_STR, "http,https");
  set(easy_, CURLOPT_REDIR_PROTOCOLS_STR, request.url.starts_with("https:") ? "https" : "http,https");
  set(easy_, CURLOPT_FOLLOWLOCATION, request.follow_redirects > 0 ? 1L : 0L);
  set(easy_, CURLOPT_MAXREDIRS, static_cast<long>(std::max(request.follow_redirects, 0)));
  set(easy_, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  set(easy_, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(request.connect_timeout.count()));
  set(easy_, CURLOPT_TIMEOUT_MS, static_cast<long>(request.total_timeout.count()));
  if (request.idle_timeout.count() > 0) {
    set(easy_, CURLOPT_LOW_SPEED_LIMIT, 1L);
    set(easy_, CURLOPT_LOW_SPEED_TIME, static_cast<long>((request.idle_timeout.count() + 999) / 1000));
  }
  set(easy_, CURLOPT_TCP_KEEPALIVE, 1L);
  set(easy_, CURLOPT_SSL_VERIFYPEER, request.verify ? 1L : 0L);
  set(easy_, CURLOPT_SSL_VERIFYHOST, request.verify ? 2L : 0L);
  set(easy_, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  if (!request.ca_file.empty()) set(easy_, CURLOPT_CAINFO, request.ca_file.c_str());
  if (!request.certificate_file.empty()) {
    set(easy_, CURLOPT_SSLCERT, request.certificate_file.c_str());
    set(easy_, CURLOPT_SSLKEY, request.key_file.c_str());
  }
  if (!request.unix_socket.empty()) set(easy_, CURLOPT_UNIX_SOCKET_PATH, request.unix_socket.c_str());
  const bool public_only = request.addresses == Addresses::public_only;
  if (!request.use_proxy || public_only) set(easy_, CURLOPT_PROXY, "");
  if (public_only) {
    set(easy_, CURLOPT_OPENSOCKETFUNCTION, &Job::on_socket);
    set(easy_, CURLOPT_OPENSOCKETDATA, static_cast<void*>(this));
  }
  // A connection that another request opened may be used again: its address is looked at, too.
  if (public_only || request.only_once) {
    set(easy_, CURLOPT_PREREQFUNCTION, &Job::on_connected);
    set(easy_, CURLOPT_PREREQDATA, static_cast<void*>(this));
  }
  set(easy_, CURLOPT_HEADERFUNCTION, &Job::on_header);
  set(easy_, CURLOPT_HEADERDATA, static_cast<void*>(this));
  set(easy_, CURLOPT_WRITEFUNCTION, &Job::on_body);
  set(easy_, CURLOPT_WRITEDATA, static_cast<void*>(this));

  const std::string& method = request.method;
  const bool has_body = !request.body.empty() || method == "POST" || method == "PUT" || method == "PATCH";
  if (has_body) {
    set(easy_, CURLOPT_POST, 1L);
    set(easy_, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
    set(easy_, CURLOPT_POSTFIELDS, request.body.c_str());
  }
  if (method == "HEAD") {
    set(easy_, CURLOPT_NOBODY, 1L);
  } else if (method != (has_body ? "POST" : "GET")) {
    set(easy_, CURLOPT_CUSTOMREQUEST, method.c_str());
  }
}

void ClientThread::Job::set_headers() {
  bool has_type = false;
  const auto add = [this](const std::string& line) {
    if (curl_slist* longer = curl_slist_append(headers_, line.c_str())) headers_ = longer;
  };
  for (const auto& [name, value] : transfer_->request.headers) {
    has_type = has_type || equal_names(name, "content-type");
    std::string line = name;
    line += value.empty() ? ";" : ": ";
    line += value;
    add(line);
  }
  add("Expect:");  // the answer to it would cost a round trip
  if (!has_type) add("Content-Type:");
  set(easy_, CURLOPT_HTTPHEADER, headers_);
}

std::size_t ClientThread::Job::on_header(char* data, std::size_t size, std::size_t count, void* job) {
  return static_cast<Job*>(job)->take_header({data, size * count});
}

std::size_t ClientThread::Job::on_body(char* data, std::size_t size, std::size_t count, void* job) {
  return static_cast<Job*>(job)->take_body({data, size * count});
}

curl_socket_t ClientThread::Job::on_socket(void* job, curlsocktype, curl_sockaddr* address) {
  if (!is_public(address->addr)) {
    static_cast<Job*>(job)->forbidden_ = true;
    return CURL_SOCKET_BAD;
  }
  return ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

int ClientThread::Job::on_connected(void* job, char* remote, char*, int, int) {
  Job& self = *static_cast<Job*>(job);
  const ClientRequest& request = self.transfer_->request;
  if (request.addresses == Addresses::public_only && (remote == nullptr || !is_public(std::string(remote)))) {
    self.forbidden_ = true;
    return CURL_PREREQFUNC_ABORT;
  }
  // libcurl has no option for it, but asks here before each time that it sends.
  self.again_ = std::exchange(self.handed_over_, true) && request.only_once && request.follow_redirects == 0;
  return self.again_ ? CURL_PREREQFUNC_ABORT : CURL_PREREQFUNC_OK;
}

std::size_t ClientThread::Job::take_header(std::string_view line) {
  if (head_sent_) return line.size();  // trailers
  if (line.starts_with("HTTP/")) {
    head_ = {};  // of a redirect, or after "100 Continue"
    bad_status_ = !has_status(line);
    return bad_status_ ? CURL_WRITEFUNC_ERROR : line.size();
  }
  const std::string_view text = trimmed(line);
  if (text.empty()) {
    long status = 0;
    curl_easy_getinfo(easy_, CURLINFO_RESPONSE_CODE, &status);
    head_.status = static_cast<int>(status);
    const bool goes_on = status < 200 || (transfer_->request.follow_redirects > 0 && status >= 300 && status < 400 &&
                                          head_.header("location").has_value());
    if (!goes_on) send_head();
    return line.size();
  }
  const auto colon = text.find(':');
  if (colon == text.npos) return line.size();
  head_.headers.emplace_back(lower(text.substr(0, colon)), trimmed(text.substr(colon + 1)));
  return line.size();
}

void ClientThread::Job::send_head() {
  if (std::exchange(head_sent_, true)) return;
  char* url = nullptr;
  curl_easy_getinfo(easy_, CURLINFO_EFFECTIVE_URL, &url);
  if (url != nullptr) head_.url = url;
  transfer_->put_head(std::move(head_));
}

std::size_t ClientThread::Job::take_body(std::string_view bytes) {
  if (!head_sent_) return bytes.size();  // of a redirect
  received_ += bytes.size();
  if (!transfer_->streams && received_ > transfer_->request.max_body) {
    too_big_ = true;
    return CURL_WRITEFUNC_ERROR;
  }
  if (!transfer_->put_body(bytes)) {
    received_ -= bytes.size();  // they come again
    return CURL_WRITEFUNC_PAUSE;
  }
  return bytes.size();
}

void ClientThread::Job::finish(CURLcode code) {
  if (code != CURLE_OK) return transfer_->put_end(std::unexpected(error_of(code)));
  send_head();
  transfer_->put_end({});
}

Error ClientThread::Job::error_of(CURLcode code) const {
  const ClientRequest& request = transfer_->request;
  const std::string host = host_of(request.url);
  std::string said = said_[0] != '\0' ? said_.data() : curl_easy_strerror(code);
  // Who must not ask twice needs to know whether anything of the request has left.
  long left = 0;
  curl_easy_getinfo(easy_, CURLINFO_REQUEST_SIZE, &left);
  const std::string op = left == 0 && !again_ ? "http.connect" : "http.client";
  const auto error = [&op](errc kind, std::string detail) { return Error{kind, op, std::move(detail), {}}; };
  if (too_big_) {
    return error(errc::overloaded, "the answer of " + host + " is bigger than the " + std::to_string(request.max_body) +
                                       " bytes that are allowed");
  }
  if (bad_status_) return error(errc::unavailable, host + " answers with something that is not HTTP: no status");
  if (forbidden_)
    return error(errc::invalid_argument, host + " has an address that is not public: such a place may not be called");
  if (again_) return error(errc::unavailable, "the connection to " + host + " broke before it answered");
  switch (code) {
    case CURLE_URL_MALFORMAT:
      return error(errc::invalid_argument, "the URL cannot be used (it must be http:// or https://): " + said);
    case CURLE_OPERATION_TIMEDOUT:
      return error(errc::timed_out, host + " took too long: " + said);
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
      return error(errc::unavailable, "the host is not known (check its name and the DNS): " + said);
    case CURLE_COULDNT_CONNECT:
      return error(errc::unavailable, "cannot connect to " + host + " (does it run there?): " + said);
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_CIPHER:
      return error(
          errc::unavailable,
          "TLS with " + host + " failed (is its certificate for that name, and its authority known?): " + said);
    case CURLE_TOO_MANY_REDIRECTS:
      return error(errc::unavailable, host + " sends us on too often: " + said);
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_UNSUPPORTED_PROTOCOL:  // the request's own was checked before
    case CURLE_BAD_CONTENT_ENCODING:
      return error(errc::unavailable,
                   host + " answers with something that is not HTTP, or sends us to such a place: " + said);
    default:
      return error(errc::unavailable, "the connection to " + host + " broke: " + said);
  }
}

}  // namespace meantime::http
