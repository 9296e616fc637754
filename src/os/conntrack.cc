#include "os/conntrack.h"

#include <arpa/inet.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <netlink/attr.h>
#include <netlink/errno.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>

#include "os/netlink_internal.h"
#include "os/proc.h"

namespace sampan::os {

namespace {

constexpr int kCapNetAdmin = 12;

using NlSocket = std::unique_ptr<nl_sock, Freer<nl_socket_free>>;
using NlMessage = std::unique_ptr<nl_msg, Freer<nlmsg_free>>;

struct Tuple {
  uint8_t protocol = 0;
  std::string source, destination;
  uint16_t source_port = 0, destination_port = 0;
};

std::string AddressOf(nlattr* v4, nlattr* v6) {
  char text[INET6_ADDRSTRLEN] = "";
  if (v4 != nullptr) ::inet_ntop(AF_INET, ::nla_data(v4), text, sizeof text);
  if (v6 != nullptr) ::inet_ntop(AF_INET6, ::nla_data(v6), text, sizeof text);
  return text;
}

Tuple ParseTuple(nlattr* attribute) {
  Tuple tuple;
  nlattr* parts[CTA_TUPLE_MAX + 1] = {};
  if (attribute == nullptr || ::nla_parse_nested(parts, CTA_TUPLE_MAX, attribute, nullptr) < 0) return tuple;
  nlattr* ip[CTA_IP_MAX + 1] = {};
  if (parts[CTA_TUPLE_IP] != nullptr && ::nla_parse_nested(ip, CTA_IP_MAX, parts[CTA_TUPLE_IP], nullptr) == 0) {
    tuple.source = AddressOf(ip[CTA_IP_V4_SRC], ip[CTA_IP_V6_SRC]);
    tuple.destination = AddressOf(ip[CTA_IP_V4_DST], ip[CTA_IP_V6_DST]);
  }
  nlattr* proto[CTA_PROTO_MAX + 1] = {};
  if (parts[CTA_TUPLE_PROTO] != nullptr && ::nla_parse_nested(proto, CTA_PROTO_MAX, parts[CTA_TUPLE_PROTO], nullptr) == 0) {
    if (proto[CTA_PROTO_NUM] != nullptr) tuple.protocol = ::nla_get_u8(proto[CTA_PROTO_NUM]);
    if (proto[CTA_PROTO_SRC_PORT] != nullptr) tuple.source_port = ntohs(::nla_get_u16(proto[CTA_PROTO_SRC_PORT]));
    if (proto[CTA_PROTO_DST_PORT] != nullptr) tuple.destination_port = ntohs(::nla_get_u16(proto[CTA_PROTO_DST_PORT]));
  }
  return tuple;
}

NlMessage NewMessage(int type, int flags, uint8_t family) {
  NlMessage message(::nlmsg_alloc_simple(NFNL_SUBSYS_CTNETLINK << 8 | type, flags));
  nfgenmsg header{.nfgen_family = family, .version = NFNETLINK_V0, .res_id = 0};
  ::nlmsg_append(message.get(), &header, sizeof header, NLMSG_ALIGNTO);
  return message;
}

// What a dump gathers: the original tuples, as the kernel wrote them, of the flows to delete.
struct Dump {
  uint8_t protocol;
  const std::function<bool(const Flow&)>* doomed;
  std::vector<std::string> tuples;
};

int OnFlow(nl_msg* message, void* argument) {
  auto* dump = static_cast<Dump*>(argument);
  nlattr* attributes[CTA_MAX + 1] = {};
  if (::nlmsg_parse(::nlmsg_hdr(message), sizeof(nfgenmsg), attributes, CTA_MAX, nullptr) < 0) return NL_OK;
  nlattr* original = attributes[CTA_TUPLE_ORIG];
  if (original == nullptr) return NL_OK;
  Tuple first = ParseTuple(original);
  if (first.protocol != dump->protocol) return NL_OK;
  Tuple reply = ParseTuple(attributes[CTA_TUPLE_REPLY]);
  Flow flow{.protocol = first.protocol,
            .source = std::move(first.source),
            .destination = std::move(first.destination),
            .source_port = first.source_port,
            .destination_port = first.destination_port,
            .reply_source = std::move(reply.source),
            .reply_source_port = reply.source_port};
  if ((*dump->doomed)(flow)) {
    dump->tuples.emplace_back(static_cast<const char*>(::nla_data(original)), static_cast<size_t>(::nla_len(original)));
  }
  return NL_OK;
}

class NetlinkConntrack final : public Conntrack {
 public:
  Result<size_t> Delete(uint8_t protocol, const std::function<bool(const Flow&)>& doomed) override {
    NlSocket socket(::nl_socket_alloc());
    int code = ::nl_connect(socket.get(), NETLINK_NETFILTER);
    if (code < 0) return Fail(NlError(code, "open a netfilter socket"));
    size_t deleted = 0;
    for (uint8_t family : {AF_INET, AF_INET6}) {
      Dump dump{protocol, &doomed, {}};
      TRY_VOID(List(socket.get(), family, dump));
      for (const std::string& tuple : dump.tuples) {
        TRY_VOID(DeleteOne(socket.get(), family, tuple));
        ++deleted;
      }
    }
    return deleted;
  }

 private:
  static Result<void> List(nl_sock* socket, uint8_t family, Dump& dump) {
    NlMessage request = NewMessage(IPCTNL_MSG_CT_GET, NLM_F_REQUEST | NLM_F_DUMP, family);
    ::nl_socket_modify_cb(socket, NL_CB_VALID, NL_CB_CUSTOM, OnFlow, &dump);
    int code = ::nl_send_auto(socket, request.get());
    if (code >= 0) code = ::nl_recvmsgs_default(socket);
    if (code < 0) return Fail(NlError(code, "list tracked connections"));
    return {};
  }

  static Result<void> DeleteOne(nl_sock* socket, uint8_t family, const std::string& tuple) {
    NlMessage request = NewMessage(IPCTNL_MSG_CT_DELETE, NLM_F_REQUEST | NLM_F_ACK, family);
    ::nla_put(request.get(), CTA_TUPLE_ORIG | NLA_F_NESTED, static_cast<int>(tuple.size()), tuple.data());
    int code = ::nl_send_auto(socket, request.get());
    if (code >= 0) code = ::nl_wait_for_ack(socket);
    // It may have timed out by itself since.
    if (code < 0 && code != -NLE_OBJ_NOTFOUND) return Fail(NlError(code, "delete a tracked connection"));
    return {};
  }
};

}  // namespace

Result<std::unique_ptr<Conntrack>> NewConntrack() {
  if (!HasCapability(kCapNetAdmin)) return Fail(Error::Forbidden("changing tracked connections needs CAP_NET_ADMIN"));
  return std::make_unique<NetlinkConntrack>();
}

}  // namespace sampan::os
