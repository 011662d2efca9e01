#include <arpa/inet.h>
#include <linux/filter.h>
#include <linux/if_alg.h>
#include <linux/netlink.h>
#include <linux/vm_sockets.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <initializer_list>

#include "attack/probe/probe.h"

namespace moat::attack::inside {
namespace {

Verdict Make(int family, int type, int protocol, const char* what) { return Failed(socket(family, type | SOCK_CLOEXEC, protocol), what); }

// "@name" is abstract.
Verdict ConnectLocal(const char* name, int type) {
  if (name[0] == '\0') return NotHere("no listener");
  struct sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  strncpy(address.sun_path, name, sizeof(address.sun_path) - 1);
  if (name[0] == '@') address.sun_path[0] = '\0';
  const auto length = static_cast<socklen_t>(offsetof(struct sockaddr_un, sun_path) + strlen(name));
  return Failed(connect(socket(AF_UNIX, type | SOCK_CLOEXEC, 0), reinterpret_cast<struct sockaddr*>(&address), length), name);
}
Verdict AbstractStream() { return ConnectLocal(Canary("abstract"), SOCK_STREAM); }
Verdict AbstractDatagram() { return ConnectLocal(Canary("abstract.datagram"), SOCK_DGRAM); }
Verdict PathSocket() { return ConnectLocal(Canary("socket.hidden"), SOCK_STREAM); }
Verdict ShownSocket() { return ConnectLocal(Canary("socket.shown"), SOCK_STREAM); }

Verdict Interface() {
  // Any socket answers, so that a job without AF_INET can ask as well.
  struct ifreq request = {};
  for (int index = 2; index < 64; ++index) {
    request.ifr_ifindex = index;
    if (ioctl(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), SIOCGIFNAME, &request) == 0) return Open("interface %s", request.ifr_name);
  }
  return Closed("none but lo: %s", strerror(errno));
}

Verdict Tcp(const char* host, long port) {
  struct sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  inet_pton(AF_INET, host, &address.sin_addr);
  return Failed(connect(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), reinterpret_cast<struct sockaddr*>(&address), sizeof(address)), host);
}
Verdict HostLoopback() { return Tcp("127.0.0.1", CanaryNumber("port")); }

// A route is looked for, and no packet is sent.
Verdict Route() {
  struct sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(53);
  inet_pton(AF_INET, "192.0.2.1", &address.sin_addr);
  return Failed(connect(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), reinterpret_cast<struct sockaddr*>(&address), sizeof(address)), "a route to 192.0.2.1");
}

