// yield.from: generators in a chain, and blocks of elements. How it works stands at generator_state.
#include <utility>
#include <vector>

#include <crocus/generator.hpp>

namespace crocus::detail {

// --------------------------------------------------------------------------------------------------------- in the body

bool generator_state::delegate_to(generator_state& inner) {
    link(inner);
    yielded_ = inner.yielded_;
    try {
        phase_ = phase::entangled;
        fiber& to = *std::exchange(resumer_, nullptr);
        fiber& by = to.enter(this_thread());
        if (resumer_ == nullptr) resumer_ = &by;  // else inner has ended, and handed over
        sent_ = nullptr;                          // to one that somebody else has finished
        if (thrown_) rethrow_thrown();
    } catch (const generator_exit&) {
        const bool there = delegate_ != nullptr;
        unlink();
        if (there) {
            inner.close();  // G63
            inner.forget_result();
        }
        throw;
    } catch (...) {
        unlink();
        throw;
    }
    const bool there = delegate_ != nullptr;
    unlink();
    if (there) inner.rethrow();
    return there;
}

void generator_state::visit_fibers_behind(const fiber& f, void (*visit)(const fiber&, void*), void* argument) {
    const auto* const body = static_cast<const generator_state*>(f.argument_of(&generator_state::entry));
    if (body == nullptr) return;
    std::vector<const fiber*> delegators;
    for (const auto* d = body->root_; d != nullptr && d != body; d = d->delegate_) delegators.push_back(&d->own_fiber());
    for (auto d = delegators.rbegin(); d != delegators.rend(); ++d) visit(**d, argument);
    visit(*body->resumer_, argument);
}

void generator_state::yield_block(std::size_t size, std::size_t element_size) {
    block_end_ = static_cast<std::byte*>(yielded_) + size * element_size;
    element_size_ = element_size;
    phase_ = phase::entangled;
    resumer_ = &resumer_->enter(this_thread());
    block_end_ = nullptr;
    if (thrown_) rethrow_thrown();
}

/// At the body's end, if it was resumed by way of its delegator: that one goes on, as if resumed itself.
fiber& generator_state::hand_over() noexcept {
    generator_state& root = *root_;
    generator_state* to = delegators_;
    if (to->next_delegator_ != nullptr)
        for (to = &root; to->delegate_ != this;) to = to->delegate_;
    root.remember(*to);
    to->resumer_ = resumer_;
    to->phase_ = phase::running;
    to->own_fiber().set_entered_in_unwinding(own_fiber().entered_in_unwinding());
    return to->own_fiber();
}

// --------------------------------------------------------------------------------------------------------- by resumers

// Whose body is to be entered is found before the switch, and what it came to is seen to after it, in calls of their
// own: every return from below a switch is mispredicted, so none has the switch inside.

/// For a resume that finds the body not simply suspended: whose body is to be entered, if any.
generator_state* generator_state::prepare() {
    if (phase_ == phase::entangled) {
        generator_state* const leaf = leaf_;  // mostly the one that yielded last, with nothing to see to
        const bool simple = leaf != nullptr && leaf->phase_ == phase::entangled && !leaf->delegating_ &&
                            leaf->block_end_ == nullptr && root_ == nullptr && (sent_ == nullptr || leaf->takes_sent_);
        if (!simple) return prepare_chain(nullptr);
        leaf->sent_ = std::exchange(sent_, nullptr);
        phase_ = phase::running;
        return leaf;
    }
    if (phase_ == phase::running) throw generator_already_executing();
    if (phase_ == phase::closed) return nullptr;
    begin();
    return this;
}

/// For a resume of what is entangled: whose body stands at the yield. `error` will be raised there. Null: there is a
/// next element without entering a body.
generator_state* generator_state::prepare_chain(std::exception_ptr error) {
    generator_state* to = &find_leaf();
    if (to->phase_ == phase::running) [[unlikely]] {
        sent_ = nullptr;
        if (runs_in_chain()) throw generator_already_executing();
        // Somebody else runs it, or a delegator of it. Who delegates to what runs is told so in its body. (G5)
        to = this;
        while (to->delegate_->status() != generator_status::running) to = to->delegate_;
        error = std::make_exception_ptr(generator_already_executing());
    } else if (sent_ != nullptr && !to->takes_sent_) [[unlikely]] {
        sent_ = nullptr;
        to->part();
        for (to = this; to->delegate_->takes_sent_;) to = to->delegate_;  // G59
        error = std::make_exception_ptr(
            generator_error("yield.from: a value was sent, and what is delegated to takes none"));
    } else if (!error && sent_ == nullptr && to->advance_block()) {
        yielded_ = to->yielded_;
        return nullptr;
    } else if (to != this) {
        to->sent_ = std::exchange(sent_, nullptr);
    }
    prepare_member(*to, std::move(error));
    return to;
}

/// `error` will be raised in this body, even where it delegates.
generator_state* generator_state::prepare_own(std::exception_ptr error) {
    if (generator_state& leaf = find_leaf(); leaf.phase_ != phase::running) leaf.part();
    prepare_member(*this, std::move(error));
    return this;
}

void generator_state::prepare_member(generator_state& member, std::exception_ptr error) {
    part();
    remember(member);
    phase_ = phase::running;
    member.thrown_ = std::move(error);
}

/// After the switch: one of the chain has yielded, or this is finished.
void generator_state::settle() {
    generator_state* const leaf = leaf_;
    if (leaf == nullptr || leaf->phase_ != phase::suspended) return settle_anew();
    phase_ = leaf->phase_ = phase::entangled;
    yielded_ = leaf->yielded_;
}

void generator_state::settle_anew() noexcept {
    if (leaf_ == nullptr) return classify();
    phase_ = phase::entangled;
    remember(find_leaf());  // it may delegate by now
    yielded_ = leaf_->yielded_;
    leaf_->classify();
}

// ----------------------------------------------------------------------------------------------------------- the chain

generator_state& generator_state::find_leaf() noexcept {
    generator_state* at = leaf_ != nullptr ? leaf_ : this;
    while (at->phase_ == phase::entangled && at->delegate_ != nullptr && !at->delegate_->closed()) at = at->delegate_;
    return *at;
}

/// True if this is entangled and the body that runs was entered by way of it.
bool generator_state::runs_in_chain() const noexcept {
    if (!delegating_) return false;
    const generator_state& leaf = const_cast<generator_state*>(this)->find_leaf();
    return leaf.phase_ == phase::running && leaf.root_ != nullptr && leaf.root_->leads_to(*this);
}

bool generator_state::stands_in(const generator_state& inner) const noexcept {
    return delegating_ && delegate_ == &inner && status() == generator_status::suspended;
}

bool generator_state::leads_to(const generator_state& member) const noexcept {
    const generator_state* at = this;
    while (at != nullptr && at != &member) at = at->delegate_;
    return at != nullptr;
}

bool generator_state::advance_block() noexcept {
    if (!in_block_at(yielded_, element_size_)) return false;
    yielded_ = static_cast<std::byte*>(yielded_) + element_size_;
    return true;
}

void* generator_state::take_block(std::size_t element_size) noexcept {
    generator_state& leaf = find_leaf();
    if (leaf.block_end_ == nullptr) return static_cast<std::byte*>(yielded_) + element_size;
    yielded_ = leaf.yielded_ = leaf.block_end_ - element_size;
    return leaf.block_end_;
}

/// Says anew whether there is more to ask than that it is suspended.
void generator_state::classify() noexcept {
    if (phase_ != phase::suspended && phase_ != phase::entangled) return;
    const bool more = delegating_ || delegators_ != nullptr || block_end_ != nullptr;
    phase_ = more ? phase::entangled : phase::suspended;
}

/// Makes `leaf` the one that this root enters, and this the one that enters it.
void generator_state::remember(generator_state& leaf) noexcept {
    if (leaf_ == &leaf) return;
    if (leaf_ != nullptr) leaf_->part();
    leaf.part();
    if (&leaf == this) return;
    leaf_ = &leaf;
    leaf.root_ = this;
}

/// Lets the root that entered this forget it.
void generator_state::part() noexcept {
    if (root_ != nullptr) std::exchange(root_, nullptr)->leaf_ = nullptr;
}

void generator_state::link(generator_state& inner) noexcept {
    delegating_ = true;
    delegate_ = &inner;
    next_delegator_ = std::exchange(inner.delegators_, this);
    inner.classify();
}

void generator_state::unlink() noexcept {
    delegating_ = false;
    generator_state* const inner = std::exchange(delegate_, nullptr);
    if (inner == nullptr) return;
    generator_state** at = &inner->delegators_;
    while (*at != this) at = &(*at)->next_delegator_;
    *at = std::exchange(next_delegator_, nullptr);
    if (inner->delegators_ == nullptr) inner->part();
    inner->classify();
}

/// For the end: nobody refers to this any more.
void generator_state::leave_chains() noexcept {
    part();
    while (delegators_ != nullptr) {
        generator_state& delegator = *delegators_;
        delegators_ = std::exchange(delegator.next_delegator_, nullptr);
        delegator.delegate_ = nullptr;
    }
}

}  // namespace crocus::detail
