#include "gl/compositor.h"

#include <algorithm>
#include <cmath>

#include "gl/api.h"
#include "gl/shaders.h"

namespace gl {
namespace {

using fig::Nothing;
using raster::Box;
using raster::Surface;

static_assert(static_cast<int>(scene::BlendMode::kDarken) == 2 && static_cast<int>(scene::BlendMode::kLuminosity) == 18,
              "the shader knows the modes by their numbers");

fig::Fault Failed(std::string detail) { return {fig::FaultClass::kOutput, "gl: " + std::move(detail), fig::Fault::kNowhere, ""}; }

// The display is the process's: it is never terminated, since other contexts may live on it.
class Context {
 public:
  explicit Context(const Api& api) : api_(api) {}
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;
  ~Context() {
    if (context_ == EGL_NO_CONTEXT) return;
    api_.eglMakeCurrent(display_, EGL_NO_SURFACE, EGL_NO_SURFACE, EGL_NO_CONTEXT);
    api_.eglDestroyContext(display_, context_);
    api_.eglReleaseThread();
  }

  fig::Outcome<Nothing> Make() {
    display_ = api_.eglGetPlatformDisplay(EGL_PLATFORM_SURFACELESS_MESA, EGL_DEFAULT_DISPLAY, nullptr);
    if (display_ == EGL_NO_DISPLAY || api_.eglInitialize(display_, nullptr, nullptr) != EGL_TRUE) return Failed("no surfaceless EGL display");
    const EGLint wanted[] = {EGL_SURFACE_TYPE, EGL_PBUFFER_BIT, EGL_RENDERABLE_TYPE, EGL_OPENGL_ES3_BIT, EGL_NONE};
    EGLConfig config = nullptr;
    EGLint found = 0;
    if (api_.eglChooseConfig(display_, wanted, &config, 1, &found) != EGL_TRUE || found == 0) return Failed("no OpenGL ES 3");
    if (api_.eglBindAPI(EGL_OPENGL_ES_API) != EGL_TRUE) return Failed("no OpenGL ES");
    const EGLint version[] = {EGL_CONTEXT_CLIENT_VERSION, 3, EGL_NONE};
    context_ = api_.eglCreateContext(display_, config, EGL_NO_CONTEXT, version);
    if (context_ == EGL_NO_CONTEXT) return Failed("no context");
    if (api_.eglMakeCurrent(display_, EGL_NO_SURFACE, EGL_NO_SURFACE, context_) != EGL_TRUE) return Failed("a context needs a window");
    return Nothing{};
  }

 private:
  const Api& api_;
  EGLDisplay display_ = EGL_NO_DISPLAY;
  EGLContext context_ = EGL_NO_CONTEXT;
};

class Program {
 public:
  explicit Program(const Api& api) : api_(api) {}
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;
  ~Program() { api_.glDeleteProgram(program_); }

  fig::Outcome<Nothing> Make(const char* fragment) {
    program_ = api_.glCreateProgram();
    for (const auto& [kind, text] : {std::pair{GL_VERTEX_SHADER, kVertexShader}, {GL_FRAGMENT_SHADER, fragment}}) {
      const GLuint shader = api_.glCreateShader(static_cast<GLenum>(kind));
      api_.glShaderSource(shader, 1, &text, nullptr);
      api_.glCompileShader(shader);
      GLint compiled = 0;
      api_.glGetShaderiv(shader, GL_COMPILE_STATUS, &compiled);
      char log[512] = {};
      if (compiled == 0) api_.glGetShaderInfoLog(shader, sizeof(log), nullptr, log);
      api_.glAttachShader(program_, shader);
      api_.glDeleteShader(shader);
      if (compiled == 0) return Failed(std::string("a shader does not compile: ") + log);
    }
    api_.glLinkProgram(program_);
    GLint linked = 0;
    api_.glGetProgramiv(program_, GL_LINK_STATUS, &linked);
    if (linked == 0) return Failed("a program does not link");
    return Nothing{};
  }
  void Use() const { api_.glUseProgram(program_); }
  GLint Place(const char* name) const { return api_.glGetUniformLocation(program_, name); }

 private:
  const Api& api_;
  GLuint program_ = 0;
};

class Texture {
 public:
  Texture(const Api& api, const Box& box, GLenum inside, GLenum outside) : api_(api), box_(box), outside_(outside) {
    api_.glGenTextures(1, &texture_);
    api_.glBindTexture(GL_TEXTURE_2D, texture_);
    api_.glTexStorage2D(GL_TEXTURE_2D, 1, inside, box.width, box.height);
    for (const GLenum which : {GL_TEXTURE_MIN_FILTER, GL_TEXTURE_MAG_FILTER}) api_.glTexParameteri(GL_TEXTURE_2D, which, GL_NEAREST);
  }
  Texture(const Texture&) = delete;
  Texture& operator=(const Texture&) = delete;
  ~Texture() { api_.glDeleteTextures(1, &texture_); }

