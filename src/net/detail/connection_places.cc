#include "net/detail/connection_places.h"

#include <arpa/inet.h>

#include <algorithm>

#include "net/detail/connection.h"

namespace sampan::net::detail {

void ConnectionPlaces::Place::Set(Stage stage) {
  Stage now = stage_.load(std::memory_order_relaxed);
  // One that is being closed stays so.
  while (now != Stage::kClosing && !stage_.compare_exchange_weak(now, stage, std::memory_order_relaxed)) {
  }
}

ConnectionPlaces::Client* ConnectionPlaces::Greediest() {
  auto most = std::ranges::max_element(clients_, {}, [](const auto& entry) { return entry.second.open(); });
  return most == clients_.end() ? nullptr : &most->second;
}

bool ConnectionPlaces::CloseOneOf(Client* client, const Place* asking) {
  if (client == nullptr) return false;
  bool coming = false;
  for (Stage wanted : {Stage::kUnproven, Stage::kIdle}) {
    // Those that prove nothing are many when somebody takes all places: while some of them go, or are just coming, nobody
    // loses a connection that was of use.
    if (wanted == Stage::kIdle && (client->closing > 0 || coming)) return false;
    for (size_t looked = 0; looked < client->places.size(); ++looked) {
      Place& place = *client->places[client->next++ % client->places.size()];
      Stage stage = wanted;
      if (place.loop_ == nullptr && &place != asking) coming = true;
      if (place.loop_ == nullptr || !place.stage_.compare_exchange_strong(stage, Stage::kClosing)) continue;
      ++client->closing;
      ++closing_;
      place.loop_->Post([weak = place.connection_] {
        if (std::shared_ptr<Connection> connection = weak.lock()) connection->Close();
      });
      return true;
    }
  }
  return false;
}

std::shared_ptr<ConnectionPlaces::Place> ConnectionPlaces::Take(const std::string& address, int descriptor) {
  auto place = std::make_shared<Place>(shared_from_this(), ClientOf(address));
  std::lock_guard lock(mutex_);
  Client& client = clients_[place->client_];
  place->index_ = client.places.size();
  client.places.push_back(place.get());
  size_t taken = taken_.fetch_add(1, std::memory_order_relaxed) + 1;
  size_t open = taken - closing_;
  size_t others = std::min(open - client.open(), max_);
  bool beyond_share = client.open() > std::max<size_t>((max_ - others) / 2, 1);
  bool full = open > max_ || descriptor > max_descriptor_;
  bool granted = true;
  if (beyond_share) {
    granted = CloseOneOf(&client, place.get());
  } else if (full) {
    granted = CloseOneOf(Greediest(), place.get());
  }
  return granted ? place : nullptr;
}

void ConnectionPlaces::Attach(Place& place, const std::shared_ptr<Connection>& connection) {
  std::lock_guard lock(mutex_);
  place.connection_ = connection;
  place.loop_ = &connection->loop();
}

bool ConnectionPlaces::MakeRoom() {
  std::lock_guard lock(mutex_);
  return CloseOneOf(Greediest(), nullptr);
}

void ConnectionPlaces::Return(Place& place) {
  std::lock_guard lock(mutex_);
  auto found = clients_.find(place.client_);
  Client& client = found->second;
  if (place.stage_.load() == Stage::kClosing) {
    --client.closing;
    --closing_;
  }
  client.places.back()->index_ = place.index_;
  std::swap(client.places[place.index_], client.places.back());
  client.places.pop_back();
  if (client.places.empty()) clients_.erase(found);
  taken_.fetch_sub(1, std::memory_order_relaxed);
}

std::string ClientOf(const std::string& address) {
  std::string host = address.substr(0, address.rfind(':'));
  if (!host.starts_with('[')) return host;
  std::string text = host.substr(1, host.size() - 2);
  in6_addr v6;
  if (inet_pton(AF_INET6, text.c_str(), &v6) != 1) return host;
  if (IN6_IS_ADDR_V4MAPPED(&v6)) return text.substr(text.rfind(':') + 1);
  std::fill(v6.s6_addr + 8, v6.s6_addr + 16, 0);
  char network[INET6_ADDRSTRLEN] = {};
  inet_ntop(AF_INET6, &v6, network, sizeof(network));
  return network;
}

}  // namespace sampan::net::detail
