// Who holds a server's connections, so that no client can hold all of them.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

namespace sampan {
class IoLoop;
}

namespace sampan::net::detail {

class Connection;

// What a connection is doing, and so how little it costs its client to lose it: the first are closed first.
enum class Stage : unsigned char {
  kUnproven,  // in its handshake or its first head, or its answer is on the way to a client that still sends
  kIdle,      // between two requests
  kBusy,      // never closed for another's sake
  kClosing,
};

// Thread-safe. A client is an address, or a network of 64 bits in IPv6.
class ConnectionPlaces : public std::enable_shared_from_this<ConnectionPlaces> {
 public:
  // `max` connections; no descriptor beyond `max_descriptor` is used, for the rest of the process needs some as well.
  ConnectionPlaces(size_t max, int max_descriptor) : max_(max), max_descriptor_(max_descriptor) {}

  // One connection's place, given back by its destructor.
  class Place {
   public:
    Place(std::shared_ptr<ConnectionPlaces> places, std::string client)
        : places_(std::move(places)), client_(std::move(client)) {}
    ~Place() { places_->Return(*this); }
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;

    // From the connection's loop.
    void Set(Stage stage);

   private:
    friend class ConnectionPlaces;
    std::shared_ptr<ConnectionPlaces> places_;
    const std::string client_;
    std::atomic<Stage> stage_{Stage::kUnproven};
    // By the mutex. The last owner of a connection is on its loop: nothing here keeps one.
    std::weak_ptr<Connection> connection_;
    IoLoop* loop_ = nullptr;
    size_t index_ = 0;  // in its client's list
  };

  // A place for a connection that was accepted as `descriptor`; null when there is none. A client may have half of what the
  // others leave; beyond that, or when nothing is left at all, one that does nothing is closed: its own, or one of the
  // client that has most.
  std::shared_ptr<Place> Take(const std::string& address, int descriptor);
  // What is closed when the place is needed.
  void Attach(Place& place, const std::shared_ptr<Connection>& connection);
  // Closes what does nothing of the client that has most; false when there is none.
  bool MakeRoom();

  size_t taken() const { return taken_.load(std::memory_order_relaxed); }

 private:
  struct Client {
    std::vector<Place*> places;
    size_t closing = 0;
    size_t next = 0;  // where the search for one to close goes on
    size_t open() const { return places.size() - closing; }
  };
  void Return(Place& place);
  Client* Greediest();
  bool CloseOneOf(Client* client, const Place* asking);

  const size_t max_;
  const int max_descriptor_;
  std::atomic<size_t> taken_{0};
  std::mutex mutex_;  // guards what follows
  std::unordered_map<std::string, Client> clients_;
  size_t closing_ = 0;
};

// "10.0.0.1" of "10.0.0.1:4711", "2001:db8:0:1" of "[2001:db8:0:1::7]:80".
std::string ClientOf(const std::string& address);

}  // namespace sampan::net::detail
