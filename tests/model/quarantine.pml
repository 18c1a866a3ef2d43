/* Quarantine with sweeps (src/heaps/quarantine.c, src/revoke/world.c), for one block, and two words where its address
 * may stand.
 *
 * Two threads free the block at once, though only one of them may. A third moves a stale pointer from one word to the
 * other and back, and writes through it, until it drops it. Who looks makes what waits a candidate, may protect and read
 * each word while the third runs, stops it, reads what is not protected any more, since it was written to, and what threads
 * hold in registers, and releases the candidate if nothing points to it. The next owner takes the block, and writes to it.
 *
 * A thread is asked to stop by a signal, which comes between two of its steps, and may come late: who looks has gone on by
 * then without releasing anything, and asks again.
 *
 * Or it reads nothing ahead, and each word that it has read while the third stands still stays protected until the next
 * time, with a note of whether it points to where the block is: then it is passed over if it is protected still and
 * does not (revoke/quiet.h).
 *
 * What must hold: one free succeeds and the other is told, whenever they come; the block is not released while
 * something points to it; nobody but its owner writes to it or clears it; it is zero when it gets an owner.
 *
 * Broken on purpose, each of these must fail: NO_CLAIM (the state is looked at, then stored), NO_STOP (words are read
 * while the pointer moves), NO_REST (what was
 * read before the stop is not read again), LATE_PROTECTION (it is read first and then protected), NO_REGISTERS (they are not read), ANY_ANSWER (the answer to an earlier stop counts),
 * NO_LAST_LOOK (the block leaves as it is), NO_REGIONS (what is protected still is passed over wherever it points),
 * UNSEEN_WRITE (a write leaves what was read in an earlier sweep protected), OLD_REGIONS (the note is of an earlier
 * reading than the protection).
 */
#define LIVE 0
#define CLAIMED 1
#define WAITS 2
#define CANDIDATE 3
#define FREE 4
#define TAKEN 5 /* by its next owner */

byte state = LIVE;
byte content = 1; /* not zero */
byte freed;
byte freeing = 2;     /* threads that have the address in a register, or on their stack */
bool word[2];
bool clean[2];        /* protected: not written since */
bool quiet[2];        /* the same, from one sweep to the next */
bool points[2];       /* what was noted of it when it was */
bool hand;            /* the register of the thread that moves the pointer */
byte stop;            /* odd while threads are to wait */
byte asked, answered; /* by the number of the stop; 0: not, or taken notice of */

inline write(value)
{
    assert(state != FREE && state != TAKEN);
    content = value
}

proctype free_it()
{
    bool mine;

#ifdef NO_CLAIM
    mine = state == LIVE;
    if
    :: mine -> state = CLAIMED
    :: else
    fi;
#else
    atomic {
        mine = state == LIVE;
        if
        :: mine -> state = CLAIMED
        :: else -> assert(state != TAKEN)
        fi
    };
#endif
    if
    :: mine ->
        freed++;
        assert(freed == 1);
        write(0);
        state = WAITS
    :: else /* a double free: it is told */
    fi;
    freeing--
}

/* While threads run. */
inline read_ahead(number)
{
#ifdef LATE_PROTECTION
    marked = marked || word[number];
    clean[number] = true
#else
    clean[number] = true;
    marked = marked || word[number]
#endif
}

inline read_rest(number)
{
#ifdef NO_REST
    marked = marked || (!ahead && word[number])
#else
    if
#ifdef NO_REGIONS
    :: quiet[number]
#else
    :: quiet[number] && !points[number]
#endif
    :: else -> marked = marked || (!clean[number] && word[number])
    fi;
    if
    :: alone && stopped ->
#ifdef OLD_REGIONS
        points[number] = noted[number];
        noted[number] = word[number];
#else
        points[number] = word[number];
#endif
        quiet[number] = true
    :: else
    fi
#endif
}

/* A signal may have come. */
inline between()
{
    if
    :: asked != 0 ->
        d_step { ticket = asked; asked = 0 };
        if
        :: ticket == stop ->
            answered = ticket;
            stop != ticket
        :: else
        fi
    :: true /* or comes later */
    fi
}

inline put(number, value)
{
#ifdef UNSEEN_WRITE
    atomic { word[number] = value; clean[number] = false }
#else
    atomic { word[number] = value; clean[number] = false; quiet[number] = false; points[number] = false }
#endif
}

proctype move()
{
    byte round;
    byte ticket;

    for (round : 1 .. 2) {
        between();
        hand = word[0];
        between();
        if
        :: hand -> write(2)
        :: else
        fi;
        between();
        put(1, hand);
        between();
        put(0, false);
        hand = false;
        between();
        hand = word[1];
        between();
        put(0, hand);
        between();
        put(1, false);
        hand = false
    }
    between();
    put(0, false);
end:
    do
    :: asked != 0 -> between()
    od
}

proctype look()
{
    byte round;
    bool stopped, marked, ahead, alone;
#ifdef OLD_REGIONS
    bool noted[2];
#endif

    if
    :: alone = true
    :: alone = false
    fi;
    for (round : 1 .. 3) {
        if
        :: state == WAITS -> state = CANDIDATE
        :: else
        fi;
        marked = false;
        d_step { clean[0] = false; clean[1] = false };
        if
        :: !alone -> ahead = true;
            read_ahead(0);
            read_ahead(1)
        :: ahead = false
        fi;
        stop++;
        asked = stop;
#ifdef NO_STOP
        stopped = true;
#else
        if
#ifdef ANY_ANSWER
        :: answered != 0 -> stopped = true
#else
        :: answered == stop -> stopped = true
#endif
        :: stopped = false /* too long */
        fi;
#endif
        read_rest(0);
        read_rest(1);
#ifndef NO_REGISTERS
        marked = marked || hand || freeing != 0;
#endif
        stop++;
        if
        :: stopped && !marked && state == CANDIDATE ->
            assert(!word[0] && !word[1] && !hand && freeing == 0);
#ifndef NO_LAST_LOOK
            write(0);
#endif
            state = FREE
        :: else
        fi
    }
}

proctype own()
{
end:
    state == FREE;
    atomic {
        state = TAKEN;
        assert(content == 0);
        content = 3
    };
    assert(content == 3)
}

init
{
    atomic {
        word[0] = true;
        run free_it();
        run free_it();
        run move();
        run look();
        run own()
    }
}
