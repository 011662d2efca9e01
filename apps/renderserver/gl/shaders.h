// The shaders of gl/compositor.cc.
#pragma once

namespace gl {

// One triangle that covers everything: no buffers are needed.
constexpr const char* kVertexShader = R"(#version 300 es
void main() {
  vec2 corner = vec2(float((gl_VertexID << 1) & 2), float(gl_VertexID & 2));
  gl_Position = vec4(corner * 2.0 - 1.0, 0.0, 1.0);
}
)";

// W3C "Compositing and Blending", sections 9 and 10. `mode`: scene::BlendMode. Texels are read by their
// place, so that nothing is filtered.
constexpr const char* kBlendShader = R"(#version 300 es
precision highp float;
precision highp int;
uniform sampler2D backdrop;
uniform sampler2D source;
uniform ivec2 offset;  // of the backdrop's corner in the source
uniform float opacity;
uniform int mode;
out vec4 result;

float Lum(vec3 c) { return dot(c, vec3(0.3, 0.59, 0.11)); }
float Sat(vec3 c) { return max(max(c.r, c.g), c.b) - min(min(c.r, c.g), c.b); }
vec3 ClipColor(vec3 c) {
  float l = Lum(c), n = min(min(c.r, c.g), c.b), x = max(max(c.r, c.g), c.b);
  if (n < 0.0) c = l + (c - l) * l / max(l - n, 1e-6);
  if (x > 1.0) c = l + (c - l) * (1.0 - l) / max(x - l, 1e-6);
  return c;
}
vec3 SetLum(vec3 c, float l) { return ClipColor(c + (l - Lum(c))); }
vec3 SetSat(vec3 c, float s) {
  float n = min(min(c.r, c.g), c.b), x = max(max(c.r, c.g), c.b);
  return x > n ? (c - n) * s / (x - n) : vec3(0.0);
}
float Dodge(float b, float s) { return b <= 0.0 ? 0.0 : s >= 1.0 ? 1.0 : min(1.0, b / (1.0 - s)); }
float Burn(float b, float s) { return b >= 1.0 ? 1.0 : s <= 0.0 ? 0.0 : 1.0 - min(1.0, (1.0 - b) / s); }
float HardLight(float b, float s) { return s <= 0.5 ? b * 2.0 * s : b + (2.0 * s - 1.0) - b * (2.0 * s - 1.0); }
float SoftLight(float b, float s) {
  if (s <= 0.5) return b - (1.0 - 2.0 * s) * b * (1.0 - b);
  float d = b <= 0.25 ? ((16.0 * b - 12.0) * b + 4.0) * b : sqrt(b);
  return b + (2.0 * s - 1.0) * (d - b);
}
vec3 Mix(vec3 b, vec3 s) {
  switch (mode) {
    case 2: return min(b, s);
    case 3: return b * s;
    case 4: return max(b + s - 1.0, 0.0);
    case 5: return vec3(Burn(b.r, s.r), Burn(b.g, s.g), Burn(b.b, s.b));
    case 6: return max(b, s);
    case 7: return b + s - b * s;
    case 9: return vec3(Dodge(b.r, s.r), Dodge(b.g, s.g), Dodge(b.b, s.b));
    case 10: return vec3(HardLight(s.r, b.r), HardLight(s.g, b.g), HardLight(s.b, b.b));
    case 11: return vec3(SoftLight(b.r, s.r), SoftLight(b.g, s.g), SoftLight(b.b, s.b));
    case 12: return vec3(HardLight(b.r, s.r), HardLight(b.g, s.g), HardLight(b.b, s.b));
    case 13: return abs(b - s);
    case 14: return b + s - 2.0 * b * s;
    case 15: return SetLum(SetSat(s, Sat(b)), Lum(b));
    case 16: return SetLum(SetSat(b, Sat(s)), Lum(b));
    case 17: return SetLum(s, Lum(b));
    case 18: return SetLum(b, Lum(s));
    default: return s;
  }
}
void main() {
  ivec2 at = ivec2(gl_FragCoord.xy);
  vec4 b = texelFetch(backdrop, at, 0);
  ivec2 from = at + offset, size = textureSize(source, 0);
  vec4 s = from.x >= 0 && from.y >= 0 && from.x < size.x && from.y < size.y ? texelFetch(source, from, 0) * opacity : vec4(0.0);
  if (mode == 8) {  // plus lighter
    result = min(b + s, vec4(1.0));
    return;
  }
  vec3 cb = b.a > 0.0 ? b.rgb / b.a : vec3(0.0), cs = s.a > 0.0 ? s.rgb / s.a : vec3(0.0);
  vec3 mixed = mode < 2 ? cs : Mix(clamp(cb, 0.0, 1.0), clamp(cs, 0.0, 1.0));
  result = vec4(s.rgb * (1.0 - b.a) + b.rgb * (1.0 - s.a) + s.a * b.a * mixed, s.a + b.a - s.a * b.a);
}
)";

// One direction of a Gaussian. Beyond the edge is nothing.
constexpr const char* kBlurShader = R"(#version 300 es
precision highp float;
precision highp int;
uniform sampler2D source;
uniform ivec2 step;
uniform float deviation;
uniform int reach;
out vec4 result;
void main() {
  ivec2 at = ivec2(gl_FragCoord.xy), size = textureSize(source, 0);
  vec4 sum = vec4(0.0);
  float weights = 0.0;
  for (int i = -reach; i <= reach; ++i) {
    float weight = exp(-float(i * i) / (2.0 * deviation * deviation));
    ivec2 from = at + step * i;
    weights += weight;
    if (from.x >= 0 && from.y >= 0 && from.x < size.x && from.y < size.y) sum += weight * texelFetch(source, from, 0);
  }
  result = sum / weights;
}
)";

}  // namespace gl