  void Fill(const Surface& surface) const {
    api_.glBindTexture(GL_TEXTURE_2D, texture_);
    api_.glPixelStorei(GL_UNPACK_ALIGNMENT, 4);
    api_.glPixelStorei(GL_UNPACK_ROW_LENGTH, surface.stride() / (outside_ == GL_RED ? 1 : 4));
    api_.glTexSubImage2D(GL_TEXTURE_2D, 0, 0, 0, box_.width, box_.height, outside_, GL_UNSIGNED_BYTE, surface.bytes());
  }
  void Bind(GLuint unit) const {
    api_.glActiveTexture(GL_TEXTURE0 + unit);
    api_.glBindTexture(GL_TEXTURE_2D, texture_);
  }
  GLuint get() const { return texture_; }
  const Box& box() const { return box_; }

 private:
  const Api& api_;
  Box box_;
  GLenum outside_;
  GLuint texture_ = 0;
};

// Draws into a texture, and reads it back.
class Target {
 public:
  explicit Target(const Api& api) : api_(api) { api_.glGenFramebuffers(1, &buffer_); }
  Target(const Target&) = delete;
  Target& operator=(const Target&) = delete;
  ~Target() { api_.glDeleteFramebuffers(1, &buffer_); }

  fig::Outcome<Nothing> Draw(const Texture& to) const {
    api_.glBindFramebuffer(GL_FRAMEBUFFER, buffer_);
    api_.glFramebufferTexture2D(GL_FRAMEBUFFER, GL_COLOR_ATTACHMENT0, GL_TEXTURE_2D, to.get(), 0);
    if (api_.glCheckFramebufferStatus(GL_FRAMEBUFFER) != GL_FRAMEBUFFER_COMPLETE) return Failed("it cannot draw into a texture");
    api_.glViewport(0, 0, to.box().width, to.box().height);
    api_.glDisable(GL_BLEND);
    api_.glDisable(GL_DITHER);
    api_.glDrawArrays(GL_TRIANGLES, 0, 3);
    return Nothing{};
  }
  void Read(Surface& surface, GLenum format) const {
    api_.glPixelStorei(GL_PACK_ALIGNMENT, 4);
    api_.glPixelStorei(GL_PACK_ROW_LENGTH, surface.stride() / (format == GL_RED ? 1 : 4));
    api_.glReadPixels(0, 0, surface.box().width, surface.box().height, format, GL_UNSIGNED_BYTE, surface.bytes());
    surface.Changed();
  }

 private:
  const Api& api_;
  GLuint buffer_ = 0;
};

class GlCompositor : public raster::Compositor {
 public:
  explicit GlCompositor(const Api& api) : api_(api), context_(api) {}

  fig::Outcome<Nothing> Make() {
    FIG_TRY(context_.Make());
    parts_ = std::make_unique<Parts>(api_);
    FIG_TRY(parts_->blend.Make(kBlendShader));
    FIG_TRY(parts_->blur.Make(kBlurShader));
    api_.glGetIntegerv(GL_MAX_TEXTURE_SIZE, &largest_);
    return Check();
  }
  ~GlCompositor() override { parts_.reset(); }

  // Bytes go up and come down as they lie in memory (blue first), and stay in that order: the modes
  // treat all channels alike, but for those by luminance, which the swap at the ends is for.
  fig::Outcome<Nothing> Blend(Surface& backdrop, const Surface& source, double opacity, scene::BlendMode mode) override {
    if (backdrop.box().empty() || source.box().empty()) return Nothing{};
    FIG_TRY(CheckSize(backdrop.box()));
    FIG_TRY(CheckSize(source.box()));
    SwapRedAndBlue(backdrop);
    const Texture below(api_, backdrop.box(), GL_RGBA8, GL_RGBA), above(api_, source.box(), GL_RGBA8, GL_RGBA), result(api_, backdrop.box(), GL_RGBA8, GL_RGBA);
    below.Fill(backdrop);
    Surface turned = FIG_TRY(Turned(source));
    above.Fill(turned);
    const Program& program = parts_->blend;
    program.Use();
    below.Bind(0);
    above.Bind(1);
    api_.glUniform1i(program.Place("backdrop"), 0);
    api_.glUniform1i(program.Place("source"), 1);
    api_.glUniform2i(program.Place("offset"), backdrop.box().x - source.box().x, backdrop.box().y - source.box().y);
    api_.glUniform1f(program.Place("opacity"), static_cast<float>(opacity));
    api_.glUniform1i(program.Place("mode"), static_cast<int>(mode));
    FIG_TRY(parts_->target.Draw(result));
    parts_->target.Read(backdrop, GL_RGBA);
    SwapRedAndBlue(backdrop);
    return Check();
  }

