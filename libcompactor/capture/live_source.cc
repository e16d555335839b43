#include "capture/live_source.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pcap/pcap.h>
#include <sys/socket.h>

#include "capture/dissector.h"

namespace compactor::capture {
namespace {

using Kind = CaptureError::Kind;

std::string with_detail(const char* handle_error, const std::string& otherwise) {
  return handle_error != nullptr && *handle_error != '\0' ? handle_error : otherwise;
}

}  // namespace

void LiveSource::Closer::operator()(pcap* handle) const {
  pcap_close(handle);
}

LiveSource::LiveSource(const LiveOptions& options) : name_(options.device) {
  char error[PCAP_ERRBUF_SIZE] = "";
  handle_.reset(pcap_create(name_.c_str(), error));
  pcap* handle = handle_.get();
  if (handle == nullptr) throw CaptureError(Kind::device, name_ + ": " + error);
  pcap_set_snaplen(handle, static_cast<int>(options.snaplen));
  pcap_set_buffer_size(handle, static_cast<int>(options.buffer));
  pcap_set_immediate_mode(handle, 1);
  pcap_set_tstamp_precision(handle, PCAP_TSTAMP_PRECISION_NANO);
  const int result = pcap_activate(handle);
  if (result < 0) {
    const bool denied =
        result == PCAP_ERROR_PERM_DENIED || result == PCAP_ERROR_PROMISC_PERM_DENIED;
    throw CaptureError(denied ? Kind::permission : Kind::device,
                       name_ + ": " + with_detail(pcap_geterr(handle), pcap_statustostr(result)));
  }
  require_link_type(link_type(), name_);
  if (pcap_setnonblock(handle, 1, error) != 0)
    throw CaptureError(Kind::device, name_ + ": " + error);
}

void LiveSource::set_filter(const std::string& expression) {
  bpf_program program{};
  if (pcap_compile(handle_.get(), &program, expression.c_str(), 1, PCAP_NETMASK_UNKNOWN) != 0)
    throw CaptureError(Kind::filter, "filter `" + expression + "`: " + pcap_geterr(handle_.get()));
  const int result = pcap_setfilter(handle_.get(), &program);
  pcap_freecode(&program);
  if (result != 0) throw CaptureError(Kind::device, name_ + ": " + pcap_geterr(handle_.get()));
}

int LiveSource::link_type() const {
  return pcap_datalink(handle_.get());
}

LiveSource::Read LiveSource::next(CapturedPacket& packet) {
  pcap_pkthdr* header = nullptr;
  const u_char* bytes = nullptr;
  const int result = pcap_next_ex(handle_.get(), &header, &bytes);
  if (result == 0) return Read::nothing;
  if (result != 1) {
    trouble_ = name_ + ": " + pcap_geterr(handle_.get());
    return Read::broken;
  }
  // Some capture devices have no nanoseconds whatever was asked for.
  const bool micro = pcap_get_tstamp_precision(handle_.get()) == PCAP_TSTAMP_PRECISION_MICRO;
  packet.time = to_time(header->ts.tv_sec,
                        static_cast<std::uint64_t>(header->ts.tv_usec) * (micro ? 1'000 : 1));
  packet.bytes = {reinterpret_cast<const char*>(bytes), header->caplen};  // NOLINT: bytes are bytes
  packet.wire_length = header->len;
  packet.link_type = link_type();
  return Read::packet;
}

int LiveSource::descriptor() const {
  return pcap_get_selectable_fd(handle_.get());
}

std::uint64_t LiveSource::dropped() const {
  pcap_stat stats{};
  if (pcap_stats(handle_.get(), &stats) != 0) return 0;
  return std::uint64_t{stats.ps_drop} + stats.ps_ifdrop;
}

std::vector<Device> list_devices() {
  char error[PCAP_ERRBUF_SIZE] = "";
  pcap_if_t* all = nullptr;
  if (pcap_findalldevs(&all, error) != 0) throw CaptureError(Kind::permission, error);
  std::vector<Device> devices;
  for (const pcap_if_t* each = all; each != nullptr; each = each->next) {
    Device device{each->name,
                  each->description != nullptr ? each->description : "",
                  {},
                  (each->flags & PCAP_IF_UP) != 0,
                  (each->flags & PCAP_IF_LOOPBACK) != 0};
    for (const pcap_addr* at = each->addresses; at != nullptr; at = at->next) {
      char text[INET6_ADDRSTRLEN] = "";
      if (at->addr == nullptr) continue;
      if (at->addr->sa_family == AF_INET)
        inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in*>(at->addr)->sin_addr,
                  text,  // NOLINT
                  sizeof text);
      if (at->addr->sa_family == AF_INET6)
        inet_ntop(AF_INET6, &reinterpret_cast<const sockaddr_in6*>(at->addr)->sin6_addr,  // NOLINT
                  text, sizeof text);
      if (*text != '\0') device.addresses.emplace_back(text);
    }
    devices.push_back(std::move(device));
  }
  pcap_freealldevs(all);
  return devices;
}

}  // namespace compactor::capture
