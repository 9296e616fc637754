// Queries a second on one core: the answer from bytes to bytes, and through sockets.
#include <benchmark/benchmark.h>
#include <sys/socket.h>
#include <unistd.h>

#include "async/pool.h"
#include "async/spawn.h"
#include "dns/response.h"
#include "dns/server.h"

namespace sampan::dns {
namespace {

void Fill(Zone& zone, int services) {
  for (int ns = 0; ns < 100; ++ns) zone.AddNamespace(fmt::format("ns{}", ns));
  for (int i = 0; i < services; ++i) {
    IpAddress address = *IpAddress::Parse(fmt::format("10.96.{}.{}", i / 250, i % 250 + 1));
    zone.SetService(fmt::format("ns{}", i % 100), fmt::format("svc{}", i),
                    {.cluster_ips = {address}, .ports = {{"http", "tcp", 80}}});
  }
}

void AnswerFromZone(benchmark::State& state) {
  Zone zone({});
  Fill(zone, 10000);
  std::string message = *WriteQuery(1, "svc42.ns42.svc.cluster.local", Type::kA);
  Bytes bytes(reinterpret_cast<const uint8_t*>(message.data()), message.size());
  std::array<uint8_t, kMaxUdpSize> buffer;
  for (auto _ : state) {
    Query query;
    ParseQuery(bytes, query);
    ResponseWriter writer(buffer, query);
    Zone::Outcome outcome = zone.Answer(query, 0, writer);
    benchmark::DoNotOptimize(writer.Finish(outcome.rcode, ResponseWriter::Authority::kYes));
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(AnswerFromZone);

double CpuSeconds(clockid_t clock) {
  timespec now;
  ::clock_gettime(clock, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

// One client that keeps 64 queries on their way. Client and server share the machine's cores; `per_server_core` is what
// the server would do if it had one to itself.
void ThroughUdp(benchmark::State& state) {
  constexpr int kWindow = 64;
  Guarded<Zone> zone{ZoneOptions{}};
  Fill(*zone.Lock(), 10000);
  std::unique_ptr<Executor> pool = NewThreadPool("bench", 1);
  std::unique_ptr<Clock> clock = NewSystemClock();
  std::unique_ptr<Rng> rng = NewSeededRng(1);
  IoLoops loops(1, "dns");
  std::unique_ptr<Server> server = *Listen(loops.at(0), zone, *clock, *rng, {.port = 0});
  int client = ::socket(AF_INET, SOCK_DGRAM, 0);
  Upstream to = *Upstream::Parse(fmt::format("127.0.0.1:{}", server->port()));
  ::connect(client, reinterpret_cast<sockaddr*>(&to.address), to.length);
  std::string message = *WriteQuery(1, "svc42.ns42.svc.cluster.local", Type::kA);
  std::array<std::array<char, 1500>, kWindow> buffers;
  std::array<iovec, kWindow> sent_parts, received_parts;
  std::array<mmsghdr, kWindow> sent = {}, received = {};
  for (size_t i = 0; i < kWindow; ++i) {
    sent_parts[i] = {message.data(), message.size()};
    received_parts[i] = {buffers[i].data(), buffers[i].size()};
    sent[i].msg_hdr = {.msg_iov = &sent_parts[i], .msg_iovlen = 1};
    received[i].msg_hdr = {.msg_iov = &received_parts[i], .msg_iovlen = 1};
  }
  double process = CpuSeconds(CLOCK_PROCESS_CPUTIME_ID), own = CpuSeconds(CLOCK_THREAD_CPUTIME_ID);
  for (auto _ : state) {
    int out = ::sendmmsg(client, sent.data(), kWindow, 0);
    for (int in = 0; in < out;)
      in += std::max(0, ::recvmmsg(client, received.data(), static_cast<unsigned>(out - in), MSG_WAITFORONE, nullptr));
  }
  state.SetItemsProcessed(state.iterations() * kWindow);
  double server_seconds = CpuSeconds(CLOCK_PROCESS_CPUTIME_ID) - process - (CpuSeconds(CLOCK_THREAD_CPUTIME_ID) - own);
  state.counters["per_server_core"] = static_cast<double>(state.iterations()) * kWindow / server_seconds;
  ::close(client);
  SyncWait(*pool, server->Stop());
}
BENCHMARK(ThroughUdp)->UseRealTime();

}  // namespace
}  // namespace sampan::dns
