// What the module's tests share: loops, certificates, a server and a client that trusts it.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>

#include "async/io_loop.h"
#include "async/spawn.h"
#include "net/client.h"
#include "net/pki.h"
#include "net/server.h"

namespace sampan::net {

struct TestPki {
  KeyPair ca, server, client;

  static const TestPki& Get() {
    static const TestPki pki = [] {
      WallTime now = std::chrono::system_clock::now() - std::chrono::hours(1);
      TestPki made;
      made.ca = *NewCertificateAuthority("test-ca", now, std::chrono::days(2));
      made.server = *IssueCertificate(
          made.ca, {.common_name = "server", .dns_names = {"localhost"}, .ip_addresses = {"127.0.0.1"}, .not_before = now});
      made.client = *IssueCertificate(
          made.ca,
          {.common_name = "admin", .organizations = {"system:masters"}, .use = CertificateUse::kClient, .not_before = now});
      return made;
    }();
    return pki;
  }
};

class NetTest : public testing::Test {
 protected:
  void Serve(Handler handler, ServerOptions options = {}) {
    const TestPki& pki = TestPki::Get();
    options.address = "127.0.0.1";
    if (tls_) {
      options.tls = std::make_shared<TlsServerOptions>(
          TlsServerOptions{pki.server.certificate_pem, pki.server.key_pem, pki.ca.certificate_pem});
    }
    auto server = Listen(loops_, std::move(options), std::move(handler));
    ASSERT_TRUE(server) << server.error().message();
    server_ = *std::move(server);
    client_ = MakeClient(true);
  }

  std::unique_ptr<Client> MakeClient(bool with_certificate) {
    const TestPki& pki = TestPki::Get();
    ClientOptions options{.host = "127.0.0.1", .port = server_->port()};
    if (tls_) {
      auto tls = std::make_shared<TlsClientOptions>();
      tls->ca_pem = pki.ca.certificate_pem;
      if (with_certificate) {
        tls->certificate_pem = pki.client.certificate_pem;
        tls->key_pem = pki.client.key_pem;
      }
      options.tls = tls;
    }
    return NewClient(loops_, std::move(options));
  }

  template <class T>
  T Wait(Task<T> task) {
    return SyncWait(loops_.at(0), std::move(task));
  }
  void Wait(Task<void> task) { SyncWait(loops_.at(0), std::move(task)); }

  struct Answer {
    int status = 0;
    std::string body;
    Headers headers;
  };
  static Task<Result<Answer>> Fetch(Client* client, ClientRequest request) {
    CO_TRY(auto response, co_await client->Send(std::move(request)));
    Answer answer{response->status(), {}, response->headers()};
    CO_TRY(answer.body, co_await response->ReadAll(1 << 30));
    co_return answer;
  }
  Answer Get(std::string target) {
    ClientRequest request;
    request.target = std::move(target);
    auto answer = Wait(Fetch(client_.get(), std::move(request)));
    EXPECT_TRUE(answer) << answer.error().message();
    return answer ? *answer : Answer{};
  }

  // Sends bytes as they are over plain TCP and returns all that comes back until the server closes.
  static Task<Result<std::string>> RawExchange(IoLoops* loops, uint16_t port, std::string bytes) {
    CO_TRY(auto stream, co_await ConnectTcp(*loops, "127.0.0.1", port, std::chrono::seconds(5)));
    CO_TRY_VOID(co_await stream->Write(bytes));
    std::string all;
    std::array<char, 4096> buffer;
    while (true) {
      CO_TRY(size_t length, co_await stream->Read(buffer));
      if (length == 0) co_return all;
      all.append(buffer.data(), length);
    }
  }

  bool tls_ = true;
  IoLoops loops_{2};
  std::unique_ptr<Server> server_;
  std::unique_ptr<Client> client_;
};

}  // namespace sampan::net
