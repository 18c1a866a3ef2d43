/* Where a look reads states (src/heaps/quarantine.h, look.c): where something waited at the last one, or was freed since.
 *
 * One slab of one unit, three blocks. The main thread frees the first, and a handler of a signal, which comes between any
 * two steps of it, frees the second or looks. Perhaps there is a second thread for a while, which frees the third. Both
 * look; nobody does while somebody else is at it. Who is alone notes what it frees at the unit, others say only that they
 * have freed something.
 *
 * What must hold: when all is done, two looks release everything.
 *
 * Broken on purpose, each of these must fail: EARLY_NOTE (the note is there before the state says that the block waits),
 * LATE_TAKE (it is taken away when states have been read), NOT_SAID (who is not alone says nothing), FORGETS (what a look
 * leaves waiting is not looked at again).
 */
#define LIVE 0
#define CLAIMED 1
#define WAITS 2
#define CANDIDATE 3
#define FREE 4

byte state[3];
bool noted;         /* at the unit */
bool said;          /* that something was freed, of which nobody noted where */
bool waiting;       /* what the last look left, its own */
bool looking;       /* the lock */
bool alone = true;  /* but for the main thread, who makes the other and waits for its end, nobody changes it */
bool signalled, turn; /* the handler's turn, while the main thread stands */
bool handler_freed, ended;

inline note(is_alone)
{
    if
    :: is_alone -> noted = true
#ifndef NOT_SAID
    :: else -> said = true
#else
    :: else
#endif
    fi
}

inline age(number)
{
    d_step { /* nobody else stores to a state that says this */
        if
        :: state[number] == CANDIDATE -> state[number] = FREE
        :: state[number] == WAITS -> state[number] = CANDIDATE; left = true
        :: else
        fi
    }
}

/* Once, between any two steps of the main thread's. */
inline between(is_main)
{
    if
    :: is_main && !signalled -> signalled = true; turn = true; !turn
    :: skip
    fi
}

/* The lock is held. */
inline look(is_main)
{
    left = false;
    reads = waiting || !alone || said;
    if
    :: alone -> said = false
    :: else
    fi;
    between(is_main);
    if
    :: noted -> reads = true;
#ifndef LATE_TAKE
        noted = false
#endif
    :: else
    fi;
    between(is_main);
    if
    :: reads ->
        age(0);
        between(is_main);
        age(1);
        between(is_main);
        age(2);
        between(is_main);
#ifdef LATE_TAKE
        noted = false;
#endif
#ifndef FORGETS
        waiting = left
#endif
    :: else
    fi
}

inline free_it(number, is_alone, is_main)
{
    state[number] = CLAIMED; /* by an exchange */
    between(is_main);
#ifdef EARLY_NOTE
    note(is_alone);
    between(is_main);
#endif
    state[number] = WAITS;
    between(is_main);
#ifndef EARLY_NOTE
    note(is_alone);
#endif
    between(is_main)
}

inline try_look(is_main)
{
    if
    :: atomic { !looking -> looking = true };
        look(is_main);
        looking = false
    :: looking
    fi
}

active proctype handler()
{
    bool reads, left;

end:
    turn;
    if
    :: free_it(1, alone, false); handler_freed = true
    :: try_look(false)
    fi;
    turn = false
}

proctype second()
{
    bool reads, left;

    free_it(2, false, false);
    if
    :: try_look(false)
    :: skip
    fi;
    ended = true
}

active proctype main()
{
    bool reads, left, has_second;

    if
    :: alone = false; has_second = true; run second()
    :: state[2] = FREE
    fi;
    if
    :: try_look(true)
    :: skip
    fi;
    free_it(0, alone, true);
    try_look(true);
    if
    :: has_second -> ended; alone = true
    :: else
    fi;
    try_look(true);
    try_look(true);
    signalled = true;
    if
    :: !handler_freed -> state[1] = FREE /* it was never taken */
    :: else
    fi;
    try_look(true);
    try_look(true);
    assert(state[0] == FREE && state[1] == FREE && state[2] == FREE)
}
