// yield.from: generators in a chain, and blocks of elements. How it works stands at generator_state.
#include <utility>

#include <crocus/generator.hpp>

namespace crocus::detail {

// ---------------------------------------------------------------------------------------------------------- in the body

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

// ---------------------------------------------------------------------------------------------------------- by resumers

/// Resumes what is entangled: the body that stands at a yield, whosever it is. `error` is raised there.
void generator_state::enter_chain(std::exception_ptr error) {
    generator_state* to = &find_leaf();
    if (to->phase_ == phase::running) {
        sent_ = nullptr;
        if (runs_in_chain()) throw generator_already_executing();
        // Somebody else runs it, or a delegator of it. Who delegates to what runs is told, as if it had resumed that. (G5)
        to = this;
        while (to->delegate_->status() != generator_status::running) to = to->delegate_;
        error = std::make_exception_ptr(generator_already_executing());
    } else if (sent_ != nullptr && !to->takes_sent_) {
        sent_ = nullptr;
        to->part();
        for (to = this; to->delegate_->takes_sent_;) to = to->delegate_;  // G59
        error = std::make_exception_ptr(
            generator_error("yield.from: a value was sent, and what is delegated to takes none"));
    } else if (!error && sent_ == nullptr && to->advance_block()) {
        yielded_ = to->yielded_;
        return;
    } else if (to != this) {
        to->sent_ = std::exchange(sent_, nullptr);
    }
    enter_member(*to, std::move(error));
    rethrow();
}

/// Raises `error` in this body, even where it delegates.
void generator_state::enter_own(std::exception_ptr error) {
    if (generator_state& leaf = find_leaf(); leaf.phase_ != phase::running) leaf.part();
    enter_member(*this, std::move(error));
}

/// Enters the body of a member of the chain; comes back when one of the chain yields, or this is finished.
void generator_state::enter_member(generator_state& member, std::exception_ptr error) {
    part();
    remember(member);
    phase_ = member.phase_ = phase::running;
    member.thrown_ = std::move(error);
    member.own_fiber().set_entered_in_unwinding(fiber::current().unwinding());
    member.own_fiber().enter();
    if (leaf_ != nullptr) {  // a member below yielded
        phase_ = phase::entangled;
        remember(find_leaf());  // which may delegate by now
        yielded_ = leaf_->yielded_;
        leaf_->settle();
    } else {
        settle();
    }
}

// ------------------------------------------------------------------------------------------------------------ the chain

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
void generator_state::settle() noexcept {
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
    inner.settle();
}

void generator_state::unlink() noexcept {
    delegating_ = false;
    generator_state* const inner = std::exchange(delegate_, nullptr);
    if (inner == nullptr) return;
    generator_state** at = &inner->delegators_;
    while (*at != this) at = &(*at)->next_delegator_;
    *at = std::exchange(next_delegator_, nullptr);
    if (inner->delegators_ == nullptr) inner->part();
    inner->settle();
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
