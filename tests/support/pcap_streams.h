// The TCP streams of a classic pcap file, for tests that want real bytes. Simple and slow on
// purpose, and no kin of the capture room: it trusts the file, keeps everything, and takes the
// first of what overlaps.
#pragma once

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <iterator>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace pcap_streams {

/// One TCP connection.
struct Stream {
  std::string client;  // ip:port of the side that sent the SYN, or the first head that was seen
  std::string server;
  std::string requests;   // client to server
  std::string responses;  // server to client
};

inline std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) throw std::runtime_error("cannot read " + path);
  return {std::istreambuf_iterator<char>(in), {}};
}

namespace detail {

inline std::uint32_t byte_at(std::string_view bytes, std::size_t at) {
  return static_cast<unsigned char>(bytes.at(at));
}

inline std::uint32_t big16(std::string_view bytes, std::size_t at) {
  return byte_at(bytes, at) << 8 | byte_at(bytes, at + 1);
}

inline std::uint32_t big32(std::string_view bytes, std::size_t at) {
  return big16(bytes, at) << 16 | big16(bytes, at + 2);
}

inline std::uint32_t little32(std::string_view bytes, std::size_t at) {
  return byte_at(bytes, at) | byte_at(bytes, at + 1) << 8 | byte_at(bytes, at + 2) << 16 |
         byte_at(bytes, at + 3) << 24;
}

struct Segment {
  std::string source;
  std::string destination;
  std::uint32_t sequence = 0;
  std::uint32_t acknowledged = 0;
  bool syn = false;
  bool ack = false;
  std::string_view data;
};

inline std::string endpoint(std::string_view ip, std::uint32_t port) {
  std::string text;
  for (std::size_t i = 0; i < 4; ++i) text += (i ? "." : "") + std::to_string(byte_at(ip, i));
  return text + ":" + std::to_string(port);
}

/// False when the packet is not TCP over IPv4 over Ethernet.
inline bool parse_segment(std::string_view packet, Segment& segment) {
  if (packet.size() < 54 || big16(packet, 12) != 0x0800 || byte_at(packet, 23) != 6) return false;
  const std::string_view ip = packet.substr(14, big16(packet, 16));
  const std::string_view tcp = ip.substr(std::size_t{byte_at(ip, 0) & 15} * 4);
  segment.source = endpoint(ip.substr(12), big16(tcp, 0));
  segment.destination = endpoint(ip.substr(16), big16(tcp, 2));
  segment.sequence = big32(tcp, 4);
  segment.acknowledged = big32(tcp, 8);
  segment.syn = (byte_at(tcp, 13) & 0x02) != 0;
  segment.ack = (byte_at(tcp, 13) & 0x10) != 0;
  segment.data = tcp.substr(std::size_t{byte_at(tcp, 12) >> 4} * 4);
  return true;
}

inline std::vector<Segment> segments(std::string_view file) {
  constexpr std::uint32_t kMicroseconds = 0xa1b2c3d4;
  constexpr std::uint32_t kNanoseconds = 0xa1b23c4d;
  const std::uint32_t magic = little32(file, 0);
  if (magic != kMicroseconds && magic != kNanoseconds) throw std::runtime_error("not a pcap");
  if (little32(file, 20) != 1) throw std::runtime_error("not Ethernet");
  std::vector<Segment> all;
  for (std::size_t at = 24; at + 16 <= file.size();) {
    const std::uint32_t size = little32(file, at + 8);
    Segment segment;
    if (parse_segment(file.substr(at + 16, size), segment)) all.push_back(segment);
    at += 16 + size;
  }
  return all;
}

struct Side {
  bool started = false;
  std::uint32_t first = 0;  // sequence number of the first byte
  std::map<std::uint32_t, std::string_view> data;

  void add(const Segment& segment) {
    if (!started) first = segment.sequence;
    started = true;
    const std::uint32_t at = segment.sequence - first;
    constexpr std::uint32_t kBefore = 1U << 31;
    if (at < kBefore) data.try_emplace(at, segment.data);
  }

  std::string bytes() const {
    std::string joined;
    for (const auto& [at, piece] : data) {
      if (at > joined.size()) break;
      joined += piece.substr(std::min(joined.size() - at, piece.size()));
    }
    return joined;
  }
};

struct Connection {
  std::string client;
  std::string server;
  Side requests;
  Side responses;
};

inline bool is_request(std::string_view data) {
  return data.starts_with("POST ") || data.starts_with("GET ");
}

class Connections {
 public:
  void add(const Segment& segment) {
    if (segment.syn && !segment.ack) {
      open(segment.source, segment.destination).requests = {true, segment.sequence + 1, {}};
      return;
    }
    Connection* known = find(segment);
    if (known == nullptr) {
      if (!is_request(segment.data)) return;
      known = &open(segment.source, segment.destination);
      known->responses = {true, segment.acknowledged, {}};
    }
    Side& side = segment.source == known->client ? known->requests : known->responses;
    if (segment.syn) {
      side = {true, segment.sequence + 1, {}};
    } else if (!segment.data.empty()) {
      side.add(segment);
    }
  }

  std::vector<Stream> streams() const {
    std::vector<Stream> all;
    for (const Connection& c : connections_) {
      all.push_back({c.client, c.server, c.requests.bytes(), c.responses.bytes()});
    }
    return all;
  }

 private:
  using Ends = std::pair<std::string, std::string>;

  static Ends ends(const std::string& a, const std::string& b) {
    return a < b ? Ends{a, b} : Ends{b, a};
  }

  Connection* find(const Segment& segment) {
    const auto found = live_.find(ends(segment.source, segment.destination));
    return found == live_.end() ? nullptr : &connections_[found->second];
  }

  Connection& open(const std::string& client, const std::string& server) {
    live_[ends(client, server)] = connections_.size();
    return connections_.emplace_back(Connection{client, server, {}, {}});
  }

  std::vector<Connection> connections_;
  std::map<Ends, std::size_t> live_;  // the latest of a pair of endpoints
};

}  // namespace detail

/// In the order of their first packets. A connection that was open before the capture begins at its
/// first request. Throws std::runtime_error when the file is no classic pcap of Ethernet frames.
inline std::vector<Stream> read(const std::string& path) {
  const std::string file = read_file(path);
  detail::Connections connections;
  for (const detail::Segment& segment : detail::segments(file)) connections.add(segment);
  return connections.streams();
}

}  // namespace pcap_streams
