/* The bias of an account (src/heaps/bias.c), for one account: its holder, whoever ends its bias, and the thread that holds
 * it next, which uses an authority that the first holder has in its hand, too.
 *
 * The holder's store of `inside` may stay in its store buffer; all other stores are seen in their order. The barrier
 * empties the buffer. What must hold: nobody else is in the account while somebody is.
 *
 * Broken on purpose, one of these must fail: NO_BARRIER, ONE_WAIT (the second is left out), LATE_WAIT (the first is).
 */
#define NONE 0
#define FIRST 1 /* the authority of the first holder */
#define OTHER 2 /* the authority of the next one */

byte key = FIRST;
bool recent = true; /* the holder's memory of the account it used last ... */
bool known = true;  /* ... and of those at hand */
bool buffered, inside; /* `inside` = 1 is in the store buffer; has arrived */
byte users; /* in the account */
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

active proctype holder()
{
    byte authority;
    bool remembered;
    byte round;

    for (round : 1 .. 4) {
        if
        :: authority = FIRST
        :: authority = OTHER
        fi;
        buffered = true; /* stepping inside */
        if
        :: remembered = recent; /* cai_bias_enter */
           if
           :: remembered -> if
                            :: key == authority -> use()
                            :: else
                            fi
           :: else
           fi
        :: remembered = known; /* cai_bias_switch */
           if
           :: remembered -> if
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

inline await_holder()
{
#ifndef NO_BARRIER
    d_step { if :: buffered -> inside = true; buffered = false :: else fi };
#endif
    !inside
}

/* cai_bias_end, then blocks change hands, then cai_bias_grant for the next holder. The first half alone is
 * cai_bias_revoke. */
active proctype revoker()
{
    key = NONE;
#ifndef LATE_WAIT
    await_holder();
#endif
    recent = false;
    known = false;
#ifndef ONE_WAIT
    await_holder();
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
