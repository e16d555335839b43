// Captures for tests: read from a file, changed, and run through the capture room, with all that it
// tells kept.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "capture/sniffer.h"

namespace capture_test {

using compactor::capture::Time;

struct RawPacket {
  Time time;
  std::string bytes;
  std::size_t wire_length = 0;
};

struct RawCapture {
  int link_type = 1;
  std::vector<RawPacket> packets;
};

RawCapture read_capture(const std::string& path);
/// Every *.pcap under tests/data/captures, sorted.
std::vector<std::string> capture_files();

/// A message as it was told, with the answer that may have come later.
struct Told {
  std::string from;
  std::string to;
  std::string name;
  std::string body;
  std::optional<int> status;
  std::optional<std::chrono::nanoseconds> latency;
  std::uint64_t connection = 0;
  std::uint64_t seq = 0;
  bool partial = false;
  bool uncertain = false;
  std::size_t size = 0;
  Time time;

  /// FROM TO NAME SIZE CRC32 STATUS, with tabs: a line of a golden file.
  std::string line() const;
};

struct Http {
  std::string method;
  std::string url;
  std::optional<int> status;
  std::size_t request_size = 0;
  std::optional<std::uint64_t> response_size;
  std::string response_body;
  std::string response_type;
};

struct Tls {
  std::string version;
  std::string server_name;
  std::string cipher;
  std::uint64_t bytes = 0;
  std::optional<bool> opened;
  std::string reason;
  std::string client;
};

/// Keeps all that it is told.
class Listener : public compactor::capture::ExchangeEvents {
 public:
  std::vector<Told> messages;
  std::vector<Http> http;
  std::vector<std::string> records;
  std::uint64_t gaps = 0;
  std::uint64_t gap_bytes = 0;
  std::uint64_t answers = 0;
  std::uint64_t tls_begins = 0;
  std::vector<Tls> tls;

  bool on_message(const compactor::capture::SeenMessage& message) override;
  void on_answer(const compactor::capture::SeenAnswer& answer) override;
  void on_gap(const compactor::capture::SeenGap& gap) override;
  bool on_http(const compactor::capture::SeenHttp& seen) override;
  void on_record(const compactor::capture::SeenRecord& record) override;
  void on_tls_begin(const compactor::capture::ConnectionInfo& connection,
                    compactor::capture::Side sender) override;
  void on_tls(const compactor::capture::SeenTls& seen) override;

  /// The lines of all messages, sorted.
  std::vector<std::string> lines() const;
};

struct Result : Listener {
  compactor::capture::ExchangeLedger ledger;
  compactor::capture::ReassemblyStats reassembly;
  compactor::capture::PacketStats packets;
};

Result sniff(const RawCapture& capture, const compactor::capture::ExchangeOptions& options = {},
             const compactor::capture::ReassemblyLimits& limits = {});

}  // namespace capture_test
