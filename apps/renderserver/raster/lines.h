// Blurs along rows and along columns of 8-bit channels. The cost grows with the deviation.
#pragma once

namespace raster {

struct Bytes2d {
  unsigned char* bytes;
  int stride;           // bytes from row to row
  int width, height;    // pixels
  int channels;         // bytes of a pixel
};

// What lies outside counts as 0.
void BlurRows(const Bytes2d& plane, double deviation);
void BlurColumns(const Bytes2d& plane, double deviation);

}  // namespace raster
