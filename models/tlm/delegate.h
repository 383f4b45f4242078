// A callback without allocation: an object pointer and a function. std::function costs an indirect call more and may
// allocate.
#pragma once

namespace iommusim::tlm {

template <class Signature>
class Delegate;

/// Calls a member function of an object that outlives the delegate. Made by `delegate<&Class::member>(this)`.
template <class R, class... A>
class Delegate<R(A...)> {
 public:
  Delegate() = default;
  Delegate(void* object, R (*call)(void*, A...)) : object_(object), call_(call) {}
  R operator()(A... arguments) const { return call_(object_, static_cast<A&&>(arguments)...); }
  explicit operator bool() const { return call_ != nullptr; }

 private:
  void* object_ = nullptr;
  R (*call_)(void*, A...) = nullptr;
};

namespace detail {
template <auto Member>
struct DelegateMaker;
template <class C, class R, class... A, R (C::*Member)(A...)>
struct DelegateMaker<Member> {
  static R call(void* object, A... arguments) {
    return (static_cast<C*>(object)->*Member)(static_cast<A&&>(arguments)...);
  }
  static Delegate<R(A...)> make(C* object) { return {object, &call}; }
};
}  // namespace detail

/// `delegate<&Link::arrive>(this)` is a Delegate with the signature of Link::arrive.
template <auto Member, class C>
auto delegate(C* object) {
  return detail::DelegateMaker<Member>::make(object);
}

}  // namespace iommusim::tlm
