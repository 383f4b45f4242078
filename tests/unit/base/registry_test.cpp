#include "models/base/registry.h"

#include <gtest/gtest.h>

namespace iommusim::base {
namespace {

struct Shape {
  virtual ~Shape() = default;
  virtual int area() const = 0;
  static const char* registry_kind() { return "shape"; }
};
struct Square : Shape {
  explicit Square(int s) : side(s) {}
  int area() const override { return side * side; }
  int side;
};
using Shapes = Registry<Shape, int>;
const Shapes::Entry square("square", "four equal sides", [](int side) { return std::make_unique<Square>(side); });
const Shapes::Entry circle("circle", "round, more or less", [](int side) { return std::make_unique<Square>(side); });

TEST(Registry, MakesByNameAndListsInOrder) {
  EXPECT_EQ(Shapes::make("square", 3)->area(), 9);
  EXPECT_EQ(Shapes::names(), (std::vector<std::string>{"circle", "square"}));
  EXPECT_EQ(Shapes::help("square"), "four equal sides");
}

TEST(Registry, AnUnknownNameIsAnsweredWithTheKnownOnes) {
  try {
    Shapes::make("sqare", 1);
    FAIL();
  } catch (const UserError& e) {
    EXPECT_STREQ(e.what(), "unknown shape 'sqare'. Did you mean 'square'? Known: circle, square");
  }
  EXPECT_EQ(Shapes::unknown("hexagon"), "unknown shape 'hexagon'. Known: circle, square");
}

TEST(Registry, OneNameTwiceIsAMistakeOfOurs) {
  EXPECT_THROW(Shapes::Entry("square", "again", nullptr), std::logic_error);
}

TEST(Text, NearestNameIsByEditDistance) {
  EXPECT_EQ(edit_distance("latency", "latensy"), 1u);
  EXPECT_EQ(edit_distance("ab", "ba"), 1u);
  EXPECT_EQ(edit_distance("", "abc"), 3u);
  EXPECT_EQ(nearest("Latency", {"latency"}), "latency");
  EXPECT_EQ(nearest("walker", {"walkers", "ways"}), "walkers");
  EXPECT_EQ(nearest("xyz", {"latency"}), "");
  EXPECT_EQ(nearest("a", {"b"}), "");
}

}  // namespace
}  // namespace iommusim::base
