// The calls of EGL and OpenGL ES, found when they are wanted: a program that never asks for them starts
// without a driver, and needs none to be installed.
#pragma once

#include <EGL/egl.h>
#include <EGL/eglext.h>
#include <GLES3/gl3.h>

#include "fig/fault.h"

// X(type, name)
#define GL_EGL_CALLS(X)                              \
  X(PFNEGLBINDAPIPROC, eglBindAPI)                   \
  X(PFNEGLCHOOSECONFIGPROC, eglChooseConfig)         \
  X(PFNEGLCREATECONTEXTPROC, eglCreateContext)       \
  X(PFNEGLDESTROYCONTEXTPROC, eglDestroyContext)     \
  X(PFNEGLGETPLATFORMDISPLAYPROC, eglGetPlatformDisplay) \
  X(PFNEGLINITIALIZEPROC, eglInitialize)             \
  X(PFNEGLMAKECURRENTPROC, eglMakeCurrent)           \
  X(PFNEGLRELEASETHREADPROC, eglReleaseThread)

#define GL_CALLS(X)                                        \
  X(PFNGLACTIVETEXTUREPROC, glActiveTexture)               \
  X(PFNGLATTACHSHADERPROC, glAttachShader)                 \
  X(PFNGLBINDFRAMEBUFFERPROC, glBindFramebuffer)           \
  X(PFNGLBINDTEXTUREPROC, glBindTexture)                   \
  X(PFNGLCHECKFRAMEBUFFERSTATUSPROC, glCheckFramebufferStatus) \
  X(PFNGLCOMPILESHADERPROC, glCompileShader)               \
  X(PFNGLCREATEPROGRAMPROC, glCreateProgram)               \
  X(PFNGLCREATESHADERPROC, glCreateShader)                 \
  X(PFNGLDELETEFRAMEBUFFERSPROC, glDeleteFramebuffers)     \
  X(PFNGLDELETEPROGRAMPROC, glDeleteProgram)               \
  X(PFNGLDELETESHADERPROC, glDeleteShader)                 \
  X(PFNGLDELETETEXTURESPROC, glDeleteTextures)             \
  X(PFNGLDISABLEPROC, glDisable)                           \
  X(PFNGLDRAWARRAYSPROC, glDrawArrays)                     \
  X(PFNGLFRAMEBUFFERTEXTURE2DPROC, glFramebufferTexture2D) \
  X(PFNGLGENFRAMEBUFFERSPROC, glGenFramebuffers)           \
  X(PFNGLGENTEXTURESPROC, glGenTextures)                   \
  X(PFNGLGETERRORPROC, glGetError)                         \
  X(PFNGLGETINTEGERVPROC, glGetIntegerv)                   \
  X(PFNGLGETPROGRAMIVPROC, glGetProgramiv)                 \
  X(PFNGLGETSHADERINFOLOGPROC, glGetShaderInfoLog)         \
  X(PFNGLGETSHADERIVPROC, glGetShaderiv)                   \
  X(PFNGLGETSTRINGPROC, glGetString)                       \
  X(PFNGLGETUNIFORMLOCATIONPROC, glGetUniformLocation)     \
  X(PFNGLLINKPROGRAMPROC, glLinkProgram)                   \
  X(PFNGLPIXELSTOREIPROC, glPixelStorei)                   \
  X(PFNGLREADPIXELSPROC, glReadPixels)                     \
  X(PFNGLSHADERSOURCEPROC, glShaderSource)                 \
  X(PFNGLTEXPARAMETERIPROC, glTexParameteri)               \
  X(PFNGLTEXSTORAGE2DPROC, glTexStorage2D)                 \
  X(PFNGLTEXSUBIMAGE2DPROC, glTexSubImage2D)               \
  X(PFNGLUNIFORM1FPROC, glUniform1f)                       \
  X(PFNGLUNIFORM1IPROC, glUniform1i)                       \
  X(PFNGLUNIFORM2IPROC, glUniform2i)                       \
  X(PFNGLUSEPROGRAMPROC, glUseProgram)                     \
  X(PFNGLVIEWPORTPROC, glViewport)

namespace gl {

// Named as the standards name them; each is set once Load has succeeded.
struct Api {
#define GL_MEMBER(type, name) type name = nullptr;
  GL_EGL_CALLS(GL_MEMBER)
  GL_CALLS(GL_MEMBER)
#undef GL_MEMBER
};

// The library stays: drivers do not like to be unloaded. Fails with kOutput. Threads: any.
fig::Outcome<const Api*> Load();

}  // namespace gl
