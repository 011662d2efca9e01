#include "fig/inflate.h"

#include <algorithm>
#include <memory>

#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

namespace fig {
namespace {

constexpr std::uint64_t kFreeRatio = 1 << 20;  // this much may come of anything
constexpr std::size_t kFirstPiece = 64 << 10;
// A frame that does not say its length is decoded through a window of its own choice, up to this.
constexpr int kWindowLog = 25;

Fault Broken(const std::string& what, std::uint64_t at, const std::string& where) {
  return {FaultClass::kCompression, what, at, where};
}

// `at`: how much of it had been read when that was seen.
Fault TooLarge(std::uint64_t limit, std::uint64_t stored, std::uint64_t at, const std::string& where) {
  return {FaultClass::kBudget,
          std::to_string(stored) + " bytes inflate to more than " + std::to_string(limit), at, where};
}

// zlib's state; none of it survives the call that uses it.
class Inflater {
 public:
  explicit Inflater(Bytes stored) {
    stream_.next_in = const_cast<Bytef*>(stored.data);  // zlib never writes there
    stream_.avail_in = static_cast<uInt>(stored.size);  // inputs are far below 4 GiB
    if (inflateInit2(&stream_, -MAX_WBITS) != Z_OK) throw std::bad_alloc();
  }
  ~Inflater() { inflateEnd(&stream_); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  // Fills `size` bytes if the stream has as many; `*made` is how many it had.
  int Fill(std::uint8_t* to, std::size_t size, std::size_t* made) {
    stream_.next_out = to;
    stream_.avail_out = static_cast<uInt>(size);
    const int result = inflate(&stream_, Z_SYNC_FLUSH);
    if (result == Z_MEM_ERROR) throw std::bad_alloc();
    *made = size - stream_.avail_out;
    return result;
  }
  std::uint64_t taken() const { return stream_.total_in; }
  const char* complaint() const { return stream_.msg != nullptr ? stream_.msg : "the stream ends early"; }

 private:
  z_stream stream_ = {};
};

// Doubles, but never beyond one byte more than the limit: that one shows that there is more.
std::size_t NextSize(std::size_t size, std::uint64_t limit) {
  return static_cast<std::size_t>(std::min<std::uint64_t>(std::max(size * 2, kFirstPiece), limit + 1));
}

using Context = std::unique_ptr<ZSTD_DCtx, decltype(&ZSTD_freeDCtx)>;

Context NewContext() {
  Context context(ZSTD_createDCtx(), &ZSTD_freeDCtx);
  if (context == nullptr) throw std::bad_alloc();
  return context;
}

// The library's complaint; of memory it is none about the stream.
Fault Refused(std::size_t result, std::uint64_t at, const std::string& where) {
  if (ZSTD_getErrorCode(result) == ZSTD_error_memory_allocation) throw std::bad_alloc();
  return Broken(ZSTD_getErrorName(result), at, where);
}

// In one go nobody learns where a frame is broken: once more, piece by piece, for the message. Frames with a
// larger window than the other kind may have are not followed beyond their header.
std::uint64_t WhereItBreaks(Bytes stored) {
  const Context context = NewContext();
  ZSTD_DCtx_setParameter(context.get(), ZSTD_d_windowLogMax, kWindowLog);
  Buffer scratch;
  scratch.Resize(ZSTD_DStreamOutSize());
  ZSTD_inBuffer in = {stored.data, stored.size, 0};
  for (;;) {
    ZSTD_outBuffer out = {scratch.data(), scratch.size(), 0};
    const std::size_t before = in.pos;
    const std::size_t result = ZSTD_decompressStream(context.get(), &out, &in);
    if (ZSTD_isError(result) || result == 0 || (in.pos == before && out.pos == 0)) return in.pos;
  }
}

Outcome<Buffer> UnzstdKnown(Bytes stored, std::size_t size, const std::string& where) {
  const std::size_t frame = ZSTD_findFrameCompressedSize(stored.data, stored.size);
  if (ZSTD_isError(frame)) return Broken(ZSTD_getErrorName(frame), WhereItBreaks(stored), where);
  Buffer buffer;
  buffer.Resize(size);
  const std::size_t made = ZSTD_decompressDCtx(NewContext().get(), buffer.data(), size, stored.data, frame);
  if (ZSTD_isError(made)) return Refused(made, WhereItBreaks(stored), where);
  if (made != size) return Broken("the frame is shorter than it says", frame, where);
  return buffer;
}

Outcome<Buffer> UnzstdUnknown(Bytes stored, std::uint64_t limit, const std::string& where) {
  const Context context = NewContext();
  ZSTD_DCtx_setParameter(context.get(), ZSTD_d_windowLogMax, kWindowLog);
  Buffer buffer;
  ZSTD_inBuffer in = {stored.data, stored.size, 0};
  for (std::size_t made = 0;;) {
    if (made == buffer.size()) {
      if (made > limit) return TooLarge(limit, stored.size, in.pos, where);
      buffer.Resize(NextSize(made, limit));
    }
    ZSTD_outBuffer out = {buffer.data(), buffer.size(), made};
    const std::size_t before = in.pos;
    const std::size_t result = ZSTD_decompressStream(context.get(), &out, &in);
    if (ZSTD_isError(result)) return Refused(result, in.pos, where);
    const bool stuck = out.pos == made && in.pos == before;
    made = out.pos;
    if (result == 0 && made <= limit) {
      buffer.Resize(made);
      return buffer;
    }
    if (stuck) return Broken("the frame ends early", in.pos, where);
  }
}

}  // namespace

std::uint64_t InflateBudget::LimitFor(std::uint64_t stored) const {
  return std::min({budget_.inflated_bytes, kFreeRatio + stored * budget_.inflate_ratio, left_});
}

Outcome<Buffer> Inflate(Bytes stored, InflateBudget* budget, const std::string& where) {
  const std::uint64_t limit = budget->LimitFor(stored.size);
  Inflater inflater(stored);
  Buffer buffer;
  std::size_t made = 0;
  for (int result = Z_OK; result != Z_STREAM_END;) {
    if (made > limit) return TooLarge(limit, stored.size, inflater.taken(), where);
    if (made == buffer.size()) buffer.Resize(NextSize(std::max(made, stored.size * 2), limit));
    std::size_t more = 0;
    result = inflater.Fill(buffer.data() + made, buffer.size() - made, &more);
    made += more;
    if (result != Z_OK && result != Z_STREAM_END) return Broken(inflater.complaint(), inflater.taken(), where);
  }
  if (made > limit) return TooLarge(limit, stored.size, inflater.taken(), where);
  buffer.Resize(made);
  budget->Spend(made);
  return buffer;
}

Outcome<Buffer> InflateExactly(Bytes stored, std::uint64_t size, InflateBudget* budget, const std::string& where) {
  const std::uint64_t limit = budget->LimitFor(stored.size);
  if (size > limit) return TooLarge(limit, stored.size, 0, where);
  Inflater inflater(stored);
  Buffer buffer;
  buffer.Resize(size + 1);  // the byte too many that a stream which is too long would write
  std::size_t made = 0;
  const int result = inflater.Fill(buffer.data(), size + 1, &made);
  if (result != Z_STREAM_END && result != Z_OK) return Broken(inflater.complaint(), inflater.taken(), where);
  if (made != size || result != Z_STREAM_END) {
    return Broken("not as long as the directory says", inflater.taken(), where);
  }
  buffer.Resize(made);
  budget->Spend(made);
  return buffer;
}

Outcome<Buffer> Unzstd(Bytes stored, InflateBudget* budget, const std::string& where) {
  const std::uint64_t limit = budget->LimitFor(stored.size);
  const unsigned long long size = ZSTD_getFrameContentSize(stored.data, stored.size);
  if (size == ZSTD_CONTENTSIZE_ERROR) return Broken("no zstd frame", 0, where);
  const bool known = size != ZSTD_CONTENTSIZE_UNKNOWN;
  if (known && size > limit) return TooLarge(limit, stored.size, 0, where);
  Buffer buffer = FIG_TRY(known ? UnzstdKnown(stored, size, where) : UnzstdUnknown(stored, limit, where));
  budget->Spend(buffer.size());
  return buffer;
}

}  // namespace fig
