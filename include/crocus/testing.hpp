// For tests of programs that use crocus (IsolatedAsyncioTestCase, trio.testing): a loop whose time passes only when
// everybody waits, a network in memory that is as bad as wanted, orders that are drawn from a seed and can be seen again,
// and what helps to hit a certain one.
#pragma once

#include <crocus/testing/lifetimes.hpp>
#include <crocus/testing/schedule.hpp>
#include <crocus/testing/sequencer.hpp>
#include <crocus/testing/simulated_network.hpp>
#include <crocus/testing/virtual_time.hpp>
