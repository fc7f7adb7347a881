#include "watches.hpp"

#include <utility>

#include <crocus/event_loop.hpp>

namespace crocus {

namespace detail {

descriptor_watch::descriptor_watch(event_loop& loop, int fd) : loop_(loop), handle_(loop.driver().watch(fd, *this)) {}

descriptor_watch::~descriptor_watch() {
    loop_.driver().release(handle_);
    if (reader) reader->stop();
    if (writer) writer->stop();
}

bool descriptor_watch::arm() noexcept {
    const bool readable = reader && !reader->queued();
    const bool writable = writer && !writer->queued();
    return loop_.driver().arm(handle_, readable, writable);
}

void descriptor_watch::ready(bool readable, bool writable) noexcept {
    if (readable && reader) reader->trigger(loop_);
    if (writable && writer) writer->trigger(loop_);
    const bool waits = (reader && !reader->queued()) || (writer && !writer->queued());
    if (waits) arm();
}

void descriptor_watches::set(int fd, descriptor_watch::slot which, counted<recurring> callback) {
    auto at = of_.find(fd);
    if (at != of_.end() && !at->second.arm()) {  // closed meanwhile: this is another one with the same number
        of_.erase(at);
        at = of_.end();
    }
    if (at == of_.end()) at = of_.try_emplace(fd, loop_, fd).first;
    descriptor_watch& watch = at->second;
    callback->set_source(watch);
    const auto before = std::exchange(watch.*which, std::move(callback));
    watch.arm();
    if (before) before->stop();
}

bool descriptor_watches::remove(int fd, descriptor_watch::slot which) noexcept {
    const auto at = of_.find(fd);
    if (at == of_.end()) return false;
    const auto before = std::exchange(at->second.*which, {});
    if (!at->second.reader && !at->second.writer) of_.erase(at);
    if (before) before->stop();  // last: what it captured may call the loop as it goes
    return static_cast<bool>(before);
}

}  // namespace detail

void event_loop::watch(int fd, bool writer, detail::counted<detail::recurring> callback) {
    require_open();
    if (!watches_) watches_ = std::make_unique<detail::descriptor_watches>(*this);
    watches_->set(fd, writer ? &detail::descriptor_watch::writer : &detail::descriptor_watch::reader,
                  std::move(callback));
}

bool event_loop::remove_reader(int fd) noexcept {
    return watches_ && watches_->remove(fd, &detail::descriptor_watch::reader);
}

bool event_loop::remove_writer(int fd) noexcept {
    return watches_ && watches_->remove(fd, &detail::descriptor_watch::writer);
}

}  // namespace crocus
