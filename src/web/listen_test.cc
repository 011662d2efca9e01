#include "web/http/listen.h"

#include <gtest/gtest.h>

#include "web/testing.h"

namespace moat::web {
namespace {

TEST(Listen, TakesNobodysPlaceButThatOfWhoIsGone) {
  const testing::PrivateFolder folder;
  ListenConfig config;
  config.unix_path = folder.path() + "/socket";
  auto first = Listen(config);
  ASSERT_TRUE(first.ok()) << first.error().ToString();
  EXPECT_FALSE(Listen(config).ok());
  first->Close();
  EXPECT_TRUE(Listen(config).ok());
}

}  // namespace
}  // namespace moat::web
