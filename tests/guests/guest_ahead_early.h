// Of a thread that a constructor has started.
#pragma once

bool EarlyThreadMoves();  // waits until it does
