#include "gl/api.h"

#include <dlfcn.h>

namespace gl {
namespace {

fig::Fault Missing(std::string what) { return {fig::FaultClass::kOutput, "gl: " + std::move(what), fig::Fault::kNowhere, ""}; }

fig::Outcome<Api> Find() {
  void* library = dlopen("libEGL.so.1", RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) return Missing("libEGL.so.1 is not here");
  // Since EGL 1.5 this one finds the calls of both.
  const auto find = reinterpret_cast<PFNEGLGETPROCADDRESSPROC>(dlsym(library, "eglGetProcAddress"));
  if (find == nullptr) return Missing("libEGL.so.1 has no eglGetProcAddress");
  Api api;
#define GL_FIND(type, name)                                \
  api.name = reinterpret_cast<type>(find(#name));          \
  if (api.name == nullptr) return Missing("no " #name);
  GL_EGL_CALLS(GL_FIND)
  GL_CALLS(GL_FIND)
#undef GL_FIND
  return api;
}

}  // namespace

fig::Outcome<const Api*> Load() {
  static const fig::Outcome<Api> kFound = Find();
  if (!kFound.ok()) return fig::Fault(kFound.fault());
  return &kFound.value();
}

}  // namespace gl
