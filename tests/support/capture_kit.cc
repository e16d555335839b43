#include "support/capture_kit.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <filesystem>

#include "capture/file_set.h"

namespace capture_test {

using namespace compactor::capture;  // NOLINT: a test reads its subject's names

RawCapture read_capture(const std::string& path) {
  std::vector<FileSet::Input> input;
  input.push_back({open_capture(path), path});
  FileSet source(std::move(input), {});
  RawCapture capture{source.link_types().at(0), {}};
  CapturedPacket packet;
  while (source.next(packet) == FileSet::Read::packet)
    capture.packets.push_back({packet.time, std::string(packet.bytes), packet.wire_length});
  return capture;
}

std::vector<std::string> capture_files() {
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(TEST_DATA "/captures"))
    if (entry.path().extension() == ".pcap") files.push_back(entry.path().string());
  std::sort(files.begin(), files.end());
  return files;
}

std::string Told::line() const {
  std::array<char, 32> numbers{};
  const auto crc = crc32(0, reinterpret_cast<const Bytef*>(body.data()),  // NOLINT: zlib's API
                         static_cast<uInt>(body.size()));
  std::snprintf(numbers.data(), numbers.size(), "%zu\t%08lx", body.size(), crc);
  return from + "\t" + to + "\t" + name + "\t" + numbers.data() + "\t" +
         (status ? std::to_string(*status) : "-");
}

bool Listener::on_message(const SeenMessage& message) {
  messages.push_back({std::string(message.from),
                      std::string(message.id) + "@" + message.destination().str(),
                      std::string(message.name), std::string(message.body), message.status,
                      message.latency, message.connection.number, message.seq, message.partial,
                      message.uncertain, message.size, message.time});
  return true;
}

void Listener::on_answer(const SeenAnswer& answer) {
  ++answers;
  for (Told& told : messages) {
    if (told.connection != answer.connection || told.seq != answer.seq) continue;
    told.status = answer.status;
    told.latency = answer.latency;
  }
}

void Listener::on_gap(const SeenGap& gap) {
  ++gaps;
  gap_bytes += gap.bytes;
}

bool Listener::on_http(const SeenHttp& seen) {
  http.push_back({std::string(seen.method), std::string(seen.url), seen.status, seen.request_size,
                  seen.response_size, std::string(seen.response_body),
                  std::string(seen.response_type)});
  return true;
}

void Listener::on_record(const SeenRecord& record) {
  records.emplace_back(record.record);
}

void Listener::on_tls_begin(const ConnectionInfo& /*connection*/, Side /*sender*/) {
  ++tls_begins;
}

void Listener::on_tls(const SeenTls& seen) {
  tls.push_back({std::string(seen.version), std::string(seen.server_name), std::string(seen.cipher),
                 seen.bytes, seen.opened, std::string(seen.reason),
                 seen.connection.endpoint(seen.client).str()});
}

std::vector<std::string> Listener::lines() const {
  std::vector<std::string> lines;
  lines.reserve(messages.size());
  for (const Told& told : messages) lines.push_back(told.line());
  std::sort(lines.begin(), lines.end());
  return lines;
}

Result sniff(const RawCapture& capture, const ExchangeOptions& options,
             const ReassemblyLimits& limits) {
  Result result;
  Sniffer sniffer(result, options, limits);
  for (const RawPacket& packet : capture.packets)
    sniffer.on_packet(capture.link_type, packet.bytes, packet.wire_length, packet.time);
  sniffer.finish();
  result.ledger = sniffer.ledger();
  result.reassembly = sniffer.reassembly();
  result.packets = sniffer.packets();
  return result;
}

}  // namespace capture_test
