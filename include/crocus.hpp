// crocus: green threads with Python's generators and asyncio, without function colouring.
//
// This list is the architecture, from the ground up: a header may include only headers that stand above it.
#pragma once

// 0  ground
#include <crocus/config.hpp>
#include <crocus/error.hpp>
#include <crocus/unraisable.hpp>
#include <crocus/clock.hpp>

// 1  control transfer: no loop, no input or output
#include <crocus/stack.hpp>
#include <crocus/fiber.hpp>
#include <crocus/generator.hpp>
#include <crocus/context_manager.hpp>
#include <crocus/exit_stack.hpp>
#include <crocus/callback.hpp>

// 2  the loop
#include <crocus/io_driver.hpp>
#include <crocus/event_loop.hpp>
#include <crocus/wait_queue.hpp>
#include <crocus/no_suspend.hpp>

// 3  results and tasks
#include <crocus/future.hpp>
#include <crocus/outcome.hpp>
#include <crocus/context_var.hpp>
#include <crocus/coroutine.hpp>
#include <crocus/task.hpp>
#include <crocus/timeout.hpp>
#include <crocus/stop.hpp>
#include <crocus/wait.hpp>
#include <crocus/task_group.hpp>
#include <crocus/staggered_race.hpp>
#include <crocus/run.hpp>

// 4  coordination
#include <crocus/sync/mutex.hpp>
#include <crocus/sync/event.hpp>
#include <crocus/sync/condition_variable.hpp>
#include <crocus/sync/semaphore.hpp>
#include <crocus/sync/barrier.hpp>
#include <crocus/sync/once_flag.hpp>
#include <crocus/queue.hpp>
#include <crocus/select.hpp>

// 5  threads and processes
#include <crocus/concurrent_future.hpp>
#include <crocus/channel.hpp>
#include <crocus/executor.hpp>
#include <crocus/thread_pool.hpp>
#include <crocus/process_pool.hpp>

// 6  the outside world
#include <crocus/io/fd.hpp>
#include <crocus/io/address.hpp>
#include <crocus/io/socket.hpp>
#include <crocus/io/connect.hpp>
#include <crocus/datagram.hpp>
#include <crocus/stream.hpp>
#include <crocus/server.hpp>
#include <crocus/protocol.hpp>
#include <crocus/transport.hpp>
#include <crocus/protocol_server.hpp>
#include <crocus/process.hpp>

// the roof: nothing above includes these
#include <crocus/call_graph.hpp>
#include <crocus/lock_check.hpp>
#include <crocus/testing/virtual_time.hpp>
#include <crocus/testing/driver_decorator.hpp>
#include <crocus/testing/simulated_network.hpp>
#include <crocus/testing/schedule.hpp>
#include <crocus/testing/sequencer.hpp>
#include <crocus/testing/lifetimes.hpp>
#include <crocus/testing.hpp>
