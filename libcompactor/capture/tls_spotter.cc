#include "capture/tls_spotter.h"

#include <array>
#include <utility>

namespace compactor::capture {
namespace {

/// A record of TLS 1.x (RFC 8446 §5.1): its content type, then the version. Text begins with
/// neither.
bool begins_tls_record(std::string_view bytes) {
  return bytes.size() >= 3 && bytes[0] >= 0x14 && bytes[0] <= 0x17 && bytes[1] == 0x03 &&
         static_cast<unsigned char>(bytes[2]) <= 0x04;
}

}  // namespace

class TlsSpotter::Reader final : public StreamReader {
 public:
  Reader(TlsStats& stats, const ConnectionInfo& connection, std::unique_ptr<StreamReader> reader)
      : stats_(stats), connection_(connection), reader_(std::move(reader)) {}

  void on_data(Side sender, std::string_view bytes, const Stamp& stamp) override {
    if (!std::exchange(began_[index(sender)], true)) look(sender, bytes);
    reader_->on_data(sender, bytes, stamp);
  }
  void on_gap(Side sender, std::uint64_t bytes, Time time) override {
    began_[index(sender)] = true;
    reader_->on_gap(sender, bytes, time);
  }
  void on_end(Side sender, Time time) override { reader_->on_end(sender, time); }
  void on_close(Close how, Time time) override { reader_->on_close(how, time); }

 private:
  void look(Side sender, std::string_view bytes) {
    if (tls_ || !begins_tls_record(bytes)) return;
    tls_ = true;
    if (++stats_.connections != 1) return;
    stats_.first =
        connection_.endpoint(sender).str() + " → " + connection_.endpoint(other(sender)).str();
  }

  TlsStats& stats_;
  ConnectionInfo connection_;
  std::unique_ptr<StreamReader> reader_;
  std::array<bool, 2> began_{};
  bool tls_ = false;
};

std::unique_ptr<StreamReader> TlsSpotter::watch(const ConnectionInfo& connection,
                                                std::unique_ptr<StreamReader> reader) {
  return std::make_unique<Reader>(stats_, connection, std::move(reader));
}

}  // namespace compactor::capture
