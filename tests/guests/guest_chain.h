// A chain of calls with names that a test knows: main or a thread, ChainOuter, ChainInLibrary, ChainInner, the call.
#pragma once

using ChainEnd = long (*)(long);
extern "C" long ChainInLibrary(ChainEnd end, long number);
