// libnl's objects as owners; for netlink*.cc only.
#pragma once

#include <netlink/addr.h>
#include <netlink/cache.h>
#include <netlink/errno.h>
#include <netlink/netlink.h>
#include <netlink/route/addr.h>
#include <netlink/route/link.h>
#include <netlink/route/neighbour.h>
#include <netlink/route/route.h>

#include <functional>
#include <memory>
#include <string>

#include "base/error.h"

namespace sampan::os {

template <auto kFree>
struct Freer {
  template <class T>
  void operator()(T* object) const {
    kFree(object);
  }
};
using NlAddr = std::unique_ptr<nl_addr, Freer<nl_addr_put>>;
using NlCache = std::unique_ptr<nl_cache, Freer<nl_cache_free>>;
using NlLink = std::unique_ptr<rtnl_link, Freer<rtnl_link_put>>;
using NlRtAddr = std::unique_ptr<rtnl_addr, Freer<rtnl_addr_put>>;
using NlRoute = std::unique_ptr<rtnl_route, Freer<rtnl_route_put>>;
using NlNeigh = std::unique_ptr<rtnl_neigh, Freer<rtnl_neigh_put>>;

Error NlError(int code, std::string_view what);  // of a negative return value of libnl
// Fails with BadRequest when `text` is no address (or prefix) of the family; AF_UNSPEC takes any.
Result<NlAddr> ParseNlAddr(const std::string& text, int family);
std::string FormatNlAddr(const nl_addr* address);  // without a prefix length; "" for null
void ForEach(nl_cache* cache, const std::function<void(nl_object*)>& visit);

}  // namespace sampan::os
