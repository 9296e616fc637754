#include "net/detail/connection_places.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include "async/io_loop.h"
#include "async/spawn.h"
#include "net/detail/connection.h"

namespace sampan::net::detail {
namespace {

constexpr int kAnyDescriptor = 1'000'000;

class PlacesTest : public testing::Test {
 protected:
  struct Held {
    std::shared_ptr<ConnectionPlaces::Place> place;
    std::shared_ptr<Connection> connection;
    int peer = -1;
  };

  void Limit(size_t max, int max_descriptor = kAnyDescriptor) {
    places_ = std::make_shared<ConnectionPlaces>(max, max_descriptor);
  }

  // Whether a connection of `client` got a place; it does from then on what `stage` says.
  bool Enter(const std::string& client, Stage stage, int descriptor = 3) {
    auto place = places_->Take(client + ":1000", descriptor);
    if (place == nullptr) return false;
    SyncWait(loops_.at(0), Open(std::move(place), client, stage));
    return true;
  }
  Task<void> Open(std::shared_ptr<ConnectionPlaces::Place> place, std::string client, Stage stage) {
    int ends[2];
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
    auto connection = Connection::Create(loops_.at(0), ends[0]);
    place->Set(stage);
    places_->Attach(*place, connection);
    connection->SetLease(place);
    held_[client].push_back({nullptr, std::move(connection), ends[1]});
    co_return;
  }

  // How many of a client's connections are open, once all that was asked for has happened.
  size_t Open(const std::string& client) {
    size_t open = 0;
    SyncWait(loops_.at(0), Count(client, &open));
    return open;
  }
  Task<void> Count(std::string client, size_t* open) {
    for (Held& held : held_[client]) *open += held.connection->closed() ? 0 : 1;
    co_return;
  }
  Task<void> CloseAll() {
    for (auto& [client, all] : held_) {
      for (Held& held : all) {
        held.connection->Close();
        close(held.peer);
      }
    }
    held_.clear();
    co_return;
  }
  void TearDown() override { SyncWait(loops_.at(0), CloseAll()); }

  IoLoops loops_{1};
  std::shared_ptr<ConnectionPlaces> places_;
  std::map<std::string, std::vector<Held>> held_;
};

TEST_F(PlacesTest, AClientMayHaveHalfOfWhatOthersLeave) {
  Limit(100);
  for (int i = 0; i < 50; ++i) EXPECT_TRUE(Enter("10.0.0.1", Stage::kBusy)) << i;
  EXPECT_FALSE(Enter("10.0.0.1", Stage::kBusy));
  for (int i = 0; i < 25; ++i) EXPECT_TRUE(Enter("10.0.0.2", Stage::kBusy)) << i;
  EXPECT_FALSE(Enter("10.0.0.2", Stage::kBusy));
  EXPECT_TRUE(Enter("10.0.0.3", Stage::kBusy)) << "there is always something left";
}

TEST_F(PlacesTest, BeyondItsShareAClientLosesWhatDoesNothing) {
  Limit(20);
  for (int i = 0; i < 9; ++i) EXPECT_TRUE(Enter("10.0.0.1", i % 2 == 0 ? Stage::kBusy : Stage::kIdle));
  EXPECT_TRUE(Enter("10.0.0.1", Stage::kUnproven));
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(Enter("10.0.0.1", Stage::kBusy)) << i;
  EXPECT_EQ(Open("10.0.0.1"), 10U) << "one unproven and four idle ones made room";
  EXPECT_FALSE(Enter("10.0.0.1", Stage::kBusy)) << "what is busy stays";
  EXPECT_EQ(Open("10.0.0.1"), 10U);
}

TEST_F(PlacesTest, WhatWasOfUseStaysWhileWhatWasNotIsGoing) {
  Limit(20);
  EXPECT_TRUE(Enter("10.0.0.1", Stage::kIdle));
  for (int i = 0; i < 8; ++i) EXPECT_TRUE(Enter("10.0.0.1", Stage::kBusy));
  auto coming = places_->Take("10.0.0.1:1", 3);
  EXPECT_NE(coming, nullptr);
  EXPECT_EQ(places_->Take("10.0.0.1:2", 3), nullptr) << "the one that is just coming cannot be closed yet";
  EXPECT_EQ(Open("10.0.0.1"), 9U);
}

TEST_F(PlacesTest, WhoHasMostMakesRoomWhenDescriptorsRunOut) {
  Limit(1000, 500);
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(Enter("10.0.0.1", Stage::kIdle));
  EXPECT_TRUE(Enter("10.0.0.2", Stage::kIdle));
  EXPECT_TRUE(Enter("10.0.0.3", Stage::kBusy, 501));
  EXPECT_EQ(Open("10.0.0.1"), 9U);
  EXPECT_EQ(Open("10.0.0.2"), 1U);
  EXPECT_TRUE(places_->MakeRoom());
  EXPECT_EQ(Open("10.0.0.1"), 8U);
}

TEST_F(PlacesTest, NothingIsClosedForAPlaceThatIsThere) {
  Limit(20);
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(Enter("10.0.0.1", Stage::kIdle));
  EXPECT_TRUE(Enter("10.0.0.2", Stage::kIdle));
  EXPECT_EQ(Open("10.0.0.1"), 10U);
  EXPECT_EQ(places_->taken(), 11U);
}

TEST(ClientOf, AddressesAndNetworks) {
  EXPECT_EQ(ClientOf("10.0.0.1:4711"), "10.0.0.1");
  EXPECT_EQ(ClientOf("[2001:db8:0:1::7]:80"), ClientOf("[2001:db8:0:1:ffff::8]:81")) << "one network is one client";
  EXPECT_NE(ClientOf("[2001:db8:0:1::7]:80"), ClientOf("[2001:db8:0:2::7]:80"));
  EXPECT_EQ(ClientOf("[::ffff:10.0.0.1]:80"), "10.0.0.1");
}

}  // namespace
}  // namespace sampan::net::detail