  fig::Outcome<Nothing> Blur(Surface& surface, double deviation) override {
    if (surface.box().empty()) return Nothing{};
    FIG_TRY(CheckSize(surface.box()));
    const bool grey = cairo_image_surface_get_format(surface.get()) == CAIRO_FORMAT_A8;
    const GLenum inside = grey ? GL_R8 : GL_RGBA8, outside = grey ? GL_RED : GL_RGBA;
    const Texture first(api_, surface.box(), inside, outside), second(api_, surface.box(), inside, outside);
    first.Fill(surface);
    const Program& program = parts_->blur;
    program.Use();
    api_.glUniform1i(program.Place("source"), 0);
    api_.glUniform1f(program.Place("deviation"), static_cast<float>(deviation));
    api_.glUniform1i(program.Place("reach"), static_cast<int>(std::ceil(3 * deviation)));
    first.Bind(0);
    api_.glUniform2i(program.Place("step"), 1, 0);
    FIG_TRY(parts_->target.Draw(second));
    second.Bind(0);
    api_.glUniform2i(program.Place("step"), 0, 1);
    FIG_TRY(parts_->target.Draw(first));
    parts_->target.Read(surface, outside);
    return Check();
  }

 private:
  struct Parts {
    explicit Parts(const Api& api) : blend(api), blur(api), target(api) {}
    Program blend, blur;
    Target target;
  };
  fig::Outcome<Nothing> CheckSize(const Box& box) const {
    if (box.width <= largest_ && box.height <= largest_) return Nothing{};
    return Failed("a layer of more than " + std::to_string(largest_) + " pixels a side");
  }
  fig::Outcome<Nothing> Check() const {
    const GLenum error = api_.glGetError();
    if (error == GL_NO_ERROR) return Nothing{};
    if (error == GL_OUT_OF_MEMORY) return fig::NoMemory("gl");
    return Failed("error " + std::to_string(error));
  }
  static void SwapRedAndBlue(Surface& surface) {
    unsigned char* bytes = surface.bytes();
    for (int y = 0; y < surface.box().height; ++y) {
      unsigned char* row = bytes + static_cast<std::ptrdiff_t>(y) * surface.stride();
      for (int x = 0; x < surface.box().width; ++x) std::swap(row[4 * x], row[4 * x + 2]);
    }
    surface.Changed();
  }
  fig::Outcome<Surface> Turned(const Surface& surface) {
    Surface copy = FIG_TRY(Surface::Make(CAIRO_FORMAT_ARGB32, surface.box(), pixels_));
    const unsigned char* from = surface.bytes();
    unsigned char* to = copy.bytes();
    for (int y = 0; y < surface.box().height; ++y) {
      std::copy_n(from + static_cast<std::ptrdiff_t>(y) * surface.stride(), 4 * surface.box().width, to + static_cast<std::ptrdiff_t>(y) * copy.stride());
    }
    copy.Changed();
    SwapRedAndBlue(copy);
    return copy;
  }

  const Api& api_;
  Context context_;  // before the rest, which needs it to go
  std::unique_ptr<Parts> parts_;
  GLint largest_ = 0;
  fig::Budget budget_;
  raster::Pixels pixels_{budget_};
};

}  // namespace

fig::Outcome<std::unique_ptr<raster::Compositor>> MakeCompositor() {
  const Api* api = FIG_TRY(Load());
  auto compositor = std::make_unique<GlCompositor>(*api);
  FIG_TRY(compositor->Make());
  return std::unique_ptr<raster::Compositor>(std::move(compositor));
}

std::string Renderer() {
  const auto api = Load();
  if (!api.ok()) return "none";
  const auto text = [&](GLenum name) {
    const GLubyte* bytes = api.value()->glGetString(name);
    return std::string(bytes == nullptr ? "?" : reinterpret_cast<const char*>(bytes));
  };
  return text(GL_RENDERER) + ", " + text(GL_VERSION);
}

}  // namespace gl
