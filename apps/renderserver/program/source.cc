#include "program/source.h"

#include <cerrno>

namespace program {
namespace {

constexpr std::size_t kHashDigits = 40;

}  // namespace

bool IsHash(const std::string& name) {
  return name.size() == kHashDigits && name.find_first_not_of("0123456789abcdef") == std::string::npos;
}

moat::Status Source::Open(const std::string& path, Images images, const fig::Budget& budget) {
  budget_ = budget;
  name_ = path;
  File file = MOAT_TRY(OpenInput(path));
  if (MOAT_TRY(WhatIs(file, path)) == Target::kFile) {
    canvas_ = std::move(file);
    return {};
  }
  folder_ = std::move(file);
  canvas_ = MOAT_TRY(OpenBelow(folder_, "canvas.fig"));
  auto meta = OpenBelow(folder_, "meta.json");
  if (!meta.ok() && meta.error().error_number != ENOENT) return std::move(meta.error());
  if (meta.ok()) meta_ = std::move(meta.value());
  if (images == Images::kWhenNeeded) return {};
  MOAT_TRY(OpenImages());
  folder_ = File();  // a folder that is open reaches beyond a seal
  return {};
}

void Source::Adopt(File file, const std::string& name, const fig::Budget& budget) {
  budget_ = budget;
  name_ = name;
  canvas_ = std::move(file);
}

moat::Status Source::OpenImages() {
  auto folder = OpenFolderBelow(folder_, "images");
  if (!folder.ok()) return folder.error().error_number == ENOENT ? moat::Status() : moat::Status(folder.error());
  for (const std::string& name : MOAT_TRY(NamesIn(folder.value(), budget_.zip_entries))) {
    if (IsHash(name)) opened_.emplace(name, MOAT_TRY(OpenBelow(folder.value(), name)));
  }
  return {};
}

std::vector<int> Source::Descriptors() const {
  std::vector<int> all = {canvas_.get()};
  if (meta_.open()) all.push_back(meta_.get());
  for (const auto& image : opened_) all.push_back(image.second.get());
  return all;
}

moat::Result<fig::Bytes> Source::Read() {
  bytes_ = MOAT_TRY(ReadAll(canvas_, budget_.input_bytes, name_));
  return bytes_.view();
}

moat::Result<fig::Bytes> Source::ReadMeta() {
  if (!meta_.open()) return fig::Bytes{};
  meta_bytes_ = MOAT_TRY(ReadAll(meta_, budget_.input_bytes, "meta.json"));
  return meta_bytes_.view();
}

moat::Result<fig::Bytes> Source::Image(const std::string& hash) {
  if (!IsHash(hash)) return fig::Bytes{};
  const std::lock_guard lock(mutex_);
  if (const auto known = images_.find(hash); known != images_.end()) return known->second.view();
  return Load(hash);
}

moat::Result<fig::Bytes> Source::Load(const std::string& hash) {
  fig::Buffer& bytes = images_[hash];
  const auto opened = opened_.find(hash);
  File late;
  if (opened == opened_.end() && folder_.open()) {
    auto file = OpenBelow(folder_, "images/" + hash);
    if (!file.ok() && file.error().error_number != ENOENT) return std::move(file.error());
    if (file.ok()) late = std::move(file.value());
  }
  if (opened == opened_.end() && !late.open()) return fig::Bytes{};
  const std::uint64_t left = budget_.input_bytes - image_bytes_;
  bytes = MOAT_TRY(ReadAll(late.open() ? late : opened->second, left, "images/" + hash));
  if (bytes.size() > left) return moat::PolicyError("the images are larger than " + std::to_string(budget_.input_bytes) + " bytes");
  image_bytes_ += bytes.size();
  return bytes.view();
}

}  // namespace program
