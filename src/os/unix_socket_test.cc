#include "os/unix_socket.h"

#include <sys/socket.h>
#include <sys/un.h>

#include "os/fd.h"
#include "os/testing.h"

namespace sampan::os {
namespace {

TEST(ListenerOf, IsTheProcessThatListens) {
  TempDir directory;
  const std::string path = directory / "s";
  EXPECT_TRUE(ListenerOf(path).error().Is(Reason::kNotFound)) << "no file";
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  {
    Fd listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    ASSERT_EQ(::bind(listener.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    ASSERT_EQ(::listen(listener.get(), 1), 0);
    EXPECT_EQ(*ListenerOf(path), ::getpid());
  }
  EXPECT_TRUE(ListenerOf(path).error().Is(Reason::kNotFound)) << "a file that was left behind";
  EXPECT_TRUE(ListenerOf(std::string(200, 'x')).error().Is(Reason::kBadRequest));
}

}  // namespace
}  // namespace sampan::os
