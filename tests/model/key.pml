/* The keys of branches (src/heap/key.c), for one branch: its keeper, whoever takes it away, and the thread that gets it
 * next, which uses an authority that the first keeper has in its hand, too.
 *
 * The keeper's store of `inside` may stay in its store buffer; all other stores are seen in their order. The barrier
 * empties the buffer. What must hold: nobody else is in the branch while somebody is.
 *
 * Broken on purpose, one of these must fail: NO_BARRIER, ONE_WAIT (the second is left out), LATE_WAIT (the first is).
 */
#define NONE 0
#define FIRST 1 /* the authority of the first keeper */
#define OTHER 2 /* the authority of the next one */

byte key = FIRST;
bool recent = true;   /* the keeper's memory of the branch it used last ... */
bool table = true;    /* ... and of those it knows */
bool buffered, inside; /* `inside` = 1 is in the store buffer; has arrived */
byte users;           /* in the branch */
bool handed_over;

inline use()
{
    users++;
    assert(users == 1);
    users--
}

inline leave()
{
    d_step { buffered = false; inside = false }
}

active proctype keeper()
{
    byte authority;
    bool known;
    byte round;

    for (round : 1 .. 4) {
        if
        :: authority = FIRST
        :: authority = OTHER
        fi;
        buffered = true; /* stepping inside */
        if
        :: known = recent; /* the fast path */
           if
           :: known -> if
                       :: key == authority -> use()
                       :: else
                       fi
           :: else
           fi
        :: known = table; /* cai_branch_switch */
           if
           :: known -> if
                       :: key == authority -> recent = true
                       :: else
                       fi
           :: else
           fi
        fi;
        leave()
    }
}

/* The processor writes its buffer to memory whenever it likes. */
active proctype buffer()
{
end:
    do
    :: atomic { buffered -> inside = true; buffered = false }
    od
}

inline wait_for_keeper()
{
#ifndef NO_BARRIER
    d_step { if :: buffered -> inside = true; buffered = false :: else fi };
#endif
    !inside
}

/* cai_key_part, then blocks change hands, then cai_key_open for the next keeper. */
active proctype taker()
{
    key = NONE;
#ifndef LATE_WAIT
    wait_for_keeper();
#endif
    recent = false;
    table = false;
#ifndef ONE_WAIT
    wait_for_keeper();
#endif
    use();
    handed_over = true;
    key = OTHER
}

active proctype next()
{
    handed_over;
    do
    :: key == OTHER -> use()
    :: break
    od
}
