// Layers put together and blurred in shaders: OpenGL ES 3 without any window (EGL on Mesa's surfaceless
// platform). Where there is no graphics processor, Mesa's llvmpipe runs the same shaders on this one.
//
// Only for a jail: a driver opens devices and libraries late, starts threads and makes code. See
// profiles/renderserver-gl.toml.
#pragma once

#include <memory>
#include <string>

#include "raster/compositor.h"

namespace gl {

// One context each: to be used by the thread that makes it, and dropped there. Fails with kOutput when
// there is no EGL, no such platform or no OpenGL ES 3; the detail says which.
fig::Outcome<std::unique_ptr<raster::Compositor>> MakeCompositor();

// "llvmpipe (LLVM 15.0.6, 256 bits), OpenGL ES 3.2 Mesa 22.3.6"; of the context that is current.
std::string Renderer();

}  // namespace gl
