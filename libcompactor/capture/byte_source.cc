#include "capture/byte_source.h"

#include <unistd.h>
#include <zstd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "text/gzip.h"

namespace compactor::capture {
namespace {

constexpr std::size_t kRaw = std::size_t{64} << 10;
constexpr std::size_t kMadeAtOnce = std::size_t{256} << 10;

constexpr std::string_view kGzipMagic = "\x1f\x8b";
constexpr std::string_view kZstdMagic = "\x28\xb5\x2f\xfd";

}  // namespace

class ByteSource::Decompressor {
 public:
  virtual ~Decompressor() = default;
  virtual std::string_view name() const = 0;
  /// Reads of `in`, and appends to `out` some of what is in it; false when it is damaged.
  virtual bool run(std::string_view& in, std::string& out) = 0;
  /// The bytes may end here.
  virtual bool is_between_members() const = 0;
};

class ByteSource::Gzip final : public Decompressor {
 public:
  std::string_view name() const override { return "gzip"; }
  bool is_between_members() const override { return gunzip_.between_members(); }

  bool run(std::string_view& in, std::string& out) override {
    const std::size_t before = out.size();
    out.resize(before + kMadeAtOnce);
    out.resize(before + gunzip_.run(in, out.data() + before, kMadeAtOnce));
    return !gunzip_.broken();
  }

 private:
  text::Gunzip gunzip_;
};

class ByteSource::Zstd final : public Decompressor {
 public:
  Zstd() : context_(ZSTD_createDCtx()) {}
  ~Zstd() override { ZSTD_freeDCtx(context_); }
  Zstd(const Zstd&) = delete;
  Zstd& operator=(const Zstd&) = delete;

  std::string_view name() const override { return "zstd"; }
  bool is_between_members() const override { return between_; }

  bool run(std::string_view& in, std::string& out) override {
    const std::size_t before = out.size();
    out.resize(before + kMadeAtOnce);
    ZSTD_inBuffer source{in.data(), in.size(), 0};
    ZSTD_outBuffer target{out.data() + before, kMadeAtOnce, 0};
    const std::size_t result = ZSTD_decompressStream(context_, &target, &source);
    out.resize(before + target.pos);
    in.remove_prefix(source.pos);
    if (source.pos > 0 || target.pos > 0) between_ = result == 0;
    return ZSTD_isError(result) == 0;
  }

 private:
  ZSTD_DCtx* context_;
  bool between_ = false;
};

ByteSource::ByteSource(int descriptor, Wait wait)
    : descriptor_(descriptor), wait_(std::move(wait)), raw_(std::make_unique<char[]>(kRaw)) {}

ByteSource::~ByteSource() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

ByteSource::ByteSource(ByteSource&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)),
      wait_(std::move(other.wait_)),
      buffer_(std::move(other.buffer_)),
      front_(other.front_),
      raw_(std::move(other.raw_)),
      pending_(other.pending_),
      decompressor_(std::move(other.decompressor_)),
      read_(other.read_),
      trouble_(std::move(other.trouble_)),
      started_(other.started_),
      unfinished_(other.unfinished_),
      ended_(other.ended_),
      called_off_(other.called_off_) {}

std::string_view ByteSource::peek(std::size_t size) {
  while (buffer_.size() - front_ < size && fill()) continue;
  return std::string_view(buffer_).substr(front_);
}

/// Makes more bytes ready; false when there are no more.
bool ByteSource::fill() {
  if (ended_) return false;
  buffer_.erase(0, std::exchange(front_, 0));
  if (pending_.empty() && !unfinished_) pending_ = read_raw(started_ ? 1 : kZstdMagic.size());
  if (!std::exchange(started_, true)) choose_decompressor(pending_);
  if (pending_.empty() && !unfinished_) {
    ended_ = true;
    const bool cut = decompressor_ && !decompressor_->is_between_members() && !called_off_;
    if (cut && trouble_.empty())
      trouble_ = "the " + std::string(decompressor_->name()) + " data end too early";
    return false;
  }
  if (!decompressor_) {
    buffer_.append(std::exchange(pending_, {}));
    return true;
  }
  const std::size_t before = buffer_.size();
  const bool sound = decompressor_->run(pending_, buffer_);
  unfinished_ = buffer_.size() - before == kMadeAtOnce;
  if (sound) return true;
  trouble_ = "the " + std::string(decompressor_->name()) + " data are damaged";
  ended_ = true;
  return false;
}

std::string_view ByteSource::read_raw(std::size_t at_least) {
  std::size_t size = 0;
  while (size < at_least) {
    called_off_ = wait_ && !wait_(descriptor_);
    if (called_off_) break;
    const ssize_t got = ::read(descriptor_, raw_.get() + size, kRaw - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) trouble_ = std::strerror(errno);
    if (got <= 0) break;
    size += static_cast<std::size_t>(got);
  }
  read_ += size;
  return {raw_.get(), size};
}

void ByteSource::choose_decompressor(std::string_view beginning) {
  if (beginning.starts_with(kGzipMagic)) decompressor_ = std::make_unique<Gzip>();
  if (beginning.starts_with(kZstdMagic)) decompressor_ = std::make_unique<Zstd>();
}

}  // namespace compactor::capture
