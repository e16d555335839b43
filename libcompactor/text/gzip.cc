#include "text/gzip.h"

#include <zlib.h>

#include <algorithm>

namespace compactor::text {

Gunzip::Gunzip() : stream_(std::make_unique<z_stream>()) {
  constexpr int kGzipOnly = 16 + MAX_WBITS;
  out_of_memory_ = broken_ = inflateInit2(stream_.get(), kGzipOnly) != Z_OK;
}

Gunzip::~Gunzip() {
  inflateEnd(stream_.get());
}

std::size_t Gunzip::run(std::string_view& in, char* out, std::size_t size) {
  if (broken_) return 0;
  constexpr std::size_t kMostAtOnce = std::size_t{1} << 30;  // zlib counts in 32 bits
  const auto offered = static_cast<uInt>(std::min(in.size(), kMostAtOnce));
  const auto room = static_cast<uInt>(std::min(size, kMostAtOnce));
  // zlib reads only, but its type says otherwise.
  stream_->next_in = reinterpret_cast<Bytef*>(const_cast<char*>(in.data()));  // NOLINT
  stream_->avail_in = offered;
  stream_->next_out = reinterpret_cast<Bytef*>(out);  // NOLINT
  stream_->avail_out = room;
  const int result = inflate(stream_.get(), Z_NO_FLUSH);
  const std::size_t read = offered - stream_->avail_in;
  const std::size_t made = room - stream_->avail_out;
  in.remove_prefix(read);
  if (result == Z_STREAM_END) {
    between_members_ = true;
    broken_ = inflateReset(stream_.get()) != Z_OK;
  } else if (result == Z_OK || result == Z_BUF_ERROR) {  // the latter: nothing could be done
    if (read > 0 || made > 0) between_members_ = false;
  } else {
    broken_ = true;
    out_of_memory_ = result == Z_MEM_ERROR;
  }
  return made;
}

const char* gunzip(std::string_view in, std::string& out, std::size_t max) {
  Gunzip text;
  std::array<char, std::size_t{32} << 10> piece;
  for (;;) {
    const std::size_t before = in.size();
    const std::size_t made = text.run(in, piece.data(), piece.size());
    if (made > max - out.size()) return "decompressed, it is over the limit of the body";
    out.append(piece.data(), made);
    if (text.broken())
      return text.out_of_memory() ? "no memory to decompress it" : "the bytes are not gzip";
    if (in.empty() && text.between_members()) return nullptr;
    if (made == 0 && in.size() == before) return "it ends too early";
  }
}

}  // namespace compactor::text