Verdict Inet() { return Make(AF_INET, SOCK_STREAM, 0, "socket(AF_INET)"); }
Verdict Inet6() { return Make(AF_INET6, SOCK_STREAM, 0, "socket(AF_INET6)"); }
Verdict Packet() { return Make(AF_PACKET, SOCK_RAW, 0, "socket(AF_PACKET)"); }
Verdict Raw() { return Make(AF_INET, SOCK_RAW, 1, "socket(AF_INET, SOCK_RAW)"); }
Verdict NetlinkRoute() { return Make(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE, "netlink route"); }
Verdict NetlinkAudit() { return Make(AF_NETLINK, SOCK_RAW, NETLINK_AUDIT, "netlink audit"); }
Verdict NetlinkNetfilter() { return Make(AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER, "netlink netfilter"); }
Verdict NetlinkDiag() { return Make(AF_NETLINK, SOCK_RAW, NETLINK_SOCK_DIAG, "netlink diag"); }
Verdict NetlinkGeneric() { return Make(AF_NETLINK, SOCK_RAW, NETLINK_GENERIC, "netlink generic"); }
Verdict NetlinkCrypto() { return Make(AF_NETLINK, SOCK_RAW, NETLINK_CRYPTO, "netlink crypto"); }
Verdict NetlinkUevent() {
  const int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_KOBJECT_UEVENT);
  struct sockaddr_nl address = {};
  address.nl_family = AF_NETLINK;
  address.nl_groups = 1;
  return Failed(fd < 0 ? fd : bind(fd, reinterpret_cast<struct sockaddr*>(&address), sizeof(address)), "netlink uevent");
}
Verdict Vsock() { return Make(AF_VSOCK, SOCK_STREAM, 0, "socket(AF_VSOCK)"); }
Verdict Alg() {
  const int fd = socket(AF_ALG, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
  struct sockaddr_alg address = {};
  address.salg_family = AF_ALG;
  strcpy(reinterpret_cast<char*>(address.salg_type), "hash");
  strcpy(reinterpret_cast<char*>(address.salg_name), "sha256");
  return Failed(fd < 0 ? fd : bind(fd, reinterpret_cast<struct sockaddr*>(&address), sizeof(address)), "socket(AF_ALG)");
}
Verdict Xdp() { return Make(44, SOCK_RAW, 0, "socket(AF_XDP)"); }
Verdict Mptcp() { return Make(AF_INET, SOCK_STREAM, 262, "socket(IPPROTO_MPTCP)"); }
Verdict Sctp() { return Make(AF_INET, SOCK_STREAM, 132, "socket(IPPROTO_SCTP)"); }
Verdict L2tp() { return Make(AF_INET, SOCK_DGRAM, 115, "socket(IPPROTO_L2TP)"); }
Verdict UdpLite() { return Make(AF_INET, SOCK_DGRAM, 136, "socket(IPPROTO_UDPLITE)"); }

// Whatever other families this kernel has: none but the local one.
Verdict OtherFamilies() {
  for (int family = 2; family < 48; ++family) {
    for (const int type : {SOCK_STREAM, SOCK_DGRAM, SOCK_RAW, SOCK_SEQPACKET}) {
      const int fd = socket(family, type | SOCK_CLOEXEC, 0);
      if (fd >= 0) return Open("socket family %d, type %d", family, type);
    }
  }
  return Closed("no family but local ones: %s", strerror(errno));
}
Verdict PairOfAnother() {
  int ends[2];
  return Failed(socketpair(30 /* AF_TIPC */, SOCK_STREAM, 0, ends) == 0 || errno == ESOCKTNOSUPPORT || errno == EAFNOSUPPORT || errno == EOPNOTSUPP ? 0 : -1,
                "socketpair of another family");
}

Verdict Option(int level, int name, const void* value, socklen_t size, const char* what) {
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  return Turned(setsockopt(fd, level, name, value, size), what);
}
Verdict Mark() {
  const int value = 1;
  return Option(SOL_SOCKET, SO_MARK, &value, sizeof(value), "SO_MARK");
}
Verdict ForceBuffer() {
  const int value = 1 << 20;
  return Option(SOL_SOCKET, SO_RCVBUFFORCE, &value, sizeof(value), "SO_RCVBUFFORCE");
}
Verdict AttachFilter() {
  sock_filter code[] = {{BPF_RET | BPF_K, 0, 0, 0}};
  const sock_fprog program = {1, code};
  return Option(SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program), "SO_ATTACH_FILTER");
}
Verdict AttachBpf() {
  const int value = -1;
  return Option(SOL_SOCKET, SO_ATTACH_BPF, &value, sizeof(value), "SO_ATTACH_BPF");
}
Verdict UpperLayer() {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  return Turned(setsockopt(fd < 0 ? 0 : fd, IPPROTO_TCP, TCP_ULP, "tls", 3), "TCP_ULP");
}

constexpr Probe kProbes[] = {
    {"abstract-socket", AbstractStream},
    {"abstract-datagram", AbstractDatagram},
    {"path-socket", PathSocket},
    {"shown-socket", ShownSocket},
    {"interfaces", Interface},
    {"host-loopback", HostLoopback},
    {"route", Route},
    {"inet", Inet},
    {"inet6", Inet6},
    {"packet-socket", Packet},
    {"raw-socket", Raw},
    {"netlink-route", NetlinkRoute},
    {"netlink-audit", NetlinkAudit},
    {"netlink-netfilter", NetlinkNetfilter},
    {"netlink-uevent", NetlinkUevent},
    {"netlink-diag", NetlinkDiag},
    {"netlink-generic", NetlinkGeneric},
    {"netlink-crypto", NetlinkCrypto},
    {"vsock", Vsock},
    {"alg-socket", Alg},
    {"xdp-socket", Xdp},
    {"mptcp", Mptcp},
    {"sctp", Sctp},
    {"l2tp", L2tp},
    {"udplite", UdpLite},
    {"other-families", OtherFamilies},
    {"other-pair", PairOfAnother},
    {"socket-mark", Mark},
    {"socket-force-buffer", ForceBuffer},
    {"socket-filter", AttachFilter},
    {"socket-bpf", AttachBpf},
    {"tcp-ulp", UpperLayer},
};

}  // namespace

Probes NetworkProbes() { return {kProbes, sizeof(kProbes) / sizeof(kProbes[0])}; }

}  // namespace moat::attack::inside
